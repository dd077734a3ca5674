"""The lesson's pages, panels and words."""
