"""Tests of `rugged_widget/infer/diagnostics`."""
