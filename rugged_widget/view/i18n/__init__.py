"""Every sentence of the page, by language."""
