"""Guides: families, set-up, sampling and prediction."""
