"""A small complete NFV system in Linux namespaces: a system under test that is at hand everywhere.

Nothing in here imports the suite, and the suite imports nothing from here: they meet over the network.
"""
