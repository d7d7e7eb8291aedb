"""The VNF: packages with its software, and the process that is one running unit of it."""
