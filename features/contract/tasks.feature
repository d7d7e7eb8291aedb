@RQ-LCM-05 @P1
Feature: Tasks of an operation
  Retry, rollback and fail are for an operation that has failed for now, cancel for one that is under way, each with
  its own result; in all other states they are refused.

  @TP-LCM-05-BO-01
  Scenario: Each task does what it has to where it is permitted, and is refused elsewhere
    Given the VNF is in service with its source software version
    And users offer 60 % of the rated capacity
    When MANO is sent requests that it has to refuse
    Then each task did what it had to where it was permitted and was refused elsewhere
