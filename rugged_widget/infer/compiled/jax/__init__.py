"""Run a captured step as an XLA loop, through JAX."""

import os
import sys

# JAX would take most of the memory of a GPU for itself, where it computes nothing here.
if "jax" not in sys.modules:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
