"""Default settings, those of Pyro's tutorial "Bayesian Regression (Part 1)"."""

from __future__ import annotations

from typing import Final

LEARNING_RATE: Final = 0.03
"""Learning rate of Adam."""

NUM_STEPS: Final = 1500
"""Steps of a run, and of the linear layer that the least-squares estimate is compared with."""

NUM_DRAWS: Final = 800
"""Draws of the guide behind bands, densities and tables, and from a sampler that was loaded from a file."""

SNAPSHOT_DRAWS: Final = 400
"""Draws that a snapshot holds, and a saved run keeps, where they are requested."""

PROBS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Probabilities of the quantiles in a snapshot."""

PROB: Final = 0.9
"""Probability inside the bands of a snapshot."""
