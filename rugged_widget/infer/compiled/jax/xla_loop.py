"""Compile a JAX program into one XLA loop that takes any number of steps a call."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental.xla_metadata import set_xla_metadata
from numpy.typing import NDArray

from rugged_widget.infer.compiled.jax.jax_program import Call, Counterpart, Recipe, Result, Slot
from rugged_widget.infer.compiled.jax.ops import COUNTERPARTS, FUSED
from rugged_widget.infer.compiled.program import UnsupportedError

Values: TypeAlias = Sequence[jax.Array | NDArray[Any]]

MAX_EMBEDDED = 64
"""Elements of the largest constant that is compiled into the code; larger ones would make compiling slow."""

OPTIONS: Mapping[str, bool | str] = {
    "xla_cpu_enable_fast_math": False,
    "xla_cpu_enable_fast_min_max": False,  # it would let a bound hide what is not a number
    "xla_cpu_multi_thread_eigen": False,
}
"""Options of XLA: steps are too short for threads, and torch's arithmetic is the one to be had."""

FUSING_OPTIONS: Mapping[str, bool | str] = {**OPTIONS, "xla_cpu_experimental_ynn_fusion_type": ""}
"""The same without a library of functions, which cannot be put into another."""

MAX_FUSED = 1 << 17
"""Elements that a step computes in all, up to which the loop is compiled as one function: beyond, it gains nothing."""

MAX_FUSED_CALLS = 700
"""Operations of a step, up to which the loop is compiled as one function: the time for that grows as their square."""

FUSING = ("0.10.",)
"""Versions of jaxlib that are known to compile a marked loop as one function.

XLA for the CPU runs one small function after another, some forty a step of some 50 ns each. A loop that it finds small
enough, less than a kilobyte, it compiles as a whole, and it marks the call of that. The mark is not documented, and
another version may fail at it: so it is set only where it has been tried, and only on operations that are known to
pass. To try another version, add it here, and run the tests of the engine with those of every operation fused.
"""

_ELEMENTWISE = """abs add and atan2 cbrt ceil clamp compare convert cosine divide exponential exponential_minus_one
floor is_finite log log_plus_one logistic maximum minimum multiply negate not or power remainder round_nearest_afz
round_nearest_even rsqrt select shift_left shift_right_arithmetic shift_right_logical sign sine sqrt subtract tan tanh
xor"""
_ARRANGING = """broadcast_in_dim concatenate constant dynamic_slice dynamic_update_slice gather iota pad reduce
reduce_window reshape return reverse slice transpose while"""
_COMPOSED = """acos acosh asin asinh atan atanh bessel_i1e cosh digamma erf erfc erf_inv lgamma polygamma sinh square
tan zeta"""
FUSIBLE = frozenset(
    f"{dialect}.{name}"
    for dialect, names in (("stablehlo", f"{_ELEMENTWISE} {_ARRANGING}"), ("chlo", _COMPOSED))
    for name in names.split()
)
"""Operations that can be compiled into a function with others. Not so products of matrices, scatters, sorts, calls."""


@contextmanager
def own_settings() -> Iterator[None]:
    """Set JAX as it is needed here, in this thread, whatever the user has set."""
    with ExitStack() as stack:
        stack.enter_context(jax.enable_x64(True))
        stack.enter_context(jax.default_device(jax.local_devices(backend="cpu")[0]))
        stack.enter_context(jax.numpy_dtype_promotion("standard"))
        stack.enter_context(jax.numpy_rank_promotion("allow"))
        stack.enter_context(jax.debug_nans(False))
        stack.enter_context(jax.disable_jit(False))
        yield


class Loop:
    """Compiles a recipe when it is made, for calls of at most `max_steps` steps; touches only JAX, so in any thread.

    UnsupportedError is raised where JAX cannot compute an operation as torch does.
    """

    def __init__(self, recipe: Recipe, max_steps: int) -> None:
        large = {slot: array for slot, array in recipe.constants.items() if array.size > MAX_EMBEDDED}
        with own_settings():
            self._constants = [jnp.asarray(array) for array in large.values()]
            num_steps = np.zeros((), np.int32)
            shapes = _shapes(recipe.state.values()), _shapes(recipe.inputs.values(), (max_steps,)), self._constants
            self._compile(recipe, max_steps, tuple(large), (num_steps, *shapes))

    def _compile(self, recipe: Recipe, max_steps: int, large: Sequence[Slot], shapes: Sequence[Any]) -> None:
        """Compile the loop, as one function where that is known to work."""
        one = None
        if is_fusing() and len(recipe.calls) <= MAX_FUSED_CALLS and _work(recipe) <= MAX_FUSED:
            with suppress(jax.errors.JaxRuntimeError):  # what XLA says of what it cannot do so, but in the other way
                one = compiled_as_one(_loop(recipe, FUSED, max_steps, large), shapes)
        self.is_one = one is not None
        loop = jax.jit(_loop(recipe, COUNTERPARTS, max_steps, large))
        self.compiled = one or compiled_with(loop.lower(*shapes), OPTIONS)

    def __call__(self, num_steps: int, state: Values, inputs: Values) -> tuple[Values, jax.Array]:
        """Take `num_steps` in [1, max_steps] steps; return the state after the last and the losses.

        State and inputs are as the recipe's, inputs and losses of max_steps rows each, of which the first mean
        something.
        """
        with own_settings():
            outcome = self.compiled(np.int32(num_steps), list(state), list(inputs), self._constants)
            jax.block_until_ready(outcome)  # type: ignore[no-untyped-call]
            state, losses = outcome[0] if self.is_one else outcome
            return state, losses  # now what was given may be written to again


