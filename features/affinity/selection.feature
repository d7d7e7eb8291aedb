@RQ-TRF-03 @P1
Feature: New requests by selection
  Users of a group, or requests for a type of service, can be selected for the new version: exactly they go there.

  @TP-TRF-03-BV-01
  Scenario: Exactly the selected new requests go to the new version
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When rules select users and services for the target software version
    Then exactly the selected new requests went to the new version
