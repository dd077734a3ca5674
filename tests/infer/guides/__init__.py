"""Tests of `rugged_widget/infer/guides`."""
