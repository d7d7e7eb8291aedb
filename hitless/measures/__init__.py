"""Measures: pure functions from a history to numbers. No file, no clock, no limit."""
