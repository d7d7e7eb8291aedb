@RQ-TRF-01 @TP-TRF-01-BV-01 @P1
Feature: Traffic affinity during the software upgrade
  While new service requests go to the new software version step by step, a session that exists already is served
  to its end by the version and the instance that served it from its beginning.

  Scenario: A session stays where it began while the share of the new version grows
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then every session stays with the version and the instance that served it first
