"""Closing a widget with everything in it."""

from __future__ import annotations

import ipywidgets


def parts(widget: ipywidgets.Widget) -> set[ipywidgets.Widget]:
    """Return `widget` and all widgets that it holds in its traits, at any depth."""
    found: set[ipywidgets.Widget] = set()
    waiting: list[object] = [widget]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, ipywidgets.Widget) and thing not in found:
            found.add(thing)
            waiting.extend(getattr(thing, name) for name in thing.keys)
        elif isinstance(thing, (list, tuple)):
            waiting.extend(thing)
        elif isinstance(thing, dict):
            waiting.extend(thing.values())
    return found
