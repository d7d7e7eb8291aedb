"""The controller: turns shares of new users into the decider's buckets."""
