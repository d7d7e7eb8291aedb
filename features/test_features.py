"""Binds every feature file below this folder to the steps."""

from pytest_bdd import scenarios

scenarios(".")
