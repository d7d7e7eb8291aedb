@RQ-RBK-05 @P1
Feature: Rollback in every step
  Until it is complete an upgrade can be rolled back in each of its steps, at rated load; afterwards it can be undone by
  a downgrade.

  @TP-RBK-05-BV-01
  Scenario: An upgrade can be rolled back in each of its steps, and undone after them
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When an upgrade is cancelled and rolled back in each of its steps
    Then every rollback succeeded and the capacity was there all the time
