@RQ-UPG-04 @P1
Feature: Only idle instances are removed
  Capacity of the old version is withdrawn as it becomes idle. An instance with active sessions stays.

  @TP-UPG-04-BV-01
  Scenario: No instance is removed while it serves sessions
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then no instance was removed while it served sessions
