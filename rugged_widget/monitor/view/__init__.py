"""Show any model."""
