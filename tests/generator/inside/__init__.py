"""What runs in a private namespace: devices, a generator, a client. The tests outside judge what it reports."""
