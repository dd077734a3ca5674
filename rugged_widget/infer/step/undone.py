"""Run a model to look at it, and undo what that changes."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyro

from rugged_widget.infer.step.buffers import buffers_kept
from rugged_widget.infer.step.isolation import Generators


@contextmanager
def undone() -> Iterator[None]:
    """Run models and guides inside; afterwards parameter store, random numbers and modules are as before.

    Parameters that are made inside are forgotten. Every module that is called inside writes into copies of its buffers,
    see `buffers_kept`. What else a model changes stays changed.
    """
    generators, store = Generators.copied(), pyro.get_param_store()
    held = store._params, store._param_to_name, store._constraints
    store._params, store._param_to_name, store._constraints = dict(held[0]), dict(held[1]), dict(held[2])
    try:
        with buffers_kept():
            yield
    finally:
        store._params, store._param_to_name, store._constraints = held
        generators.rewind()
