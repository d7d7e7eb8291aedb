@RQ-LCM-03 @P1
Feature: One operation at a time
  A second operation of the same VNF is refused as long as the first has not ended, and does not disturb it.

  @TP-LCM-03-BO-01
  Scenario: A second operation is refused and does not disturb the first
    Given the VNF is in service with its source software version
    And users offer 60 % of the rated capacity
    When MANO is sent requests that it has to refuse
    Then second operations were refused and did not disturb the first
