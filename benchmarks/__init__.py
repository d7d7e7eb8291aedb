"""How fast the generator sends and receives, how evenly it paces, how fast recordings are judged: `make benchmark`."""
