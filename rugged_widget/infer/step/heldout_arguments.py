"""The calls of a model on data that is not trained on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch.nn.utils.rnn import PackedSequence
from torch.utils.data import DataLoader

from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.isolation import Isolation
from rugged_widget.infer.step.loss_arguments import names_in_order

FORMS: Final = (
    "arguments of the model, as a tuple such as (x, y), a dict by name or a single tensor, or a DataLoader of batches"
)


@dataclass(frozen=True, eq=False)
class HeldoutCall:
    """A call with data that is not trained on.

    Attributes
    ----------
    call
        What model and guide are called with.
    sources
        Where the data has each argument that it gives, by position or name: what stands behind the name of the data in
        an expression, such as "[0]", "['x']" or nothing. Other arguments are those of a step.
    is_batch
        Whether it is a batch of a DataLoader.
    """

    call: Call
    sources: Mapping[int | str, str]
    is_batch: bool = False


def heldout_calls(heldout: Any, model: Callable[..., Any], example: Call) -> tuple[HeldoutCall, ...]:
    """Return the calls of held-out data, one of each batch where it is a data loader; () for None.

    What the data gives takes the place of the same argument of a step; the others are those of the step.

    Parameters
    ----------
    heldout
        A tuple or list of the first arguments, a dict of arguments by name, anything else as the first argument; or a
        DataLoader of batches that are such, gone through once and kept.
    model
        A Pyro model.
    example
        The call of a step, of which what is no `constant` is a batch.

    Raises
    ------
    TypeError, ValueError
        If it is of none of these forms, or does not give what each step has from a batch of its own; the text says what
        was given and what is needed.
    """
    check_form(heldout)
    if heldout is None:
        return ()
    if isinstance(heldout, DataLoader):
        with Isolation(0, dtype=torch.get_default_dtype()).inside():
            calls = tuple(replace(_call(batch, model, example), is_batch=True) for batch in heldout)
        if not calls:
            raise ValueError("heldout is a DataLoader without a batch: give one with data that is not trained on")
        return calls
    return (_call(heldout, model, example),)


def check_form(heldout: Any) -> None:
    """Raise TypeError or ValueError where held-out data is of none of the forms of `heldout_calls`."""
    if heldout is None or isinstance(heldout, DataLoader):
        return
    if isinstance(heldout, (str, bytes, Iterator)) or (callable(heldout) and not isinstance(heldout, torch.Tensor)):
        raise TypeError(f"heldout must be {FORMS}; got {_called(heldout)}")
    for _ in _entries(heldout, []):
        pass


def _call(given: Any, model: Callable[..., Any], example: Call) -> HeldoutCall:
    args, kwargs = list(example.args), dict(example.kwargs)
    names, sources = names_in_order(model), dict[int | str, str]()
    for place, name, value, source in _entries(given, names):
        if place < len(args):
            args[place], sources[place] = value, source
        elif name is not None or (place < len(names) and names[place] in kwargs):
            key = names[place] if name is None else name
            kwargs[key], sources[key] = value, source
        else:
            sources[len(args)] = source
            args.append(value)
    needed = [place for place in (*range(len(example.args)), *example.kwargs) if place not in example.constant]
    missing = [place for place in needed if place not in sources]
    if missing:
        wanted = ", ".join(_name_of(place, names) for place in missing)
        raise ValueError(
            f"each step has {wanted} from a batch of its own, and heldout= gives none: it has to give it too"
        )
    return HeldoutCall(Call.fixed(args, kwargs), sources)


def _entries(given: Any, names: list[str]) -> Iterator[tuple[int, str | None, Any, str]]:
    """Yield place, name where it is given by name, value, and source of what data gives."""
    if isinstance(given, Mapping):
        if not given or not all(isinstance(name, str) for name in given):
            raise TypeError(f"heldout must be {FORMS}; got a dict whose keys are {[*given]!r}")
        for name, value in given.items():
            yield names.index(name) if name in names else len(names), name, value, f"[{name!r}]"
    elif isinstance(given, (tuple, list)) and not isinstance(given, PackedSequence):
        if not given:
            raise ValueError(f"heldout must be {FORMS}; got an empty {type(given).__name__}")
        for place, value in enumerate(given):
            yield place, None, value, f"[{place}]"
    else:
        yield 0, None, given, ""


def _name_of(place: int | str, names: list[str]) -> str:
    if isinstance(place, str):
        return place
    return names[place] if place < len(names) else f"argument {place + 1}"


def _called(given: Any) -> str:
    return repr(given) if isinstance(given, (str, bytes)) else f"an object of type {type(given).__name__}"
