"""Compute what the window of any model shows."""
