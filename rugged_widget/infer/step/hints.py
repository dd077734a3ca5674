"""Hints at what is probably not meant, from the structure of a model and the facts of the first step."""

import math
from collections.abc import Iterator

from rugged_widget.infer.step.first_step import FirstStep, SiteFacts
from rugged_widget.snapshot.hints import Hint
from rugged_widget.snapshot.model_values import ModelStructure

ROUNDING = 1e-4
"""Relative difference of two scales that are the same."""


def hints_of(first: FirstStep, batch_rows: int | None = None, num_rows: int | None = None) -> tuple[Hint, ...]:
    """Return hints at what is probably not meant, at most one of a kind and site.

    Parameters
    ----------
    first
        Facts of the first step.
    batch_rows
        Rows of the first step's batch, >= 1, where each step has a batch of its own; None where all steps have the same
        arguments.
    num_rows
        Rows of all batches together; None where that is not known.
    """
    hints = [*_plates(first), *_scales(first), *_parameters(first)]
    if batch_rows is not None:
        hints = [*_batches(first, batch_rows, num_rows), *hints]
    return tuple(hints)


def structure_hints(structure: ModelStructure) -> tuple[Hint, ...]:
    """Return a hint where a model has no data; none where it could not be run."""
    roles = {site.role for site in structure.sites}
    if "observed" in roles or structure.num_factors or (structure.error and not structure.sites):
        return ()
    return (Hint("nothing_observed" if roles & {"latent", "enumerated"} else "nothing_sampled", ""),)


def _batches(first: FirstStep, batch_rows: int, num_rows: int | None) -> Iterator[Hint]:
    """Compare the rows that an observed site counts for with those that there are.

    Where every latent belongs to a row, the scale changes nothing but the size of the ELBO.
    """
    if all(_is_by_row(site, batch_rows) for site in first.sites if not site.is_observed):
        return
    for site in _once(first.sites):
        if not (site.is_observed and _is_by_row(site, batch_rows)):
            continue
        rows = site.scale * batch_rows
        plates = tuple(plate.name for plate in site.plates if plate.looked_at == batch_rows)
        numbers = {"batch": batch_rows, "counted": round(rows)}
        if num_rows is None:
            if math.isclose(site.scale, 1.0, rel_tol=ROUNDING):
                yield Hint("batch_unscaled", site.name, plates, numbers)
        elif batch_rows < num_rows and math.isclose(rows, batch_rows, rel_tol=ROUNDING):
            yield Hint("batch_unscaled", site.name, plates, {**numbers, "rows": num_rows})
        elif batch_rows < num_rows and rows > num_rows * (1 + 1 / batch_rows + ROUNDING):  # the last batch may be short
            yield Hint("batch_scaled_twice", site.name, plates, {**numbers, "rows": num_rows})


def _is_by_row(site: SiteFacts, batch_rows: int) -> bool:
    return any(plate.looked_at == batch_rows for plate in site.plates) or batch_rows in site.shape[:1]


def _plates(first: FirstStep) -> Iterator[Hint]:
    for site in _once(first.sites):
        share = math.prod(plate.size / plate.looked_at for plate in site.plates)
        if site.is_observed and share > 1 + ROUNDING and math.isclose(site.scale, 1.0, rel_tol=ROUNDING):
            plate = next(plate for plate in site.plates if plate.size > plate.looked_at)
            numbers = {"batch": plate.looked_at, "rows": plate.size}
            yield Hint("plate_unscaled", site.name, (plate.name,), numbers)


def _scales(first: FirstStep) -> Iterator[Hint]:
    """Compare the scale of each latent in the guide, where it is drawn first, with that in the model."""
    before: dict[str, SiteFacts] = {}
    told = set[str]()
    for site in first.sites:
        guide = before.setdefault(site.name, site)
        same = math.isclose(guide.scale, site.scale, rel_tol=ROUNDING)
        if not (same or guide.is_point or site.is_point or site.name in told):
            told.add(site.name)
            yield Hint("scales_differ", site.name, (), {"guide": guide.scale, "model": site.scale})


def _parameters(first: FirstStep) -> Iterator[Hint]:
    if names := first.without_gradient:
        yield Hint("no_gradient", names[0], names[1:], {"count": len(names)})
    if shapes := [tensor.shape for tensor in first.unregistered if tensor.is_kept()]:
        numbers = {"count": len(shapes), "numbers": sum(math.prod(shape) for shape in shapes)}
        yield Hint("unregistered", "", (), numbers)


def _once(sites: tuple[SiteFacts, ...]) -> Iterator[SiteFacts]:
    """Yield the first run of each site: an ELBO may have many particles."""
    yield from {site.name: site for site in reversed(sites)}.values()
