"""Tests of `rugged_widget/regression/infer/export`."""
