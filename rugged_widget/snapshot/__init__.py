"""Snapshots, which cross from computing to showing: frozen values of numbers and numpy arrays."""
