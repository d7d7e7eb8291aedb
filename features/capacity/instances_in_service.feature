@RQ-CAP-02 @P1
Feature: As much capacity in service as before
  Old and new instances together have at least the capacity that was in service before the upgrade: first add, then
  remove.

  @TP-CAP-02-BV-01
  Scenario: The capacity of the instances in service never falls below what it was
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then the instances in service always had the capacity of before
