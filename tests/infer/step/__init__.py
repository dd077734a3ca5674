"""Tests of `rugged_widget/infer/step`."""
