"""Take captured steps, and verify them against Pyro's own."""
