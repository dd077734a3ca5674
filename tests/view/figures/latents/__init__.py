"""The figure of the latents of any model."""
