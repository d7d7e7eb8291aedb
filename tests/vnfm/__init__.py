"""Tests of the lab's VNF manager."""
