"""Tests of the traffic worker, its parts and the traffic profiles."""
