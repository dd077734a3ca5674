"""Tests of `rugged_widget/regression/script`."""
