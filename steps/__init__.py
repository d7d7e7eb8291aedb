"""The vocabulary of the feature files, one module per noun."""
