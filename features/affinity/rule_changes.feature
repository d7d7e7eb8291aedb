@RQ-TRF-06 @P1
Feature: Rule changes that nobody notices
  A change of the traffic decider's rules leaves no packet without a rule and none with two.

  @TP-TRF-06-BV-01
  Scenario: Flows that a rule change does not concern lose nothing by it
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When rules select users and services for the target software version
    Then rule changes cost other flows nothing
