"""The calls of a model on data that is not trained on."""

from collections.abc import Callable, Iterator, Mapping
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


def heldout_calls(heldout: Any, model: Callable[..., Any], example: Call) -> tuple[Call, ...]:
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
        The call of a step.

    Raises
    ------
    TypeError, ValueError
        If it is of none of these forms; the text says what was given and what is needed.
    """
    if heldout is None:
        return ()
    if isinstance(heldout, DataLoader):
        with Isolation(0, dtype=torch.get_default_dtype()).inside():
            calls = tuple(_call(batch, model, example) for batch in heldout)
        if not calls:
            raise ValueError("heldout is a DataLoader without a batch: give one with data that is not trained on")
        return calls
    if isinstance(heldout, (str, bytes, Iterator)) or (callable(heldout) and not isinstance(heldout, torch.Tensor)):
        raise TypeError(f"heldout must be {FORMS}; got {_called(heldout)}")
    return (_call(heldout, model, example),)


def _call(given: Any, model: Callable[..., Any], example: Call) -> Call:
    args, kwargs = list(example.args), dict(example.kwargs)
    names = names_in_order(model)
    if isinstance(given, Mapping):
        if not given or not all(isinstance(name, str) for name in given):
            raise TypeError(f"heldout must be {FORMS}; got a dict whose keys are {[*given]!r}")
        for name, value in given.items():
            place = names.index(name) if name in names else len(args)
            if place < len(args):
                args[place] = value
            else:
                kwargs[name] = value
        return Call.fixed(args, kwargs)
    spread = isinstance(given, (tuple, list)) and not isinstance(given, PackedSequence)
    first = tuple(given) if spread else (given,)
    if not first:
        raise ValueError(f"heldout must be {FORMS}; got an empty {type(given).__name__}")
    for place, value in enumerate(first):
        if place < len(args):
            args[place] = value
        elif place < len(names) and names[place] in kwargs:
            kwargs[names[place]] = value
        else:
            args.append(value)
    return Call.fixed(args, kwargs)


def _called(given: Any) -> str:
    return repr(given) if isinstance(given, (str, bytes)) else f"an object of type {type(given).__name__}"
