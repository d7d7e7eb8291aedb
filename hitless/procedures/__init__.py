"""What is done to a system under test, in order, while everything is recorded."""
