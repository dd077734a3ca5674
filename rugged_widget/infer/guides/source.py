"""Find the source of a guide, or of a model, that the user wrote."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

from pyro.infer import autoguide
from torch import nn

from rugged_widget.infer.guides.families import Guide, own_name
from rugged_widget.script.run_spec import OwnGuide


def own_guide(value: Guide) -> OwnGuide:
    """Return how a script makes a guide that is none of the families."""
    name = own_name(value)
    if not name.isidentifier():  # a lambda has no name, and one line of source that need not be whole
        return OwnGuide(making="guide_by_hand")
    inner = value.func if isinstance(value, partial) else value
    options = value.keywords if isinstance(value, partial) else {}
    if isinstance(inner, type):
        if any(not is_literal(option) for option in options.values()) or (isinstance(value, partial) and value.args):
            return OwnGuide(making="guide_by_hand")
        making = f"{name}({', '.join(['model', *(f'{key}={option!r}' for key, option in options.items())])})"
        if getattr(autoguide, name, None) is inner:
            return OwnGuide(making=making, imported=(name,))
        return OwnGuide(making=making, source=source_of(inner, name))
    if isinstance(inner, nn.Module):
        source = source_of(type(inner), name)
        return OwnGuide(making="guide_by_hand", source=source and f"{source}\n\nguide_by_hand = {name}()")
    return OwnGuide(making=name, source=None if isinstance(value, (partial, str)) else source_of(value, name))


def is_literal(value: object) -> bool:
    """Return whether the text of a value, as a script holds it, is the value."""
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False


def source_of(value: Callable[..., Any], name: str) -> str | None:
    """Return the definition of a function or class where it is to be found and whole."""
    try:
        source = textwrap.dedent(inspect.getsource(value))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return None
    return source if [getattr(node, "name", None) for node in tree.body] == [name] else None
