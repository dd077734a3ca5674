"""Showing: figures, controls and pages of any model, built with ipywidgets and bqplot."""
