"""The fit: Pyro's SVI with its history, its engine and what is computed for a snapshot."""
