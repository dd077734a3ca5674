"""Lay a graph out in layers, with rectangles round the nodes that belong together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from statistics import fmean, median

GAP = 22.0
"""Pixels between neighbours in a layer."""

LAYER_GAP = 30.0
"""Pixels between two layers, without the room for the borders of rectangles."""

PADDING = 12.0
"""Pixels between a rectangle and what it holds, at its sides and above."""

LABEL_ROOM = 26.0
"""Pixels under what a rectangle holds, for its label."""

BEND_WIDTH = 8.0
"""Pixels that an arrow takes in a layer that it passes through."""

NEARLY = 4.0
"""Arrows that are less than so many pixels from vertical become so."""

SWEEPS = 30
"""How often everything is placed anew; the best of them counts."""

CLOSE = 4
"""How much more an arrow between nodes of one rectangle counts than another, so that it goes straight down."""

CROSSING_COST = 70.0
"""Pixels by which arrows may be longer so that two of them do not cross."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Node:
    """A node to place: its size in pixels, and the keys of the rectangles that it is in, outermost first."""

    width: float
    height: float
    frames: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """A rectangle round nodes: its key, left upper corner and size, pixels, and how deep it lies in others."""

    key: str
    x: float
    y: float
    width: float
    height: float
    depth: int


@dataclass(frozen=True)
class Layout:
    """Where everything is, pixels from the left upper corner.

    Attributes
    ----------
    centers
        Centre of each node.
    frames
        The rectangles, outer ones before inner ones; one key may have several.
    routes
        Points of each arrow by its ends: from the bottom of the parent down to the top of the child, through every
        layer between; of one that goes `up` the centres of its ends.
    up
        Arrows that do not go down, of which every circle of arrows has one.
    width, height
        Size of the drawing.
    """

    centers: tuple[Point, ...]
    frames: tuple[Frame, ...]
    routes: Mapping[tuple[int, int], tuple[Point, ...]]
    up: frozenset[tuple[int, int]]
    width: float
    height: float


def lay_out(nodes: Sequence[Node], arrows: Iterable[tuple[int, int]], label_widths: Mapping[str, float]) -> Layout:
    """Place nodes so that arrows go down, are short and seldom cross, and rectangles hold what belongs to them alone.

    Parameters
    ----------
    nodes
        The nodes; those that come first are to the left and above where nothing else decides.
    arrows
        Pairs of different numbers of nodes, parent first.
    label_widths
        Width that the label of each rectangle needs, by its key.
    """
    pairs = list(dict.fromkeys(arrows))
    order = _order(len(nodes), pairs)
    place = {number: position for position, number in enumerate(order)}
    graph = _Graph([nodes[number] for number in order], [(place[a], place[b]) for a, b in pairs], label_widths)
    best, lowest = dict(graph.x), math.inf
    for sweep in range(SWEEPS):
        late = sweep >= SWEEPS // 2
        graph.sweep(graph.beside if late else (graph.above, graph.below, graph.beside)[sweep % 3], straight=late)
        cost = graph.cost()
        if cost < lowest - 1e-6:
            best, lowest = dict(graph.x), cost
    graph.x = best
    return _renumbered(graph.layout(), order)


def _renumbered(layout: Layout, order: Sequence[int]) -> Layout:
    """Return a layout with the numbers that nodes had before they were put in this order."""
    centers = dict(zip(order, layout.centers, strict=True))
    return replace(
        layout,
        centers=tuple(centers[number] for number in range(len(order))),
        routes={(order[a], order[b]): points for (a, b), points in layout.routes.items()},
        up=frozenset((order[a], order[b]) for a, b in layout.up),
    )


