"""Write the run of any model as a loop of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from rugged_widget.script.loop import AVERAGING, CHANGING, MEANS, mean_constants, rate_constants
from rugged_widget.snapshot.values import Averaged

BATCHES = """
def all_batches():
    while True:
        got = batches() if callable(batches) else batches
        yield from got if hasattr(got, "__next__") or not callable(batches) else [got]


stream = all_batches()"""

NEXT_BATCH = """
    batch = next(stream)
    by_name = batch if isinstance(batch, dict) else {}
    in_order = () if by_name else batch if isinstance(batch, (tuple, list)) else (batch,)"""


HELDOUT = """
def heldout_elbo():  # of data that is not trained on, on the scale of the ELBO of training; it moves no random numbers
    rows, total = {rows!r}, 0.0
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        for batch, count{more} in zip({batches}, rows{scales}):
            {within}total -= count / sum(rows) * svi.evaluate_loss({call})
    return total
"""

RESIZED = '''

class Resized(Messenger):
    """Lets sites count as often as there would be of them in data of the size of the training data."""

    def __init__(self, factors):
        super().__init__()
        self.factors = factors

    def _pyro_sample(self, msg):
        names = [frame.name for frame in msg["cond_indep_stack"]]
        for name in names or [msg["name"]] * msg["is_observed"]:
            msg["scale"] = msg["scale"] * self.factors.get(name, 1.0)
'''

REPORT = """
    if step % {every} == 0 or step == NUM_STEPS:
        print(step, -loss, heldout_elbo())"""

REPORTS = 20
"""Times that a script writes the held-out ELBO, about."""


@dataclass(frozen=True)
class Heldout:
    """Data that is not trained on.

    Attributes
    ----------
    call
        The arguments as they stand in a call, by `heldout` of the notebook, or by `batch`, one of its batches.
    has_batches
        It is a DataLoader.
    rows
        Observations in each batch.
    factors
        What sites count for by the names of their plates, or of sites that are in none, for each batch.
    """

    call: str
    has_batches: bool
    rows: tuple[int, ...]
    factors: tuple[Mapping[str, float], ...] = ()


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
        The arguments as they stand in a call, such as "x, y, size=3"; of batches what stands behind them.
    guide, optimizer, elbo
        Expressions that are the guide, in terms of `model`, the optimizer and the loss; "guide", "optimizer" and "loss"
        are those of the notebook.
    guide_source
        Definition of the guide as the user wrote it; None where it has none.
    helper
        Definition of what an automatic guide sees of a model with loops over plates; empty where it needs none.
    imported
        Names by module that the expressions take from it.
    learning_rates
        As of `learning_rate_changes`; empty where the optimizer has its rates from elsewhere.
    schedule, schedule_every
        Statement that steps the schedule of the optimizer, empty where it has none; and steps after which it does.
    has_batches
        Each step takes a batch from `batches` of the notebook.
    seed, num_steps
        Seed and steps of the run.
    averages
        Pairs (step, iterates): after that step the mean of those iterates took the place of the parameters.
    remarks
        Sentences about what the script takes from elsewhere.
    heldout
        Data that is not trained on; None where there is none.
    """

    model: str
    source: str | None
    call: str
    guide: str
    guide_source: str | None
    optimizer: str
    elbo: str
    imported: dict[str, tuple[str, ...]]
    learning_rates: tuple[tuple[int, float], ...]
    schedule: str
    schedule_every: int
    has_batches: bool
    seed: int
    num_steps: int
    averages: tuple[tuple[int, Averaged], ...] = ()
    remarks: tuple[str, ...] = ()
    helper: str = ""
    heldout: Heldout | None = None


def write_loop(loop: Loop) -> str:
    """Write the loop that takes the same steps, a Python program to be run where the model and its arguments are.

    It takes the very steps of the engine "plain", and those of the other engines but for rounding.
    """
    return "\n".join([_head(loop), *_constants(loop), "", *_definitions(loop), _training(loop)])


def _head(loop: Loop) -> str:
    imports = [f"from {module} import {', '.join(names)}" for module, names in sorted(loop.imported.items()) if names]
    return "\n".join(["import pyro", "import pyro.distributions as dist", "import torch", *imports, ""])


def _constants(loop: Loop) -> list[str]:
    return [
        f"SEED = {loop.seed!r}",
        f"NUM_STEPS = {loop.num_steps!r}",
        *(rate_constants(loop.learning_rates) if loop.learning_rates else []),
        *mean_constants(loop.averages),
    ]


def _definitions(loop: Loop) -> list[str]:
    lines = [f"# {remark}" for remark in loop.remarks]
    for name, source in (("model", loop.source), ("guide", loop.guide_source)):
        if source is not None:
            lines += [
                f"# The {name} as it stands in your notebook, with what it takes from there.",
                source.strip(),
                "",
                "",
            ]
    if loop.helper:
        lines += ["# Automatic guides refuse plates that are gone through in a loop; this hides them.", loop.helper, ""]
    return lines


def _training(loop: Loop) -> str:
    made = [("model", loop.model), ("guide", loop.guide), ("optimizer", loop.optimizer)]
    lines = [
        "pyro.set_rng_seed(SEED)",
        "pyro.clear_param_store()",
        *(f"{name} = {expression}" for name, expression in made if name != expression),
        f"svi = SVI(model, guide, optimizer, loss={loop.elbo})",
        *([BATCHES] if loop.has_batches else []),
    ]
    means, averaging = (MEANS, AVERAGING) if loop.averages else ("", "")
    head = f"for step in range(1, NUM_STEPS + 1):{CHANGING if len(loop.learning_rates) > 1 else ''}"
    batch = NEXT_BATCH if loop.has_batches else ""
    call = ", ".join(filter(None, ["*in_order" * loop.has_batches, loop.call, "**by_name" * loop.has_batches]))
    step = f"    loss = svi.step({call}){_scheduled(loop)}{averaging}{_report(loop)}"
    return "\n".join([*lines, *_heldout(loop.heldout), means, f"{head}{batch}", step, ""])


def _heldout(heldout: Heldout | None) -> list[str]:
    """Return lines that define what computes the ELBO of data that is not trained on."""
    if heldout is None:
        return []
    scaled = any(heldout.factors)
    function = ("" if scaled else "\n") + HELDOUT.format(
        rows=list(heldout.rows),
        more=", factors" * scaled,
        batches="heldout" if heldout.has_batches else "[heldout]",
        scales=f", {[dict(factors) for factors in heldout.factors]!r}" * scaled,
        within="with Resized(factors):\n                " * scaled,
        call=heldout.call,
    )
    return [*([RESIZED] if scaled else []), function]


def _report(loop: Loop) -> str:
    return "" if loop.heldout is None else REPORT.format(every=max(1, loop.num_steps // REPORTS))


def _scheduled(loop: Loop) -> str:
    if not loop.schedule or loop.schedule_every == 1:
        return loop.schedule and f"\n    {loop.schedule}"
    return f"\n    if step % {loop.schedule_every} == 0:\n        {loop.schedule}"
