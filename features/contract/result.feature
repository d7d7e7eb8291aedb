@RQ-LCM-04 @P1
Feature: One result everywhere
  After the upgrade the VNF instance, the operation, its last notification and the package say the same.

  @TP-LCM-04-BV-01
  Scenario: The result of the upgrade is the same everywhere
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then the result of the upgrade was the same everywhere