def _shapes(results: Iterable[Result], rows: tuple[int, ...] = ()) -> list[jax.ShapeDtypeStruct]:
    return [jax.ShapeDtypeStruct(rows + result.shape, result.dtype) for result in results]  # type: ignore[no-untyped-call]


def _loop(
    recipe: Recipe, counterparts: Mapping[str, Counterpart], max_steps: int, large: Sequence[Slot]
) -> Callable[..., Any]:
    """Return the loop as a function of JAX."""
    small = {slot: array for slot, array in recipe.constants.items() if slot not in large}

    def loop(num_steps: jax.Array, state: Values, inputs: Values, constants: Values) -> Any:
        fixed = {slot: jnp.asarray(array) for slot, array in small.items()} | dict(zip(large, constants, strict=True))

        def body(i: jax.Array, carry: tuple[Values, jax.Array]) -> tuple[Values, jax.Array]:
            state, losses = carry
            rows = [lax.dynamic_index_in_dim(values, i, keepdims=False) for values in inputs]
            values = dict(zip(recipe.state, state, strict=True)) | dict(zip(recipe.inputs, rows, strict=True)) | fixed
            for call in recipe.calls:
                _do(call, counterparts[call.name], values)
            loss = values[recipe.loss].reshape(())
            return [values[slot] for slot in recipe.next_state], lax.dynamic_update_index_in_dim(losses, loss, i, 0)

        return lax.fori_loop(np.int32(0), num_steps, body, (state, jnp.zeros(max_steps, recipe.loss_dtype)))

    return loop


def _do(call: Call, function: Counterpart, values: dict[Slot, jax.Array]) -> None:
    """Put the outcome of one call among the values, if it looks as torch's does."""
    result = call.results if call.several else call.results[0]
    try:
        outcome = function(result, *_filled(call.arguments, values), **_filled(call.keywords, values))
    except Exception as error:
        raise UnsupportedError(f"JAX could not compute {call.name}: {error}") from error
    for slot, result, value in zip(call.slots, call.results, outcome if call.several else (outcome,), strict=True):
        if (value.shape, value.dtype) != (result.shape, result.dtype):
            text = f"{value.dtype}{list(value.shape)}, not {result.dtype}{list(result.shape)}"
            raise UnsupportedError(f"JAX computes {call.name} as {text}")
        values[slot] = value


def _filled(tree: Any, values: Mapping[Slot, jax.Array]) -> Any:
    """Put values into their slots."""
    if isinstance(tree, Slot):
        return values[tree]
    if isinstance(tree, dict):
        return {key: _filled(part, values) for key, part in tree.items()}
    return [_filled(part, values) for part in tree] if isinstance(tree, list) else tree


def _work(recipe: Recipe) -> int:
    """Count the elements that a step computes."""
    return sum(math.prod(result.shape) for call in recipe.calls for result in call.results)


def is_fusing() -> bool:
    """Return whether this version of XLA is known to compile a marked loop as one function."""
    return version("jaxlib").startswith(FUSING)


def compiled_as_one(function: Callable[..., Any], arguments: Sequence[Any]) -> jax.stages.Compiled | None:
    """Compile a function of arrays as one of the processor; None where it does what is not known to be possible so.

    The compiled one returns a list: what the function returns, and something else.
    """
    function = jax.jit(_with_witness(function))
    operations = re.findall(r"\b((?:stablehlo|chlo)\.\w+)", function.lower(*arguments).as_text())
    if not FUSIBLE.issuperset(operations) or not all(values.size for values in jax.tree.leaves(arguments)):
        return None

    def marked(*arguments: Any) -> Any:
        outcome, witness = function(*arguments)
        witness = set_xla_metadata(witness, xla_cpu_small_call="true", inlineable="false")  # type: ignore[no-untyped-call]
        return outcome, witness

    return compiled_with(jax.jit(marked).lower(*arguments), FUSING_OPTIONS)


def _with_witness(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function return something of all that it is given: XLA ends the process where an argument is of no use."""

    def witnessed(*arguments: Any) -> Any:
        first = [values.reshape(-1)[:1].astype(np.float32) for values in jax.tree.leaves(arguments)]
        return function(*arguments), jnp.concatenate(first)

    return witnessed


def compiled_with(lowered: jax.stages.Lowered, options: Mapping[str, bool | str]) -> jax.stages.Compiled:
    """Let XLA compile, without the options where this version of it does not know one."""
    try:
        return lowered.compile(compiler_options=dict(options))
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        return lowered.compile()
