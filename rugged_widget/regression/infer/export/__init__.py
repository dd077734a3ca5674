"""Export a fitted guide as a sampler that PyTorch alone can load."""
