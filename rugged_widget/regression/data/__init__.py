"""The lesson's data, and the reading of tables of one's own."""
