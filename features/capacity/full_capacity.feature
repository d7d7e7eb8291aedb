@RQ-CAP-01 @TP-CAP-01-BV-01 @P1
Feature: Full capacity during the software upgrade
  A network function that is upgraded in service goes on serving the capacity it is rated for. The traditional way
  of upgrading one half of the system after the other serves half of it in the meantime.

  Scenario: The rated capacity is served from the request until after the end of the upgrade
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then the rated capacity is served all the time
