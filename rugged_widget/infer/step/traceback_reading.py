"""Read a traceback: whose code raised, the user's own lines, and the shapes of the sites so far."""

import functools
import inspect
import linecache
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pyro
import torch
from pyro.poutine.runtime import apply_stack
from pyro.poutine.trace_messenger import TraceHandler
from pyro.poutine.trace_struct import Trace

from rugged_widget.errors import Cause

MAX_LINES = 3
"""Lines of the user's that are shown: those nearest to where it was raised."""

MAX_SITES = 4
"""Sites whose shapes are shown on a line: the last ones."""

_FOREIGN = tuple(
    f"{folder}/" for folder in (Path(torch.__file__).parent, Path(pyro.__file__).parent, Path(__file__).parents[2])
)
_PYTHON = f"{sysconfig.get_path('stdlib')}/"
_INSTALLED = (f"{sysconfig.get_path('purelib')}/", f"{sysconfig.get_path('platlib')}/")


class Program(NamedTuple):
    """What a step calls: model and guide, and with what."""

    model: Callable[..., Any]
    guide: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


def frames_of(error: BaseException) -> list[tuple[FrameType, int]]:
    """Return the frames of a traceback with their lines, from the outermost to the one that raised."""
    frames, traceback = [], error.__traceback__
    while traceback is not None:
        frames.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


def user_lines(error: BaseException) -> tuple[str, ...]:
    """Return the last lines of the user's in a traceback, not those of torch, Pyro, Python or this package.

    Returns
    -------
    tuple of str
        At most three, the innermost last: `cell [3], line 5, in model: x = pyro.sample(...)`.
    """
    own = [(frame, line) for frame, line in frames_of(error) if _is_own(frame.f_code.co_filename)]
    users = [(frame, line) for frame, line in own if not frame.f_code.co_filename.startswith(_INSTALLED)]
    return tuple(_line(frame, line) for frame, line in (users or own)[-MAX_LINES:])


def _is_own(filename: str) -> bool:
    """Return whether a file is the user's or that of another library, as that of a model one has installed."""
    in_python = filename.startswith(_PYTHON) and not filename.startswith(_INSTALLED)
    return not (in_python or filename.startswith((*_FOREIGN, "<frozen", "<__array_function__", "<torch", "<eval_with")))


def _line(frame: FrameType, number: int) -> str:
    code = frame.f_code
    source = " ".join(linecache.getline(code.co_filename, number, frame.f_globals).split())
    where = f"{_file_name(code.co_filename)}, line {number}"
    inside = "" if code.co_name == "<module>" else f", in {code.co_name}"
    return f"{where}{inside}: {source}" if source else f"{where}{inside}"


def _file_name(filename: str) -> str:
    """Name a file as the user knows it: a cell of a notebook by its number, else the file without its folders."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    cells = getattr(getattr(shell, "compile", None), "_filename_map", {})
    if filename in cells:
        return f"cell [{cells[filename]}]"
    return "a cell" if "ipykernel_" in filename or filename.startswith("<ipython-input") else Path(filename).name


def site_of(error: Exception) -> str | None:
    """Return the site that the innermost frame which handles one was handling; None where none was."""
    message = _message_of(error)
    return None if message is None else str(message["name"])


def _message_of(error: Exception) -> Any:
    """Return Pyro's message of the site that was being handled; None where none was."""
    messages = [
        frame.f_locals["initial_msg"]
        for frame, _ in frames_of(error)
        if frame.f_code is apply_stack.__code__ and "initial_msg" in frame.f_locals
    ]
    return messages[-1] if messages else None


class Shapes(NamedTuple):
    """Shapes of the sites up to where an error was raised: Pyro's table of all, and the last ones on a line."""

    table: str = ""
    line: str = ""


def shapes_of(error: Exception) -> Shapes:
    """Return the shapes of the sites up to where an error was raised; empty where there are none."""
    trace, message = None, _message_of(error)
    for frame, _ in frames_of(error):
        subject = frame.f_locals.get("self")
        if isinstance(subject, TraceHandler):
            trace = subject.msngr.trace
        elif isinstance(subject, Trace):
            trace = subject
    if trace is None:
        return Shapes()
    seen = Trace()
    for name, node in trace.nodes.items():
        if node["type"] in {"param", "sample"} and type(node.get("fn")).__name__ != "_Subsample":
            seen.add_node(name, **node)
    if message is not None and message["type"] == "sample" and message["name"] not in seen:
        seen.add_node(message["name"], **message)
    if not len(seen):
        return Shapes()
    last, names = site_of(error) or _checked_site(error), list(seen.nodes)
    end = names.index(last) + 1 if last in names else len(names)
    sites = [_shape_of(seen.nodes[name]) for name in names[max(0, end - MAX_SITES) : end]]
    return Shapes(seen.format_shapes(last_site=names[end - 1]), ", ".join(sites))


