@RQ-UPG-05 @P1
Feature: Complete means complete
  The fourth step ends when nothing, or very little, is left on the old version. Afterwards the new version serves
  everybody, and no resource of the old one remains.

  @TP-UPG-05-BV-01
  Scenario: The upgrade is complete when it says so, and leaves nothing behind
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then the upgrade was complete when MANO said so and left nothing behind
