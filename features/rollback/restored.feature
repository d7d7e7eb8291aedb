@RQ-RBK-04 @P1
Feature: Everything as before after a rollback
  After a rollback the managed view of the VNF equals the one before the request, and nothing is left behind.

  @TP-RBK-04-BV-01
  Scenario: The rollback of a failing upgrade restores the managed view
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to a software version that fails under traffic
    Then the managed view was as before the request

  @TP-RBK-04-BV-02
  Scenario: The rollback of a cancelled upgrade restores the managed view in each of its steps
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When an upgrade is cancelled and rolled back in each of its steps
    Then the managed view was as before the request
