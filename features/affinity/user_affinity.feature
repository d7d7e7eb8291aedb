@RQ-TRF-02 @P1
Feature: User affinity during the software upgrade
  All sessions of one user, concurrent and subsequent, are served by one version as long as that user has not been
  switched; a user who was switched does not go back.

  @TP-TRF-02-BV-01
  Scenario: A user is served by one version at a time and never goes back
    Given the VNF is in service with its source software version
    And users offer 100 % of the rated capacity
    When the VNF is upgraded to its target software version
    Then every user was served by one version at a time and never went back
