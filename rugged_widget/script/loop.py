"""Parts of a script that repeats a run: learning rates that change, and means of iterates."""

from typing import Final

from rugged_widget.snapshot.values import Averaged


def rate_constants(changes: tuple[tuple[int, float], ...]) -> list[str]:
    """Return lines that define LEARNING_RATE, or LEARNING_RATES where it changes; pairs (step, from 1, and rate)."""
    if len(changes) == 1:
        return [f"LEARNING_RATE = {changes[0][1]!r}"]
    lines = [f"    {step}: {rate!r}," for step, rate in changes]
    return ["LEARNING_RATES = {  # by the step, from 1, that they begin at", *lines, "}"]


def mean_constants(averages: tuple[tuple[int, Averaged], ...]) -> list[str]:
    """Return lines that define AVERAGED, none where no mean was put in place; pairs (step, iterates)."""
    if not averages:
        return []
    lines = [f"    {at}: range({mean.first}, {mean.last + 1}, {mean.stride})," for at, mean in averages]
    return ["AVERAGED = {  # by the step after which the mean of some iterates is put in place: of which", *lines, "}"]


CHANGING: Final = """
    if step in LEARNING_RATES:
        for inner in optimizer.optim_objs.values():  # one for each parameter
            inner.param_groups[0]["lr"] = LEARNING_RATES[step]"""

MEANS: Final = """
means = {at: {} for at in AVERAGED}  # of the parameters as the optimizer moves them, unconstrained
"""

AVERAGING: Final = """
    store = dict(pyro.get_param_store().named_parameters())
    for at, steps in AVERAGED.items():
        if step in steps:
            for name, value in store.items():
                means[at][name] = means[at].get(name, 0.0) + value.detach().double() / len(steps)
    if step in AVERAGED:
        with torch.no_grad():
            for name, value in store.items():
                value.copy_(means[step][name])"""
