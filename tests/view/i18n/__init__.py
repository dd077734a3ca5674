"""Tests of `rugged_widget/view/i18n`."""
