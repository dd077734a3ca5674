"""Tests of `rugged_widget/infer/svi`."""
