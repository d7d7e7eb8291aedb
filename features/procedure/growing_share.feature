@RQ-UPG-03 @P1
Feature: Capacity first, then the requests that need it
  The third step enlarges the new side and sends it more of the new requests, until it gets all of them. The share of
  the new version never falls, and its capacity is always there before the requests that need it.

  @TP-UPG-03-BV-01
  Scenario: The share of the new version grows step by step behind its capacity
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then the share of the new version grew only behind its capacity
