"""Diagnostics of a fit: convergence, importance ratios, weighted quantiles."""
