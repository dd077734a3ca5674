"""Tests of `rugged_widget/regression/data`."""
