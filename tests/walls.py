"""What a module of the package may import, and a reader of imports that finds where that is broken."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import PurePath

PACKAGE = "rugged_widget"
ROOTS = frozenset({"widget", "watch"})
LEAVES = frozenset({"values", "snapshot", "reference", "errors", "runs"})
SHARED = LEAVES | {
    "protocols",
    "pace",
    "handover",
    "interrupt",
    "turns",
    "script",
}  # values, interfaces and threads without a side
SIDES = frozenset({"datasets", "training", "infer", "view"})
PARTS_OF_ROOTS = frozenset({"answers", "choices", "keeping", "kept", "lesson_pages", "running"})

# part of the package -> the other parts it may import; a part without a row is itself a mistake.
OURS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("values", "errors"), frozenset()),
    **dict.fromkeys(("snapshot", "reference"), frozenset({"values"})),
    "runs": frozenset({"values", "snapshot"}),
    "protocols": LEAVES | {"pace"},
    "pace": LEAVES,
    "handover": LEAVES,
    "interrupt": LEAVES,
    "turns": LEAVES | {"handover", "interrupt"},
    "columns": LEAVES,
    "datasets": LEAVES | {"columns"},
    "script": LEAVES,
    "run": SHARED,
    "training": SHARED | {"run"},
    "infer": SHARED | {"datasets", "script"},
    "view": SHARED | {"datasets"},
    "kept": LEAVES,
    "choices": SHARED | SIDES,
    "running": SHARED | SIDES,
    "answers": SHARED | SIDES,
    "keeping": SHARED | SIDES | {"kept"},
    "lesson_pages": SHARED | SIDES | {"kept"},
    **dict.fromkeys(ROOTS, SHARED | SIDES | PARTS_OF_ROOTS),
    "__init__": SHARED | SIDES | ROOTS,
}

# library -> the only parts that may import it
THEIRS: dict[str, frozenset[str]] = {
    "torch": frozenset({"infer"}),
    "pyro": frozenset({"infer"}),
    **dict.fromkeys(("ipywidgets", "bqplot", "bqscales", "anywidget", "traitlets"), ROOTS | {"view"}),
}


class Import(NamedTuple):
    """One imported name: absolute, dotted, with the line it stands on."""

    name: str
    line: int


def part_of(path: PurePath) -> str:
    """Name the part of the package that a file belongs to; `path` starts below the package's folder."""
    return path.parts[0] if len(path.parts) > 1 else path.stem


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


def _complaint(part: str, name: str) -> str | None:
    top, *below = name.split(".")
    if top != PACKAGE:
        if top in THEIRS and part not in THEIRS[top]:
            return f"only {', '.join(sorted(THEIRS[top]))} may import {top}"
        if part in LEAVES and top != "numpy" and top not in sys.stdlib_module_names:
            return f"{part} may import numpy and the standard library, not {top}"
        return None
    target = below[0] if below and below[0] in OURS else "__init__"
    if target == part or target in OURS[part]:
        return None
    return f"{part} may not import {target}"


def crossings(source: str, path: PurePath) -> list[str]:
    """List the walls that a module crosses, each as a sentence with its line; empty where it keeps to its side."""
    part = part_of(path)
    if part not in OURS:
        return [f"{path}: no rule says what the part {part} may import"]
    found = ((item, _complaint(part, item.name)) for item in imports(source, path))
    return [f"{path}:{item.line} imports {item.name}: {complaint}" for item, complaint in found if complaint]


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
