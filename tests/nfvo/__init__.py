"""Packages: built, verified, brought on board, given out."""
