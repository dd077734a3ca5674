"""Write the run of any model as a loop of one's own."""

from dataclasses import dataclass

from rugged_widget.script.loop import AVERAGING, CHANGING, MEANS, mean_constants, rate_constants
from rugged_widget.script.run_spec import OwnGuide
from rugged_widget.snapshot.values import Averaged


@dataclass(frozen=True, kw_only=True)
class Loop:
    """Everything that decides what a run does, but for the values of the arguments.

    Attributes
    ----------
    model
        Name of the model.
    source
        Its definition as the user wrote it; None where it is not to be found.
    call
        The arguments as they stand in a call, such as "x, y, size=3".
    guide
        Expression that is the guide, in terms of `model`; `own` where the user wrote it.
    own
        The guide where the user wrote it.
    optimizer
        Expression that is the optimizer, of pyro.optim; with {rate} where its learning rate stands.
    elbo
        Expression that is the ELBO, of pyro.infer.
    imported
        Names by module that the expressions take from it.
    learning_rates
        As of `learning_rate_changes`.
    seed, num_steps
        Seed and steps of the run.
    averages
        Pairs (step, iterates): after that step the mean of those iterates took the place of the parameters.
    remarks
        Sentences about what the script cannot show.
    """

    model: str
    source: str | None
    call: str
    guide: str
    own: OwnGuide | None
    optimizer: str
    elbo: str
    imported: dict[str, tuple[str, ...]]
    learning_rates: tuple[tuple[int, float], ...]
    seed: int
    num_steps: int
    averages: tuple[tuple[int, Averaged], ...] = ()
    remarks: tuple[str, ...] = ()


def write_loop(loop: Loop) -> str:
    """Write the loop that takes the same steps, a Python program to be run where the model and its arguments are.

    It takes the very steps of the engine "plain", and those of the other engines but for rounding.
    """
    return "\n".join([_head(loop), *_constants(loop), "", *_definitions(loop), _training(loop)])


def _head(loop: Loop) -> str:
    imports = [f"from {module} import {', '.join(names)}" for module, names in sorted(loop.imported.items()) if names]
    torch = ["import torch"] if loop.averages else []
    return "\n".join(["import pyro", *torch, *imports, ""])


def _constants(loop: Loop) -> list[str]:
    return [
        f"SEED = {loop.seed!r}",
        f"NUM_STEPS = {loop.num_steps!r}",
        *rate_constants(loop.learning_rates),
        *mean_constants(loop.averages),
    ]


def _definitions(loop: Loop) -> list[str]:
    remarks = [f"# {remark}" for remark in loop.remarks]
    if loop.source is None:
        lines = [f"# The model, {loop.model}, is that of your notebook.", ""]
    else:
        lines = [
            "# The model as it stands in your notebook, with what it takes from there.",
            loop.source.strip(),
            "",
            "",
        ]
    own = loop.own
    if own is not None and own.source is not None:
        lines += ["# The guide as it stands in your notebook.", own.source.strip(), "", ""]
    elif own is not None and not own.imported:
        lines += [f"# The guide, {own.making}, is that of your notebook.", ""]
    return [*remarks, *lines]


def _training(loop: Loop) -> str:
    changing = len(loop.learning_rates) > 1
    optimizer = loop.optimizer.format(rate="LEARNING_RATES[1]" if changing else "LEARNING_RATE")
    model = [] if loop.model == "model" or not loop.model.isidentifier() else [f"model = {loop.model}"]
    guide = loop.guide if loop.own is None else loop.own.making
    lines = [
        *model,
        "pyro.set_rng_seed(SEED)",
        "pyro.clear_param_store()",
        f"guide = {guide}",
        f"optimizer = {optimizer}",
        f"svi = SVI(model, guide, optimizer, loss={loop.elbo})",
    ]
    means, averaging = (MEANS, AVERAGING) if loop.averages else ("", "")
    head = f"for step in range(1, NUM_STEPS + 1):{CHANGING if changing else ''}"
    return "\n".join([*lines, means, head, f"    loss = svi.step({loop.call}){averaging}", ""])
