"""Tests of `rugged_widget/snapshot`."""
