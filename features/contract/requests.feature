@RQ-LCM-01 @P1
Feature: Requests to change the package
  A valid request is accepted and names its operation. A request that cannot be carried out is refused with the right
  status, and nothing is touched by it.

  @TP-LCM-01-BI-01
  Scenario: A request is accepted or refused as it has to be
    Given the VNF is in service with its source software version
    And users offer 60 % of the rated capacity
    When MANO is sent requests that it has to refuse
    Then every request was accepted or refused as it had to be
