"""Pages behind the tabs, for any model."""
