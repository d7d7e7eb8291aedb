@RQ-UPG-01 @P1
Feature: New instances beside a complete old side
  The first step of the upgrade brings limited capacity of the new version into service. The old side stays complete,
  and no user meets the new version before it is ready.

  @TP-UPG-01-BV-01
  Scenario: The first new instances come beside all old ones and serve nobody before they are ready
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then the first new instances came beside the complete old side
