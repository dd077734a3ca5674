"""The graph of a model in plate notation, as SVG; every colour comes from the style sheet."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from rugged_widget.names import shown
from rugged_widget.snapshot.model_values import SiteRole
from rugged_widget.view.figures.graph_layout import Frame, Layout, Node, Point, lay_out
from rugged_widget.view.figures.site_groups import Group, Groups, PlateGroup
from rugged_widget.view.figures.svg import px
from rugged_widget.view.i18n.catalogue import Catalogue

MAX_NODES = 60
"""Nodes that can be told apart in a drawing; of more there is only the table."""

MAX_ARROWS = 150
"""Arrows that can be followed in a drawing, likewise."""

NAME_LENGTH = 28
CHARACTER, SMALL_CHARACTER = 6.9, 6.2
"""Pixels of a letter of the name, and of what stands under it; a wide one, as of Korean, takes 1.7 times as much."""

HEIGHT, SLIM = 42.0, 34.0
"""Heights of an ellipse and of a rectangle, pixels."""

LEAST_WIDTH = 62.0
MARGIN = 6.0
LOOP = 17.0
"""Pixels that the arrow of a site that depends on itself, at another step of a loop, reaches beyond the node."""

ROLES: tuple[SiteRole, ...] = ("latent", "enumerated", "observed", "deterministic", "parameter")


def can_be_drawn(groups: Groups) -> bool:
    """Return whether there are sites, and not too many nodes or arrows for a drawing."""
    return 0 < len(groups.groups) <= MAX_NODES and len(groups.arrows) <= MAX_ARROWS


def graph_svg(text: Catalogue, groups: Groups) -> str:
    """Return the graph as SVG, at its natural size; empty where there is nothing to draw or too much.

    Names are plain text, and stay so. For readers who do not see it, it has a name; the table says the rest.
    """
    if not can_be_drawn(groups):
        return ""
    captions = [_under(text, group) for group in groups.groups]
    nodes = [_node(group, caption) for group, caption in zip(groups.groups, captions, strict=True)]
    labels = {key: _plate_label(text, plate) for key, plate in groups.plates.items()}
    widths = {key: _width(label, SMALL_CHARACTER) + 16.0 for key, label in labels.items()}
    arrows = [arrow for arrow in groups.arrows if arrow[0] != arrow[1]]
    loops = [one for one, other in groups.arrows if one == other]
    layout = lay_out(nodes, arrows, widths)
    beyond = LOOP + MARGIN if loops or layout.up else 0.0
    width, height = layout.width + 2 * MARGIN + 2 * beyond, layout.height + 2 * MARGIN
    drawing = [
        *(_frame(frame, groups.plates[frame.key].label) for frame in layout.frames),
        *(_arrow(arrow, layout, nodes) for arrow in arrows),
        *(_loop(layout.centers[number], nodes[number]) for number in loops),
        *(_frame_label(frame, labels[frame.key], layout) for frame in layout.frames),
        *_nodes(groups.groups, captions, nodes, layout),
    ]
    sites = sum(len(group.sites) for group in groups.groups)
    name = escape(text("model.graph", sites=sites, plates=len(groups.plates)), quote=True)
    box = f"{px(-MARGIN - beyond)} {px(-MARGIN)} {px(width)} {px(height)}"
    size = f'width="{px(width)}" height="{px(height)}" style="min-width: {px(0.8 * width)}px"'
    return f'<svg class="rw-graph" role="img" aria-label="{name}" viewBox="{box}" {size}>{"".join(drawing)}</svg>'


def legend_html(text: Catalogue, roles: Sequence[SiteRole]) -> str:
    """Return what the shapes mean, of the roles that occur, as HTML."""
    keys = []
    for role in ROLES:
        if role in roles:
            shape = _shape(role, 26.0, 14.0)
            svg = f'<svg viewBox="-15 -9 30 18" width="30" height="18" aria-hidden="true">{shape}</svg>'
            keys.append(f'<span class="rw-node rw-{role}">{svg}{text.html(f"model.role.{role}")}</span>')
    return f'<p class="rw-graph-key">{"".join(keys)}</p>'


def _under(text: Catalogue, group: Group) -> str:
    """Return what stands under the name of a node: its distribution, or how many sites it stands for."""
    count = len(group.sites)
    if group.network:
        return text("model.parameters_one" if count == 1 else "model.parameters", count=count)
    own = shown(group.distribution, NAME_LENGTH) or text(f"model.role.{group.role}")
    return own if count == 1 else text("model.times", name=own, count=count)


def _width(words: str, character: float) -> float:
    return character * sum(1.7 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in words)


def _is_slim(role: SiteRole) -> bool:
    return role == "parameter"


def _node(group: Group, caption: str) -> Node:
    name = shown(group.label, NAME_LENGTH)
    inside = max(_width(name, CHARACTER), _width(caption, SMALL_CHARACTER))
    slim = _is_slim(group.role)
    width = inside + 18.0 if slim else 1.12 * inside + (30.0 if group.role == "enumerated" else 22.0)
    return Node(max(width, LEAST_WIDTH), SLIM if slim else HEIGHT, group.plates)


def _plate_label(text: Catalogue, plate: PlateGroup) -> str:
    name, small, large = shown(plate.label, NAME_LENGTH), plate.smallest, plate.largest
    if small.size != large.size:
        return text("model.plate_range", name=name, low=small.size, high=large.size)
    if large.subsample_size < large.size:
        return text("model.plate_of", name=name, count=large.subsample_size, size=large.size)
    return text("model.plate", name=name, size=large.size)


def _frame(frame: Frame, name: str) -> str:
    """Return the frame of a plate, whose name is shown in full on hover."""
    place = f'x="{px(frame.x)}" y="{px(frame.y)}" width="{px(frame.width)}" height="{px(frame.height)}"'
    return f'<rect class="rw-plate" pointer-events="all" {place} rx="9"><title>{escape(name)}</title></rect>'


def _frame_label(frame: Frame, label: str, layout: Layout) -> str:
    """Return the label of a plate, at the bottom, on the side that fewer arrows leave it by."""
    bottom, right = frame.y + frame.height, frame.x + frame.width
    leaving = [
        points[-1][0] - points[0][0]
        for points in layout.routes.values()
        if frame.x < points[0][0] < right and frame.y < points[0][1] < bottom < points[-1][1]
    ]
    left = sum(leaving) > 0
    x, anchor = (frame.x + 8.0, "start") if left else (right - 8.0, "end")
    return (
        f'<text class="rw-plate-name" x="{px(x)}" y="{px(bottom - 8.0)}" text-anchor="{anchor}">{escape(label)}</text>'
    )


def _shape(role: SiteRole, width: float, height: float) -> str:
    if role == "parameter":
        return f'<rect x="{px(-width / 2)}" y="{px(-height / 2)}" width="{px(width)}" height="{px(height)}" rx="3"/>'
    outer = f'<ellipse rx="{px(width / 2)}" ry="{px(height / 2)}"/>'
    if role != "enumerated":
        return outer
    return f'{outer}<ellipse class="rw-ring" rx="{px(width / 2 - 3)}" ry="{px(height / 2 - 3)}"/>'


def _nodes(groups: Sequence[Group], captions: Sequence[str], nodes: Sequence[Node], layout: Layout) -> Iterator[str]:
    for group, caption, node, (x, y) in zip(groups, captions, nodes, layout.centers, strict=True):
        name = escape(shown(group.label, NAME_LENGTH))
        yield (
            f'<g class="rw-node rw-{group.role}" transform="translate({px(x)} {px(y)})">'
            f"<title>{escape(group.label)}</title>{_shape(group.role, node.width, node.height)}"
            f'<text y="-2">{name}</text><text class="rw-under" y="12">{escape(caption)}</text></g>'
        )


def _arrow(arrow: tuple[int, int], layout: Layout, nodes: Sequence[Node]) -> str:
    """Return an arrow: down through the layers, or round the side of its ends where it goes up."""
    points = layout.routes[arrow]
    if arrow in layout.up:
        return _round_the_side(points, nodes[arrow[0]], nodes[arrow[1]])
    (end_x, end_y) = points[-1]
    points = (*points[:-1], (end_x, end_y - 5.0))
    curve = f"M{px(points[0][0])} {px(points[0][1])}" + "".join(_bend(one, two) for one, two in pairwise(points))
    tip = f"M{px(end_x)} {px(end_y)}l-3.6 -7.5h7.2z"
    return f'<path class="rw-arrow" d="{curve}"/><path class="rw-tip" d="{tip}"/>'


def _bend(start: Point, end: Point) -> str:
    (x, y), (to_x, to_y) = start, end
    half = (y + to_y) / 2
    return f"C{px(x)} {px(half)} {px(to_x)} {px(half)} {px(to_x)} {px(to_y)}"


def _round_the_side(points: Sequence[Point], start: Node, end: Node) -> str:
    (x, y), (to_x, to_y) = points[0], points[-1]
    x, to_x = x + start.width / 2, to_x + end.width / 2
    out = max(x, to_x) + LOOP
    curve = f"M{px(x)} {px(y)}C{px(out)} {px(y)} {px(out)} {px(to_y)} {px(to_x + 5)} {px(to_y)}"
    return f'<path class="rw-arrow" d="{curve}"/><path class="rw-tip" d="M{px(to_x)} {px(to_y)}l7.5 -3.6v7.2z"/>'


def _loop(center: Point, node: Node) -> str:
    """Return an arrow from a node to itself, at its right side."""
    x, y = center[0] + 0.36 * node.width, center[1]
    rise = 0.34 * node.height
    out = center[0] + node.width / 2 + LOOP
    low, high = y + rise + 12.0, y - rise - 12.0
    curve = f"M{px(x)} {px(y + rise)}C{px(out)} {px(low)} {px(out)} {px(high)} {px(x + 4)} {px(y - rise - 4)}"
    tip = f"M{px(x)} {px(y - rise)}l4.2 -7.2l3.4 6.2z"
    return f'<path class="rw-arrow" d="{curve}"/><path class="rw-tip" d="{tip}"/>'
