"""What a module of the package may import, and a reader of imports that finds where that is broken."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import PurePath

PACKAGE = "rugged_widget"
LEAVES = frozenset(
    {"defaults", "errors", "importing", "names", "numpy_errors", "precision", "script", "snapshot", "validation"}
)
SIDES = frozenset({"infer", "training", "runs", "view"})
INSTANCES = frozenset({"regression", "monitor"})

# room -> the other rooms it may import; a room without a row is itself a mistake. `runs` holds the frozen record of a
# run, which the view shows.
ROOMS: dict[str, frozenset[str]] = {
    "defaults": frozenset(),
    "errors": frozenset(),
    "importing": frozenset(),
    "names": frozenset(),
    "numpy_errors": frozenset(),
    "precision": frozenset(),
    "script": frozenset({"snapshot"}),
    "snapshot": frozenset(),
    "validation": frozenset({"errors"}),
    "infer": LEAVES,
    "training": LEAVES,
    "runs": LEAVES,
    "view": LEAVES | {"runs"},
    "session": LEAVES | SIDES,
    "setting": LEAVES | SIDES,
    "svi_widget": LEAVES | SIDES | {"session", "setting"},
    **dict.fromkeys(INSTANCES, LEAVES | SIDES | {"session", "setting", "svi_widget"}),
    "__init__": LEAVES | SIDES | {"session"} | INSTANCES,
}

# Inside a room, its folders in order: each may import those before it, and nothing of those after it. "" are the
# modules that lie in the room itself.
ORDERS: dict[str, tuple[str, ...]] = {
    "infer": ("step", "diagnostics", "guides", "compiled", "svi"),
    "infer/compiled": ("optimizer", "capture", "stepping", "jax"),
    "view": ("i18n", "frames", "figures", "controls", "pages"),
    "regression": ("defaults", "priors", "snapshot", "data", "script", "view", "infer"),
    "regression/infer": ("exact", "export"),
    "monitor": ("view", "infer"),
}

NUMPY_ONLY = (*sorted(LEAVES), "regression/priors", "regression/snapshot")
"""What holds plain values and checks: places that import numpy and the standard library only."""

# library -> the only rooms that may import it, written as folders
THEIRS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("torch", "pyro", "jax"), ("infer", "regression/infer", "monitor/infer")),
    **dict.fromkeys(
        ("ipywidgets", "bqplot", "bqscales", "anywidget"),
        ("view", "regression/view", "monitor/view", "svi_widget", "monitor/monitor"),
    ),
    "traitlets": (
        "view",
        "svi_widget",
        "setting",
        "regression/view",
        "regression/widget",
        "monitor/view",
        "monitor/model_widget",
        "monitor/monitor",
    ),
}


class Import(NamedTuple):
    """One imported name: absolute, dotted, with the line it stands on."""

    name: str
    line: int


def place_of(path: PurePath) -> str:
    """Write a module's place below the package with slashes: `view/figures/elbo`, `view/figures` for its `__init__`."""
    parts = path.with_suffix("").parts
    return "/".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _absolute(module: str, level: int, path: PurePath) -> str:
    """Spell out a relative module name as seen from the file `path` below the package."""
    if not level:
        return module
    package = [PACKAGE, *path.parts[:-1]]
    base = package[: len(package) - level + 1]
    return ".".join([*base, module] if module else base)


def _dynamic(node: ast.Call, path: PurePath) -> Iterator[Import]:
    """Read `import_module("name")` and `__import__("name")` where the name is written out."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    first = node.args[0] if node.args else None
    if called in {"import_module", "__import__"} and isinstance(first, ast.Constant) and isinstance(first.value, str):
        name = first.value.lstrip(".")
        yield Import(_absolute(name, len(first.value) - len(name), path), node.lineno)


def imports(source: str, path: PurePath) -> Iterator[Import]:
    """Read every import of a module: at the top, in functions and under TYPE_CHECKING, relative or not.

    Parameters
    ----------
    source
        The module's text.
    path
        Where it stands below the package's folder; resolves relative imports.

    Yields
    ------
    Import
        `from a import b` yields `a.b`: whether b is a module is for the caller to judge.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node.module or "", node.level, path)
            yield from (Import(f"{module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call):
            yield from _dynamic(node, path)


def _within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(f"{folder}/")


def library_complaint(place: str, name: str) -> str | None:
    """Say what is wrong with importing a library here; None where nothing is."""
    top = name.split(".", maxsplit=1)[0]
    if top == PACKAGE:
        return None
    if top in THEIRS and not any(_within(place, folder) for folder in THEIRS[top]):
        return f"only {', '.join(THEIRS[top])} may import {top}"
    if (
        any(_within(place, leaf) for leaf in NUMPY_ONLY)
        and top not in {"numpy", "__future__"}
        and top not in sys.stdlib_module_names
    ):
        return f"{place} may import numpy and the standard library, not {top}"
    return None


def room_complaint(place: str, name: str) -> str | None:
    """Say what is wrong with importing a module of another room here; None where nothing is."""
    top, *below = name.split(".")
    if top != PACKAGE:
        return None
    room = place.split("/", maxsplit=1)[0]
    if room not in ROOMS:
        return f"no rule says what the room {room} may import"
    target = below[0] if below and below[0] in ROOMS else "__init__"
    if target == room or target in ROOMS[room]:
        return None
    return f"{room} may not import {target}"


def order_complaint(place: str, name: str) -> str | None:
    """Say what is wrong with importing a module of the same room from another of its folders; None where nothing is."""
    target = "/".join(name.split(".")[1:])
    for room, order in ORDERS.items():
        if _within(place, room) and _within(target, room):
            here, there = (path.removeprefix(f"{room}/").split("/")[0] for path in (place, target))
            if here in order and there in order and order.index(here) < order.index(there):
                return f"{room}/{here} may not import {room}/{there}"
    if _within(place, "regression/view") and (_within(target, "infer") or _within(target, "regression/infer")):
        return "regression/view may not import what computes"
    return None


def crossings(source: str, path: PurePath) -> list[str]:
    """List the walls that a module crosses, each as a sentence with its line; empty where it keeps to its side."""
    place = place_of(path)
    found = [
        f"{path}:{item.line} imports {item.name}: {complaint}"
        for item in imports(source, path)
        for rule in (library_complaint, room_complaint, order_complaint)
        if (complaint := rule(place, item.name))
    ]
    if place.split("/")[0] not in ROOMS:
        found.append(f"{path}: no rule says what the room {place.split('/')[0]} may import")
    return list(dict.fromkeys(found))


def long_functions(source: str, limit: int) -> list[tuple[str, int]]:
    """Name the functions with more than `limit` lines, docstring and decorators aside, with their lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
            doc_lines = 0 if doc is None else (doc.end_lineno or doc.lineno) - doc.lineno + 1
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - doc_lines
            if lines > limit:
                found.append((node.name, lines))
    return found
