"""The tester's side of the management interfaces: a SOL003 client, an endpoint for notifications, a watcher."""
