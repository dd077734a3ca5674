"""Tests of `rugged_widget/infer/compiled/jax`."""
