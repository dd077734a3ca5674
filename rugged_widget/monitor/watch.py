"""Open the window onto the training of any Pyro model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rugged_widget.infer.step.loss_arguments import parameter_names
from rugged_widget.monitor.infer.problem import problem_of, taken_apart
from rugged_widget.monitor.infer.refusals import called, refuse_misspelt, refuse_no_guide
from rugged_widget.monitor.infer.run_spec import argument_names
from rugged_widget.monitor.model_widget import ModelWidget
from rugged_widget.numpy_errors import usual_errors
from rugged_widget.setting import settings_of

_MISSING: Final[Any] = object()

_OWN: Final = (
    "guide",
    "batches",
    "kwargs",
    "loss",
    "optimizer",
    "schedule_every",
    "skip_nonfinite",
    "title",
    "predict",
    "heldout",
)
"""Names of what `watch` takes beside settings."""


@usual_errors()
def watch(
    model: Any,
    /,
    *args: Any,
    guide: Any = _MISSING,
    batches: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    loss: Any = None,
    optimizer: Any = None,
    schedule_every: int = 1,
    skip_nonfinite: int = 0,
    title: str | None = None,
    predict: Any = None,
    heldout: Any = None,
    **settings: Any,
) -> ModelWidget:
    """Open a window onto the training of a model: ``watch(svi, x, y)``, ``watch(model, guide, x, y)``.

    It trains as a loop of ``svi.step(x, y)`` would, and when it rests, guide, modules and Pyro's parameter store hold
    what was trained: ``Predictive(model, guide=guide, num_samples=800)(x)`` in the next cell just works.

    Parameters
    ----------
    model
        A Pyro model, a function or a PyroModule; or a `pyro.infer.SVI`, of which model, guide, optimizer and loss are
        taken.
    args
        The guide, then the positional arguments of model and guide. With an SVI, or with `guide=`, the arguments alone.
    guide
        The guide, where it does not stand behind the model: None to choose one, the name of a family, a subclass or an
        object of AutoGuide, a function, a PyroModule.
    batches
        Where each step has a batch of its own, in front of the arguments: an iterable or a DataLoader, gone through
        again and again, or a function that returns the next batch. A tuple or list is spread over the first arguments,
        a dict over keyword arguments.
    kwargs
        Keyword arguments of the model whose names are those of arguments of `watch`.
    loss
        An ELBO of pyro.infer, or a function ``loss(model, guide, *args, **kwargs)``; Trace_ELBO, or what a chosen guide
        needs, where None.
    optimizer
        One of pyro.optim, with its options, clipping and schedule; Adam at `learning_rate` where None.
    schedule_every
        Steps after which a schedule of the optimizer is stepped, >= 1.
    skip_nonfinite
        Steps in a row, >= 0, that may be skipped because their loss, a gradient or a parameter is not finite.
    title
        What stands at the top; the name of the model where None.
    predict
        What the model predicts, drawn as bands on the first page. A function of the guide's draws by site, tensors of
        shape (num_draws, *site shape), that returns a grid x (num_points,) and curves (num_draws, num_points), with a
        third entry (x, y) where observed points are to be drawn; or a dict of up to four of these by title. x holds
        numbers or dates, and the name of a pandas Series or Index is that of its axis; a function that draws by itself,
        as of a Forecaster, may return any number of curves. Or
        ``(site, args)``: the model is called with these arguments, a tuple such as ``(x_grid, None)`` or a dict, and
        what it has at the site is drawn over the first column of numbers among them that is not the site's own data,
        else over its index.
    heldout
        Data that is not trained on, whose ELBO is drawn beside that of training: arguments of the model as a tuple such
        as ``(x_test, y_test)``, a dict by name, or a single tensor as the first argument; or a DataLoader of batches,
        gone through once. What it does not give is as in a step. A plate of another size counts for as many elements as
        in training, so that both ELBOs can be compared. It is computed at some of the steps, in a tenth of the time,
        with modules as after ``eval()``, and leaves no trace in random numbers, buffers or parameters.
    settings
        Settings of `ModelWidget` by name: learning_rate, num_steps, seed, speed, engine, stop_when_converged, language,
        rate_factor. Whatever else is given by name is a keyword argument of the model.

    Returns
    -------
    ModelWidget
        A widget: display it, press Start; or ``await monitor.fit()``.

    Raises
    ------
    TypeError, ValueError
        At once, for what cannot be watched, naming what was given and what is needed.

    Examples
    --------
    >>> import pyro, pyro.distributions as dist, torch
    >>> def coin(flips):
    ...     fairness = pyro.sample("fairness", dist.Beta(2.0, 2.0))
    ...     with pyro.plate("flips", len(flips)):
    ...         pyro.sample("flip", dist.Bernoulli(fairness), obs=flips)
    >>> monitor = watch(coin, None, torch.tensor([1.0, 1.0, 0.0]), num_steps=500)
    >>> monitor.step
    0
    """
    _check_plain(title, kwargs)
    given = taken_apart(model)
    if given is not None:
        _refuse_twice(given, guide=guide, loss=loss, optimizer=optimizer)
    else:
        chosen, args = (guide, args) if guide is not _MISSING else _guide_first(args)
        given = {"model": model, "guide": chosen, "loss": loss, "optimizer": optimizer}
    of_model, of_window = _told_apart(settings, given)
    given |= {"batches": batches, "schedule_every": schedule_every, "skip_nonfinite": skip_nonfinite, "title": title}
    given |= {"predict": predict, "heldout": heldout}
    try:
        problem = problem_of(args=args, kwargs={**of_model, **(kwargs or {})}, **given)
    except ValueError as error:
        if both := _names_of_both(given["model"], {*of_window} - {*(kwargs or {})}):
            raise ValueError(f"{error}. {both}") from error
        raise
    return ModelWidget(problem, **of_window)


def _names_of_both(model: Any, settings: set[str]) -> str:
    """Say which arguments of the model were taken as settings of the window; empty where none were."""
    both = sorted(settings & {*argument_names(model)})
    by_name = ", ".join(f'"{name}": ...' for name in both)
    if not both:
        return ""
    return f"watch took {', '.join(both)} as its own: give it to the model by kwargs={{{by_name}}}"


def _check_plain(title: Any, kwargs: Any) -> None:
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be a text, got {called(title)}")
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise TypeError(f"kwargs must be a mapping of names to arguments, got {called(kwargs)}")


def _guide_first(args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Return the guide, which stands in front of the arguments, and the arguments."""
    if not args:
        return None, ()
    refuse_no_guide(args[0])
    return args[0], args[1:]


def _told_apart(settings: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of the model and the settings of the window among what was given by name."""
    names = settings_of(ModelWidget)
    of_model = {name: value for name, value in settings.items() if name not in names}
    of_window = {name: value for name, value in settings.items() if name in names}
    refuse_misspelt(of_model, {*names, *_OWN}, parameter_names(given["model"]))
    if given["optimizer"] is not None and "learning_rate" in of_window:
        raise ValueError("learning_rate is for Adam, and an optimizer with rates of its own was given: use rate_factor")
    if given["optimizer"] is None and "rate_factor" in of_window:
        raise ValueError("rate_factor scales the rates of an optimizer, and none was given: use learning_rate")
    return of_model, of_window


def _refuse_twice(given: Mapping[str, Any], **others: Any) -> None:
    for name, value in others.items():
        if value is not _MISSING and value is not None:
            raise ValueError(f"the SVI that was given has its {name} already, {given[name]!r}: leave {name}= out")
