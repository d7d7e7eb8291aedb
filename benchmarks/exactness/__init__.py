"""The long form of the exactness tests: 10^7 packets against the kernel's counters, and the error of outages."""
