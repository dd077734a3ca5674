"""Tests of `rugged_widget/view/pages`."""
