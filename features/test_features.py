"""Binds every feature file below this folder to the steps, in the order in which people read the requirements."""

from pytest_bdd import scenarios

for folder in ("procedure", "capacity", "affinity", "rollback", "contract"):
    scenarios(folder)
