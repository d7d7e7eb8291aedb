@RQ-LCM-02 @P1
Feature: States and notifications of an operation
  An operation goes through legal states only; each is notified, and shown no later than it is notified.

  @TP-LCM-02-BV-01
  Scenario: An upgrade goes through legal states that are notified in time
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then operations went through legal states that were notified in time

  @TP-LCM-02-BV-02
  Scenario: A failing upgrade and its rollback go through legal states that are notified in time
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to a software version that fails under traffic
    Then operations went through legal states that were notified in time

  @TP-LCM-02-BV-03
  Scenario: Cancelled upgrades and their rollbacks go through legal states that are notified in time
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When an upgrade is cancelled and rolled back in each of its steps
    Then operations went through legal states that were notified in time

  @TP-LCM-02-BV-04
  Scenario: Operations that are tried in every state go through legal states that are notified in time
    Given the VNF is in service with its source software version
    And users offer 60 % of the rated capacity
    When MANO is sent requests that it has to refuse
    Then operations went through legal states that were notified in time
