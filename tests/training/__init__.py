"""Tests of `rugged_widget/training`."""
