"""Tests of `rugged_widget/view/frames`."""
