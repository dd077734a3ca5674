"""Tests of `rugged_widget/view/controls`."""
