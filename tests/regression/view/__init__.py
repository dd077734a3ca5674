"""Tests of `rugged_widget/regression/view`."""
