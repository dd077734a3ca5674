"""Set up guides: their parameters before the first step, and the model and arguments that they belong to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final
from weakref import WeakKeyDictionary

import pyro
import torch
from pyro.infer.autoguide import AutoContinuous, AutoGuide, AutoGuideList, AutoNormalizingFlow
from torch import nn

from rugged_widget.infer.guides.compatibility import raised, try_guide
from rugged_widget.infer.guides.custom_sampling import can_draw_together
from rugged_widget.infer.guides.enumerated_draws import ways_to_call
from rugged_widget.infer.guides.live import LiveRehearsal
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.isolation import Generators, random_numbers_kept
from rugged_widget.infer.step.module_state import Params, params_of, present_params
from rugged_widget.infer.step.traceback_reading import described


class Rehearsal:
    """A guide's model and arguments, and a twin of the guide, from `make`, that has been called once.

    Some guides make their parameters in the first step and no earlier, from random numbers that lie between others of
    that step. The twin makes them from the same random numbers in a parameter store of its own, so that such a guide
    can be looked at before its first step, which stays as it would be. It is `tried` where it was tried whether the
    guide fits the model, as one of the user's own is, and `vectorised` where such a one can be called for all draws at
    once.
    """

    def __init__(self, make: Callable[[], Any], model: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.model, self.args, self.kwargs = model, args, dict[str, Any]()
        self.tried = self.vectorised = False
        self._make = make
        self._twin: Any = None
        self._store: Params = {}, {}, {}

    def __repr__(self) -> str:
        return f"Rehearsal({type(self._twin).__name__}, {len(self._store[0])} parameters)"

    def play(self, generators: Generators, *, tried: bool) -> None:
        """Call the twin once, with random numbers from there on; see that it fits the model where it is to be tried."""
        self.tried, self._twin = tried, self._make()
        with params_of(self._store):
            if tried:
                try_guide(self._twin, self.model, self.args)
                for values in self._store:
                    values.clear()
                self._twin = self._make()
            generators.rewind()
            with pyro.poutine.block(), torch.no_grad():
                self._twin(*self.args)
                self.vectorised = tried and can_draw_together(self._twin, self.args)

    def is_set_up(self) -> bool:
        """Return whether the present store has the parameters that the guide makes."""
        present = present_params()[0]
        return self._twin is None or all(name in present for name in self._store[0])

    @contextmanager
    def on_stage(self, guide: Any) -> Iterator[Any]:
        """Give the guide where it has its parameters, else the twin and its store."""
        if self.is_set_up():
            yield guide
        else:
            with params_of(self._store):
                yield self._twin

    def vectorises(self, guide: Any) -> bool:  # noqa: ARG002 as that of LiveRehearsal
        """Return whether the guide can be called for all draws at once."""
        return self.vectorised

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Enter to call the guide for draws: it is a copy of the fit's own, and may keep what a call leaves."""
        yield


_REHEARSALS: Final[WeakKeyDictionary[Any, Rehearsal | LiveRehearsal]] = WeakKeyDictionary()


def remember(
    guide: Any, make: Callable[[], Any], model: Callable[..., Any], args: tuple[Any, ...], *, tried: bool
) -> None:
    """Keep what is known of a guide as long as there is the guide; the random numbers used are given back.

    The guide has not been called yet; `make` makes another of the kind. Where it has to be `tried` and does not fit the
    model, ValueError is raised.
    """
    with random_numbers_kept() as generators:
        of_all_rows = getattr(model, "of_all_rows", None)  # what a model offers whose steps look at batches
        rehearsal = Rehearsal(make, model if of_all_rows is None else of_all_rows(), args)
        if tried or isinstance(guide, AutoGuideList) or not isinstance(guide, AutoGuide):
            rehearsal.play(generators, tried=tried)
    _REHEARSALS[guide] = rehearsal


def remember_live(
    guide: Any, model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], loss: object = None
) -> None:
    """Keep what is needed to draw from a guide that is trained as it is, without a copy.

    Random numbers, modules and the parameter store are as before afterwards. A guide that makes its parameters in the
    first step is called once, with the random numbers of that step. A `loss` that enumerates lets a guide be drawn from
    that cannot be called without enumeration. ValueError is raised where the guide raises.
    """
    problems: list[Exception] = []
    for called in ways_to_call(guide, loss):
        rehearsal = LiveRehearsal(guide, model, args, kwargs, called)
        try:
            if isinstance(guide, AutoGuideList) or not isinstance(guide, AutoGuide):
                with random_numbers_kept() as generators:
                    rehearsal.play(generators)
        except Exception as error:
            problems.append(error)
        else:
            _REHEARSALS[guide] = rehearsal
            return
    needed = f"the guide must be callable with what the model is called with ({described(args, kwargs)})"
    raise ValueError(f"{needed}; {raised(problems[0])}") from problems[0]


def remember_uncalled(guide: Any, model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Keep what a guide belongs to that only its loss can call, so that it cannot be drawn from."""
    _REHEARSALS[guide] = LiveRehearsal(guide, model, args, kwargs)


def rehearsal_of(guide: Any) -> Rehearsal | LiveRehearsal | None:
    """Return what is kept of a guide; None where nothing is."""
    return _REHEARSALS.get(guide)


def forget(guide: Any, rehearsal: Rehearsal | LiveRehearsal) -> None:
    """Let go of what is kept of a guide, where it still is this: one that is live holds the guide, which would stay."""
    if _REHEARSALS.get(guide) is rehearsal:
        del _REHEARSALS[guide]


def set_up(guide: Any) -> AbstractContextManager[Any]:
    """Give a guide that has its parameters: the guide itself, or its twin before the first step."""
    rehearsal = rehearsal_of(guide)
    return nullcontext(guide) if rehearsal is None else rehearsal.on_stage(guide)


def is_set_up(guide: Any) -> bool:
    """Return whether a guide has its parameters, as far as that is known."""
    rehearsal = rehearsal_of(guide)
    return rehearsal is None or rehearsal.is_set_up()


def create_parameters(
    guide: object,
    call: Call,
    unmoved: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> bool:
    """Give an automatic guide its parameters before the first step, with the random numbers of the first step.

    Pyro does it within the first call: the prototype, then the networks of a flow, then the draw. The first two are
    done here; a call whose random numbers are given back enters the parameters into the store. The parts of an
    AutoGuideList set themselves up one between another's draws, so they are left to the first step, as is any guide
    that is not automatic. A guide that has been called before is not set up anew. The call is made in the context
    `unmoved`, which gives back buffers that it writes into. Returns whether the guide is set up.
    """
    if not isinstance(guide, AutoGuide):
        return False
    args, kwargs = call.args, call.kwargs
    if guide.prototype_trace is None:
        guide._setup_prototype(*args, **kwargs)
    if isinstance(guide, AutoGuideList):
        return False
    if isinstance(guide, AutoContinuous):
        guide.get_posterior(*args, **kwargs)
        _move_to_latents(guide)
    with random_numbers_kept(), torch.no_grad(), unmoved():
        guide(*args, **kwargs)
    return True


def _move_to_latents(guide: AutoContinuous) -> None:
    """Move the networks of a flow to the device of the latents: Pyro makes them on the default one."""
    prototype: Any = guide.prototype_trace
    device = next((site["value"].device for _, site in prototype.iter_stochastic_nodes()), None)
    flow = guide.transform if isinstance(guide, AutoNormalizingFlow) else None
    if isinstance(flow, nn.Module) and device is not None and guide._prototype_tensor.device != device:
        flow.to(device)
        guide._prototype_tensor = next(flow.parameters(), guide._prototype_tensor.to(device))
