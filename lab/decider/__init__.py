"""The traffic decider: sends each user's packets to one VNF unit, both ways, and changes its mind atomically."""
