"""Figures, verdicts and texts; each is built once and updated by frames."""
