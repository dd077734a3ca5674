"""Computing: SVI on any Pyro model, with torch and Pyro."""
