"""Runs that are over: their frozen record, and the store that keeps them."""
