"""Engines by name."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

Engine: TypeAlias = Literal["auto", "plain", "graph", "jax"]

ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)
"""Ways to compute the steps, as they are asked for: "auto" is graph where that can be."""


def checked_engine(name: str) -> Engine:
    """Return the name of an engine, or say which there are.

    Parameters
    ----------
    name
        One of `ENGINES`.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    TypeError
        If it is not a text.
    ValueError
        If there is no engine of that name.
    """
    if not isinstance(name, str):
        raise TypeError(f"engine must be a text, got {name!r}")
    for known in ENGINES:
        if name == known:
            return known
    raise ValueError(f"engine must be one of {', '.join(map(repr, ENGINES))}, got {name!r}")
