@RQ-RBK-01 @P1
Feature: Rollback without an outage
  When the new software fails, its users return to the old version. Those whom the old version has served all the time
  notice nothing, and the others are served again soon.

  @TP-RBK-01-BV-01
  Scenario: A failing upgrade is rolled back without an outage for users of the old version
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to a software version that fails under traffic
    Then users of the old version noticed nothing and the others were soon served again
