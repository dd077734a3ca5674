"""Write scripts that repeat a run."""
