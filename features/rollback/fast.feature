@RQ-RBK-02 @P1
Feature: Fast rollback
  A rollback uses the old capacity that is still there: traffic leaves the new version at once, and the operation does
  not take longer than the upgrade had taken.

  @TP-RBK-02-BV-01
  Scenario: The rollback of a failing upgrade is fast
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to a software version that fails under traffic
    Then the rollback was fast

  @TP-RBK-02-BV-02
  Scenario: The rollback of a cancelled upgrade is fast in each of its steps
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When an upgrade is cancelled and rolled back in each of its steps
    Then the rollback was fast
