"""Tests of `rugged_widget/view/figures`."""
