"""Isolate a fit: its own parameter store, random numbers and settings; the user's are restored after each use."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pyro
import torch
from pyro.poutine.runtime import _DIM_ALLOCATOR, _PYRO_STACK
from torch.utils._device import DeviceContext

from rugged_widget.infer.step.module_state import Params, present_params, use_params
from rugged_widget.infer.step.ownership import OwnState
from rugged_widget.infer.step.plain_shapes import broadcasting_plainly
from rugged_widget.infer.step.torch_random import TorchRandom, current_torch, install_torch, seeded_torch
from rugged_widget.numpy_errors import NUMPY_ERRORS

_NUMPY_GLOBAL: Any = np.random.get_state.__self__  # type: ignore[attr-defined] # the RandomState behind np.random


@contextmanager
def _without_words() -> Iterator[None]:
    """Let NumPy's global state be only the half-used pair of normal numbers, without the words of the bit generator.

    A slice swaps the bit generator as a whole; only the second number of a pair lies outside it, and can be had but
    with all 624 words, which NumPy copies one by one (35 us each way). So the state is asked of a stand-in meanwhile.
    """
    bits = _NUMPY_GLOBAL._bit_generator
    _NUMPY_GLOBAL._bit_generator = SimpleNamespace(state={"bit_generator": "MT19937", "state": {}})
    try:
        yield
    finally:
        _NUMPY_GLOBAL._bit_generator = bits


@dataclass(frozen=True)
class Generators:
    """The generators that `pyro.set_rng_seed` seeds: the states of torch's and Python's, and NumPy's.

    Attributes
    ----------
    torch_random
        The state of torch's, also those of CUDA where it is in use.
    numpy_bits
        The bit generator behind `np.random`, itself.
    numpy_state
        What `np.random.get_state` gives: the half-used pair of normal numbers, and the words where they were copied.
    """

    torch_random: TorchRandom
    python_state: tuple[Any, ...]
    numpy_bits: Any
    numpy_state: dict[str, Any]

    @classmethod
    def seeded(cls, seed: int) -> Self:
        """Make what `pyro.set_rng_seed(seed)` would leave, without touching the global generators."""
        numpy_state: Any = np.random.RandomState(seed).get_state(legacy=False)
        bits = np.random.MT19937()
        bits.state = numpy_state
        python_state = random.Random(seed).getstate()  # noqa: S311 not for secrets
        return cls(seeded_torch(seed), python_state, bits, numpy_state)

    @classmethod
    def current(cls) -> Self:
        """Take hold of the global generators, so that others can be installed."""
        bits = np.random.mtrand.get_bit_generator()
        with _without_words():
            numpy_state = _numpy_state()
        return cls(current_torch(), random.getstate(), bits, numpy_state)

    @classmethod
    def copied(cls) -> Self:
        """Copy the state of the global generators, which may go on; `rewind` brings them back."""
        return cls(current_torch(), random.getstate(), np.random.mtrand.get_bit_generator(), _numpy_state())

    def install(self) -> None:
        """Make them the global generators."""
        install_torch(self.torch_random)
        random.setstate(self.python_state)
        np.random.mtrand.set_bit_generator(self.numpy_bits)
        if self.numpy_state["has_gauss"]:  # set_bit_generator forgets it
            with _without_words():
                np.random.set_state(self.numpy_state)  # noqa: NPY002 the global generator is meant

    def same_but_for_torch(self, other: Self) -> bool:
        """Return whether two copies are of one state in Python and NumPy."""
        one, two = self.numpy_state, other.numpy_state
        numpy_same = all(one[key] == two[key] for key in ("bit_generator", "has_gauss", "gauss"))
        words = all(np.array_equal(one["state"][key], two["state"][key]) for key in one["state"])
        return numpy_same and words and self.python_state == other.python_state

    def rewind(self) -> None:
        """Make them the global generators, in the state that was copied."""
        self.install()
        np.random.set_state(self.numpy_state)  # noqa: NPY002 the global generator is meant


@contextmanager
def random_numbers_kept() -> Iterator[Generators]:
    """Use random numbers inside that are given back: the global generators are as before; yields a copy of them."""
    generators = Generators.copied()
    try:
        yield generators
    finally:
        generators.rewind()


def _numpy_state() -> Any:
    return np.random.get_state(legacy=False)  # noqa: NPY002 the global generator is meant


_AUTOCAST = "cpu", "cuda"


@dataclass(frozen=True)
class _Settings:
    """Everything but random numbers that changes what a step computes.

    The three dictionaries of the parameter store are swapped whole: its own `scope()` and `get_state()` remove the
    link to the unconstrained value from the *user's* tensors, and lose the inner state when the body raises.
    Handlers, plates and function modes are those the user may be in while awaiting; a default device is such a mode.
    """

    params: Params
    handlers: list[Any]
    plates: list[str | None]
    pyro_settings: dict[str, Any]
    num_threads: int
    dtype: torch.dtype
    autocast: tuple[bool, ...]
    function_modes: tuple[Any, ...]
    default_device: Any
    numpy_errors: Mapping[str, Any]

    @classmethod
    def current(cls) -> Self:
        return cls(
            present_params(),
            _PYRO_STACK.copy(),
            _DIM_ALLOCATOR._stack.copy(),
            pyro.settings.get(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            tuple(map(torch.is_autocast_enabled, _AUTOCAST)),
            tuple(map(torch._C._get_function_stack_at, range(torch._C._len_torch_function_stack()))),
            getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None),
            np.geterr(),
        )

    @classmethod
    def for_a_fit(cls, dtype: torch.dtype) -> Self:
        """Return what a plain kernel has but for the default dtype, one thread, and Pyro's settings as they are now.

        Validation of handlers is off: all it adds to a step are warnings of values that are not finite, which the
        fit reports itself, once and with what to do. Parameters live in the store, or Pyro's optimizer misses them.
        """
        settings = {**pyro.settings.get(), "validate_poutine": False, "module_local_params": False}
        return cls(
            ({}, {}, {}),
            handlers=[],
            plates=[],
            pyro_settings=settings,
            num_threads=1,
            dtype=dtype,
            autocast=(False,) * len(_AUTOCAST),
            function_modes=(),
            default_device=None,
            numpy_errors=NUMPY_ERRORS,
        )

    def on_device_of_user(self) -> Self:
        """Return the same with the default device that there is now, where it is not the CPU."""
        present = _Settings.current()
        modes = [mode for mode in present.function_modes if isinstance(mode, DeviceContext)]
        if not modes or modes[-1].device.type == "cpu":
            return self
        return replace(self, function_modes=(modes[-1],), default_device=present.default_device)

    def install(self, now: dict[str, Any]) -> None:
        """Put them in force, given the settings of Pyro that are; those are slow to set."""
        use_params(self.params)
        _PYRO_STACK[:] = self.handlers
        _DIM_ALLOCATOR._stack[:] = self.plates
        pyro.settings.set(**{name: value for name, value in self.pyro_settings.items() if now[name] != value})
        if torch.get_num_threads() != self.num_threads:
            torch.set_num_threads(self.num_threads)
        if torch.get_default_dtype() != self.dtype:
            torch.set_default_dtype(self.dtype)
        for device, on in zip(_AUTOCAST, self.autocast, strict=True):
            torch.set_autocast_enabled(device, on)
        while torch._C._len_torch_function_stack():
            torch._C._pop_torch_function_stack()
        for mode in self.function_modes:
            torch._C._push_on_torch_function_stack(mode)
        torch._GLOBAL_DEVICE_CONTEXT.device_context = self.default_device
        np.seterr(**self.numpy_errors)


VALIDATION = ("validate_distributions_pyro", "validate_distributions_torch", "validate_infer")


class Isolation:
    """A place to compute in: own parameters, own random numbers, own settings; nothing of the user's is touched.

    Inside are the parameter store and the generators of torch, Python and NumPy as they were at the end of the last
    time inside, at first those of `pyro.set_rng_seed(seed)`, seed in [0, 2**32); one thread; no Pyro handler
    or plate; gradients on; `dtype`, float32 where it is None, as the default on the CPU, and NumPy's own handling of
    errors; Pyro's settings as when the place was made. What the user had is put back at the end, also when the body
    raises. Costs less than 0.1 ms.

    With an `own` state, of what the user brings, that is exchanged too: its parameters are those in the store at first.
    The default dtype then is the user's as when the place was made, where no other is given. So is the default device,
    where that is not the CPU, as also where a dtype is given: the user's code then runs there.

    The generators of CUDA belong to those of torch where CUDA is in use when the place is entered; it is not called for
    anybody else. Those of a model that begins to use it inside are its own from the next time inside on.
    """

    def __init__(self, seed: int, own: OwnState | None = None, *, dtype: torch.dtype | None = None) -> None:
        of_user = own is not None or dtype is not None
        if dtype is None:
            dtype = torch.float32 if own is None else torch.get_default_dtype()
        self._settings = _Settings.for_a_fit(dtype)
        if of_user:
            self._settings = self._settings.on_device_of_user()
        self._own = own
        if own is not None:
            self._settings = replace(self._settings, params=own.params, handlers=[own.registering])
        self._validation = {name: self._settings.pyro_settings[name] for name in VALIDATION}
        self._generators = Generators.seeded(seed)
        self._inside = False

    def __repr__(self) -> str:
        return f"Isolation({len(self._settings.params[0])} parameters{', computing' if self._inside else ''})"

    def params_outside(self) -> Params:
        """Return the dictionaries of the parameter store inside; RuntimeError is raised while it is entered."""
        if self._inside:
            raise RuntimeError("the fit is computing: its values can be had between its steps")
        return self._settings.params

    def use_threads(self, count: int) -> None:
        """Let torch compute with so many threads inside, now and from now on."""
        self._settings = replace(self._settings, num_threads=count)
        if self._inside:
            torch.set_num_threads(count)

    def validate(self, *, on: bool) -> None:
        """Validate arguments and sites as the user does, or not at all, from the next time inside on."""
        settings = {**self._settings.pyro_settings, **(self._validation if on else dict.fromkeys(VALIDATION, False))}
        self._settings = replace(self._settings, pyro_settings=settings)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Enter for the time of a with statement.

        RuntimeError is raised if it is entered already: a model asks the fit that runs it, or a second thread does.
        """
        if self._inside:
            raise RuntimeError("the fit is computing already: its own model and other threads cannot step or ask it")
        settings, generators = _Settings.current(), Generators.current()
        with ExitStack() as leave:
            leave.callback(self._end)
            leave.callback(_twice_if_interrupted, lambda: settings.install(pyro.settings.get()))
            leave.callback(_twice_if_interrupted, generators.install)
            # In inference mode nothing can be differentiated, even with gradients on; leaving it turns them on too.
            leave.enter_context(torch.inference_mode(mode=False))
            leave.enter_context(broadcasting_plainly())
            self._inside = True
            self._settings.install(settings.pyro_settings)
            self._generators.install()
            leave.callback(_twice_if_interrupted, self._keep)
            if self._own is not None:
                self._own.leave_user()
                leave.callback(_twice_if_interrupted, self._own.restore)
                self._own.install()
                leave.callback(_twice_if_interrupted, self._own.keep)
            yield

    def _end(self) -> None:
        self._inside = False

    def _keep(self) -> None:
        self._generators = Generators.current()
        self._settings = replace(self._settings, params=present_params())


def _twice_if_interrupted(action: Callable[[], None]) -> None:
    """Let an interrupt from the keyboard pass only after the action is done; it must bear being done twice."""
    try:
        action()
    except KeyboardInterrupt:
        action()
        raise
