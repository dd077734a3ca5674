"""Variational inference: the only place that imports torch or Pyro."""
