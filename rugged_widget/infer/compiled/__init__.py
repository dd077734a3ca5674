"""A step of SVI, captured once as a graph of tensor operations and run without Pyro."""