def _order(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """Return the nodes with parents before children; where they go in a circle, the first node of all comes first."""
    parents: dict[int, set[int]] = {number: set() for number in range(count)}
    for parent, child in arrows:
        parents[child].add(parent)
    order: list[int] = []
    while parents:
        number = next((number for number, above in parents.items() if not above), next(iter(parents)))
        order.append(number)
        del parents[number]
        for above in parents.values():
            above.discard(number)
    return order


@dataclass
class _Box:
    """A rectangle with what lies directly in it: nodes and bends by number, and other rectangles."""

    key: str = ""
    depth: int = 0
    least: float = 0.0
    leaves: list[int] = field(default_factory=list)
    inner: dict[str, _Box] = field(default_factory=dict)

    def all_leaves(self) -> list[int]:
        return [*self.leaves, *(leaf for box in self.inner.values() for leaf in box.all_leaves())]


@dataclass(frozen=True)
class _Item:
    """A node or a packed rectangle, to put beside others: layers it takes, width, where it wants its centre to be."""

    first: int
    last: int
    width: float
    wanted: float
    leaves: Mapping[int, float]
    """Centres of its nodes, from its own left side."""

    def meets(self, other: _Item) -> bool:
        return self.first <= other.last and other.first <= self.last


class _Graph:
    """A graph in the middle of being laid out: layers, and the horizontal centre `x` of each node and bend."""

    def __init__(
        self, nodes: Sequence[Node], arrows: Sequence[tuple[int, int]], label_widths: Mapping[str, float]
    ) -> None:
        self.nodes = list(nodes)
        self.num_nodes = len(nodes)
        self.arrows = arrows
        paths = _nested(nodes)
        self.layers = _layers(len(nodes), arrows)
        self._spans = _spans(paths, self.layers)
        self.chains: dict[tuple[int, int], list[int]] = {}
        for parent, child in arrows:
            if parent < child:
                self.chains[parent, child] = [parent, *self._bends(parent, child, paths), child]
        self.root = _Box(depth=-1)
        for number, path in enumerate(paths):
            box = self.root
            for key in path:
                box = box.inner.setdefault(key, _Box(key, box.depth + 1, label_widths.get(key, 0.0)))
            box.leaves.append(number)
        self.segments = [pair for chain in self.chains.values() for pair in pairwise(chain)]
        self.above: dict[int, list[int]] = {number: [] for number in range(len(self.nodes))}
        self.below: dict[int, list[int]] = {number: [] for number in range(len(self.nodes))}
        for upper, lower in self.segments:
            weight = CLOSE if paths[upper] == paths[lower] and paths[upper] else 1
            self.below[upper] += [lower] * weight
            self.above[lower] += [upper] * weight
        self.beside = {number: [*self.above[number], *self.below[number]] for number in self.above}
        self.x = {number: float(number) for number in range(len(self.nodes))}
        self._middle: Callable[[list[float]], float] = fmean

    def _bends(self, parent: int, child: int, paths: list[tuple[str, ...]]) -> list[int]:
        """Add a bend in every layer that an arrow passes through; it goes the whole way in the child's rectangles.

        Where those do not reach up to a layer, it goes in the parent's, as far down as they reach.
        """
        shared = _common(paths[parent], paths[child])
        bends = []
        for layer in range(self.layers[parent] + 1, self.layers[child]):
            bends.append(len(self.nodes))
            self.nodes.append(Node(BEND_WIDTH, 0.0))
            self.layers.append(layer)
            ways = (self._reaching(paths[end], layer) for end in (child, parent))
            paths.append(next((way for way in ways if len(way) > len(shared)), shared))
        return bends

    def _reaching(self, path: tuple[str, ...], layer: int) -> tuple[str, ...]:
        """Return those of nested rectangles, outermost first, that take a layer without the arrows through it."""
        spans = [self._spans[path[: depth + 1]] for depth in range(len(path))]
        return path[: sum(first <= layer <= last for first, last in spans)]

    def sweep(self, neighbours: Mapping[int, Sequence[int]], *, straight: bool) -> None:
        """Place everything anew, at the mean of its neighbours, or at their median, under which one of them is."""
        self._middle = median if straight else fmean
        packed = self._packed(self.root, neighbours)
        left = min(packed.leaves[number] - self.nodes[number].width / 2 for number in packed.leaves)
        self.x = {number: center - left for number, center in packed.leaves.items()}

    def _wanted(self, leaves: Sequence[int], neighbours: Mapping[int, Sequence[int]]) -> float:
        inside = set(leaves)
        places = [self.x[other] for leaf in leaves for other in neighbours[leaf] if other not in inside]
        return self._middle(places) if places else fmean(self.x[leaf] for leaf in leaves)

    def _packed(self, box: _Box, neighbours: Mapping[int, Sequence[int]]) -> _Item:
        """Put what a rectangle holds side by side, each as near to where it wants to be as the others let it."""
        items = [self._packed(inner, neighbours) for inner in box.inner.values()]
        for leaf in box.leaves:
            layer, width = self.layers[leaf], self.nodes[leaf].width
            items.append(_Item(layer, layer, width, self._wanted([leaf], neighbours), {leaf: width / 2}))
        items.sort(key=lambda item: item.wanted)
        lefts = _side_by_side(items)
        start = min(lefts)
        width = max(left + item.width for left, item in zip(lefts, items, strict=True)) - start
        padding = 0.0 if box is self.root else PADDING
        spare = max(0.0, (box.least - width) / 2 - padding) + padding
        leaves = {
            leaf: left - start + spare + center
            for left, item in zip(lefts, items, strict=True)
            for leaf, center in item.leaves.items()
        }
        first, last = min(item.first for item in items), max(item.last for item in items)
        return _Item(first, last, width + 2 * spare, self._wanted(list(leaves), neighbours), leaves)

    def cost(self) -> float:
        """Return how bad it is: the horizontal length of all arrows, and how often they cross."""
        x, length = self.x, sum(abs(self.x[upper] - self.x[lower]) for upper, lower in self.segments)
        by_layer: dict[int, list[tuple[float, float]]] = {}
        for upper, lower in self.segments:
            by_layer.setdefault(self.layers[upper], []).append((x[upper], x[lower]))
        crossings = sum(
            (one[0] - other[0]) * (one[1] - other[1]) < 0
            for segments in by_layer.values()
            for one, other in combinations(segments, 2)
        )
        return length + CROSSING_COST * crossings

    def layout(self) -> Layout:
        """Return the places, with heights."""
        for upper, lower in sorted(self.segments, key=lambda segment: self.layers[segment[0]]):
            if abs(self.x[upper] - self.x[lower]) < NEARLY:
                self.x[lower] = self.x[upper]
        boxes = [box for inner in self.root.inner.values() for box in _boxes(inner)]
        tops, bottoms, ends = self._rows(boxes)
        y = [(tops[layer] + bottoms[layer]) / 2 for layer in self.layers]
        frames = tuple(self._frame(box, tops, bottoms) for box in boxes)
        sides = [(self.x[n] - self.nodes[n].width / 2, self.x[n] + self.nodes[n].width / 2) for n in self.x]
        left = min([side for side, _ in sides] + [frame.x for frame in frames])
        right = max([side for _, side in sides] + [frame.x + frame.width for frame in frames])
        points = {number: (self.x[number] - left, y[number]) for number in self.x}
        routes = {arrow: self._route(arrow, points) for arrow in self.arrows}
        moved = tuple(Frame(f.key, f.x - left, f.y, f.width, f.height, f.depth) for f in frames)
        up = frozenset(arrow for arrow in self.arrows if arrow not in self.chains)
        return Layout(tuple(points[n] for n in range(self.num_nodes)), moved, routes, up, right - left, ends)

    def _rows(self, boxes: Sequence[_Box]) -> tuple[list[float], list[float], float]:
        """Return the top and the bottom of each layer, and where the drawing ends."""
        count = max(self.layers) + 1
        over, under = [0.0] * count, [0.0] * count
        for box in boxes:
            first, last = self._span(box)
            over[first] = max(over[first], PADDING * self._nesting(box, first=True))
            under[last] = max(under[last], LABEL_ROOM * self._nesting(box, first=False))
        tops, bottoms, y = [], [], 0.0
        for layer in range(count):
            y += over[layer]
            tops.append(y)
            y += max(self.nodes[number].height for number in self.x if self.layers[number] == layer)
            bottoms.append(y)
            y += under[layer] + (LAYER_GAP if layer < count - 1 else 0.0)
        return tops, bottoms, y

    def _span(self, box: _Box) -> tuple[int, int]:
        layers = [self.layers[leaf] for leaf in box.all_leaves()]
        return min(layers), max(layers)

    def _nesting(self, box: _Box, *, first: bool) -> int:
        """Return how many rectangles, it and those in it, begin, or end, in the layer where it does."""
        side = 0 if first else 1
        inside = [one for one in box.inner.values() if self._span(one)[side] == self._span(box)[side]]
        return 1 + max((self._nesting(one, first=first) for one in inside), default=0)

    def _frame(self, box: _Box, tops: Sequence[float], bottoms: Sequence[float]) -> Frame:
        first, last = self._span(box)
        left, right = self._sides(box)
        top = tops[first] - PADDING * self._nesting(box, first=True)
        bottom = bottoms[last] + LABEL_ROOM * self._nesting(box, first=False)
        return Frame(box.key, left, top, right - left, bottom - top, box.depth)

    def _sides(self, box: _Box) -> tuple[float, float]:
        inner = [self._sides(one) for one in box.inner.values()]
        left = min([self.x[n] - self.nodes[n].width / 2 for n in box.leaves] + [side for side, _ in inner])
        right = max([self.x[n] + self.nodes[n].width / 2 for n in box.leaves] + [side for _, side in inner])
        spare = max(0.0, (box.least - (right - left)) / 2 - PADDING) + PADDING
        return left - spare, right + spare

    def _route(self, arrow: tuple[int, int], points: Mapping[int, Point]) -> tuple[Point, ...]:
        chain = self.chains.get(arrow)
        if chain is None:
            return points[arrow[0]], points[arrow[1]]
        (x, y), (to_x, to_y) = points[chain[0]], points[chain[-1]]
        start, end = y + self.nodes[chain[0]].height / 2, to_y - self.nodes[chain[-1]].height / 2
        return (x, start), *(points[number] for number in chain[1:-1]), (to_x, end)


def _boxes(box: _Box) -> list[_Box]:
    return [box, *(deeper for inner in box.inner.values() for deeper in _boxes(inner))]


def _nested(nodes: Sequence[Node]) -> list[tuple[str, ...]]:
    """Return the rectangles of each node, outermost first: those that hold most nodes are outside everywhere.

    Rectangles that cross, as those of the rows and the columns of a table do, so become one in the other, and what is
    in the inner one alone has another rectangle of the same key.
    """
    counts: dict[str, int] = {}
    for node in nodes:
        for key in node.frames:
            counts[key] = counts.get(key, 0) + 1
    order = {key: place for place, key in enumerate(sorted(counts, key=lambda key: -counts[key]))}
    return [tuple(sorted(node.frames, key=order.__getitem__)) for node in nodes]


def _common(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    shared = []
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        shared.append(first)
    return tuple(shared)


def _spans(paths: Sequence[tuple[str, ...]], layers: Sequence[int]) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return the first and the last layer of each rectangle, by the keys of all that it is in and its own."""
    spans: dict[tuple[str, ...], tuple[int, int]] = {}
    for path, layer in zip(paths, layers, strict=True):
        for depth in range(1, len(path) + 1):
            first, last = spans.get(path[:depth], (layer, layer))
            spans[path[:depth]] = min(first, layer), max(last, layer)
    return spans


def _layers(count: int, arrows: Iterable[tuple[int, int]]) -> list[int]:
    """Return the layer of each node: under its parents, and no higher than its children need."""
    parents: dict[int, list[int]] = {number: [] for number in range(count)}
    children: dict[int, list[int]] = {number: [] for number in range(count)}
    for parent, child in arrows:
        if parent < child:
            parents[child].append(parent)
            children[parent].append(child)
    layers: list[int] = []
    for number in range(count):
        layers.append(max((layers[parent] + 1 for parent in parents[number]), default=0))
    for number in reversed(range(count)):
        if children[number] and not parents[number]:
            layers[number] = min(layers[child] for child in children[number]) - 1
    return layers


def _side_by_side(items: Sequence[_Item]) -> list[float]:
    """Return the left side of each item, in this order, near where it wants to be.

    It is the mean of what pushing to the right and pushing to the left make of it, so that what wants to be at one
    place lies to both sides of it.
    """
    right, left = [0.0] * len(items), [0.0] * len(items)
    for number, item in enumerate(items):
        before = [right[k] + items[k].width + GAP for k in range(number) if items[k].meets(item)]
        right[number] = max([item.wanted - item.width / 2, *before])
    for number in reversed(range(len(items))):
        item = items[number]
        behind = [left[k] - item.width - GAP for k in range(number + 1, len(items)) if items[k].meets(item)]
        left[number] = min([item.wanted - item.width / 2, *behind])
    return [(one + other) / 2 for one, other in zip(right, left, strict=True)]
