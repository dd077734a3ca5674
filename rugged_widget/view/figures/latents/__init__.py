"""Latents of any model: rows for elements, a row a site where there are many, bars and heat maps."""
