"""Tests of `rugged_widget/runs`."""