def _checked_site(error: Exception) -> str | None:
    """Return the site whose log probability was being computed; None where none was."""
    traces = [frame for frame, _ in frames_of(error) if isinstance(frame.f_locals.get("self"), Trace)]
    return traces[-1].f_locals.get("name") if traces else None


def _shape_of(node: Any) -> str:
    """Write the shape of a site: batch and event dimensions, and those of its value where they are not the same."""
    value = getattr(node["value"], "shape", None)
    if node["type"] == "param" or not hasattr(node["fn"], "batch_shape"):
        return f"{node['name']} {'' if value is None else tuple(value)}".strip()
    batch, event = tuple(node["fn"].batch_shape), tuple(node["fn"].event_shape)
    shape = f"({', '.join(map(str, batch))} | {', '.join(map(str, event))})" if event else str(batch)
    if value is None or tuple(value) == batch + event:
        return f"{node['name']} {shape}"
    return f"{node['name']} with a distribution of {shape} and a value of {tuple(value)}"


def cause_of(error: Exception, program: Program) -> Cause:
    """Return whose code raised: the last of model, guide, optimizer and loss that was entered."""
    if isinstance(error, TypeError) and misfit(program) is not None:
        return "arguments"
    cause: Cause = "loss"
    model, guide = _Entry.of(program.model), _Entry.of(program.guide)
    for frame, _ in frames_of(error):
        if guide.is_entered(frame):
            cause = "guide"
        elif model.is_entered(frame):
            cause = "model"
        elif _is_optimizers(frame):
            cause = "optimizer"
        elif frame.f_code.co_name == "compute_score_parts":
            cause = "guide"
        elif frame.f_code.co_name in {"compute_log_prob", "check_site_shape", "check_model_guide_match"}:
            cause = "model"
        elif _is_torchs_backward(frame):
            cause = "gradients"
    return cause


def _is_optimizers(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    ours = module.startswith("rugged_widget.infer.step.optimizer")
    return module.startswith(("pyro.optim", "torch.optim")) or ours


def _is_torchs_backward(frame: FrameType) -> bool:
    return frame.f_code.co_name == "backward" and str(frame.f_globals.get("__name__", "")).startswith("torch.")


class _Entry(NamedTuple):
    """How frames of a model or guide are recognized: by its code, by the object that it is bound to, or both."""

    code: Any
    owner: Any

    @classmethod
    def of(cls, function: Any) -> "_Entry":
        inner = _unwrapped(function)
        if inspect.ismethod(inner):
            return cls(inner.__func__.__code__ if hasattr(inner.__func__, "__code__") else None, inner.__self__)
        return cls(inner.__code__, None) if inspect.isfunction(inner) else cls(None, inner)

    def is_entered(self, frame: FrameType) -> bool:
        if self.code is not None and frame.f_code is not self.code:
            return False
        return self.owner is None or frame.f_locals.get("self") is self.owner


def _unwrapped(function: Any) -> Any:
    """Return what a handler of Pyro's, a decorator or a partial calls in the end."""
    while True:
        inner = pyro.poutine.unwrap(function)
        inner = inner.func if isinstance(inner, functools.partial) else getattr(inner, "__wrapped__", inner)
        if inner is function:
            return inner
        function = inner


def misfit(program: Program) -> tuple[str, str] | None:
    """Return which of model and guide cannot be called with the arguments, and why; None where both can."""
    for name, function in (("model", program.model), ("guide", program.guide)):
        called = function.forward if isinstance(function, torch.nn.Module) else function
        try:
            inspect.signature(called).bind(*program.args, **program.kwargs)
        except TypeError as error:
            return name, str(error)
        except ValueError:  # something without a signature
            continue
    return None


def described(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return in words what a model is called with, such as "a tensor of shape (3,), n=int"."""
    return ", ".join([*map(_kind, args), *(f"{name}={_kind(value)}" for name, value in kwargs.items())])


def _kind(value: object) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
