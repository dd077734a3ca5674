"""Heat maps of medians: an image that takes the colours of the page's theme."""

from __future__ import annotations

import zlib
from base64 import b64encode
from dataclasses import dataclass
from struct import pack

import numpy as np
from numpy.typing import NDArray

from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.figures.latents.search import Indices, Selection
from rugged_widget.view.figures.latents.values import ShownSite, ShownValues
from rugged_widget.view.figures.number_format import brief
from rugged_widget.view.i18n.catalogue import Catalogue

MAX_CELLS = 96
"""Cells of a side; of a longer one neighbours share a cell, which has their mean."""

FAINTEST = 0.06
"""Opacity of the lowest value where colours do not stand for signs."""


def grid(selection: Selection) -> Indices | None:
    """Return the elements of a heat map by row and column, as places in C order; None where there is no such map.

    Of more than two dimensions that are longer than 1 the last two are shown, at the first place of the others.
    """
    if selection.elements is None:
        return None
    places = np.squeeze(selection.elements)
    while places.ndim > 2:
        places = places[0]
    return places if places.ndim == 2 and places.size else None


def heat_map_html(text: Catalogue, site: ShownSite, places: Indices, values: ShownValues) -> str:
    """Return a heat map of a site's elements with its key, HTML: medians, or expected values where it is discrete.

    Parameters
    ----------
    places
        Elements by row and column, as of `grid`.
    """
    colours = _colours(_cells(_numbers(site, values)[places.reshape(-1)].reshape(places.shape)))
    ends = site.label(int(places[0, 0])), site.label(int(places[-1, -1]))
    caption = text.html("latents.heat.from_to", first=ends[0], last=ends[1])
    size = text.html("latents.heat.size", rows=places.shape[0], columns=places.shape[1])
    layers = "".join(
        f'<i class="rw-heat-{name}" style="--rw-image: url(data:image/png;base64,{_png(layer)})"></i>'
        for name, layer in (("above", colours.above), ("below", colours.below))
        if layer is not None
    )
    marks = [colours.low, 0.0, colours.high] if colours.below is not None else [colours.low, colours.high]
    key = "".join(f"<span>{brief(text, mark)}</span>" for mark in marks)
    ramp = "rw-heat-signed" if colours.below is not None else "rw-heat-plain"
    return (
        f'<div class="rw-heat"><div class="rw-heat-image" role="img" aria-label="{caption}">{layers}</div>'
        f'<div class="rw-heat-key"><p>{caption}</p><p>{size}</p>'
        f'<div class="rw-heat-ramp {ramp}"></div><div class="rw-heat-marks">{key}</div></div></div>'
    )


@dataclass(frozen=True, eq=False)
class _Colours:
    """Opacities from 0 to 1 of the colours above and below 0, by cell, and the values of the deepest ones."""

    above: Array
    below: Array | None
    low: float
    high: float


def _numbers(site: ShownSite, values: ShownValues) -> Array:
    if not site.num_values:
        return values.medians(site)
    expected: Array = np.arange(site.num_values) @ values.flat_probabilities(site)
    return expected


def _cells(numbers: Array) -> Array:
    """Return the values of the cells, shape (at most 96, at most 96)."""
    for axis, length in enumerate(numbers.shape):
        if length > MAX_CELLS:
            starts = np.linspace(0, length, MAX_CELLS, endpoint=False).astype(int)
            counts = np.diff([*starts.tolist(), length]).reshape((-1, 1) if axis == 0 else (1, -1))
            numbers = np.add.reduceat(numbers, starts, axis=axis) / counts
    return numbers


def _colours(cells: Array) -> _Colours:
    """Return the colours of cells: about 0 where values have both signs. What is not finite has none."""
    finite = cells[np.isfinite(cells)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    known = np.where(np.isfinite(cells), cells, 0.0 if low < 0.0 < high else low)
    if low < 0.0 < high:
        deepest = max(high, -low)
        return _Colours((known / deepest).clip(0, 1), (-known / deepest).clip(0, 1), -deepest, deepest)
    share = (known - low) / (high - low) if high > low else np.ones_like(known)
    return _Colours(np.where(np.isfinite(cells), FAINTEST + (1 - FAINTEST) * share, 0.0), None, low, high)


def _png(opacity: Array) -> str:
    """Return a black image of these opacities, shape (height, width), as a PNG in base 64."""
    height, width = opacity.shape
    pixels: NDArray[np.uint8] = np.zeros((height, 1 + 2 * width), np.uint8)  # each line begins with its filter: none
    pixels[:, 2::2] = (255 * opacity).round()
    header = pack(">IIBBBBB", width, height, 8, 4, 0, 0, 0)  # 8 bits each of grey and opacity
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(pixels.tobytes(), 1)), (b"IEND", b"")
    body = b"".join(pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data)) for name, data in chunks)
    return b64encode(b"\x89PNG\r\n\x1a\n" + body).decode("ascii")
