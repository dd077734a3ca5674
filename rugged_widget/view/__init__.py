"""Showing: ipywidgets, bqplot and anywidget; it knows snapshots, and nothing of how they are computed."""
