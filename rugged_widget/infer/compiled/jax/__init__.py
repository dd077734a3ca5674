"""Run a captured step as an XLA loop, through JAX."""
