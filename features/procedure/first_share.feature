@RQ-UPG-02 @P1
Feature: A part of the new requests for the new version
  The second step sends a part of the new service requests to the new version; the old version takes the rest.

  @TP-UPG-02-BV-01
  Scenario: The new version gets its first part of the new requests, and no more
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then the new version first got its part of the new requests and no more
