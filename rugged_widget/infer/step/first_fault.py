"""Find the first site of a step that is not finite, and describe it in words."""

import math
from collections.abc import Collection, Iterable
from typing import Any, Literal, TypeAlias

import torch
from pyro.distributions.util import scale_and_mask

FaultKind: TypeAlias = Literal["parameter", "gradient", "value", "data", "log_prob", "loss", "range"]
"""What is not finite: a parameter, its gradient, the value drawn at a site, an observed value, a log probability, or
only the loss. `range`: a parameter has left the range of its constraint."""

FEW = 4
"""Numbers of a value that are shown."""


class NonFiniteError(ArithmeticError):
    """A step ran away.

    Parameters
    ----------
    site
        The sample site or parameter where it showed first; None where it cannot be told.
    what
        What is wrong there, as half a sentence, with "{site}" in place of its name.
    kind
        What is not finite.
    detail
        The value and the distribution there, as sentences; empty where they are not known.

    Attributes
    ----------
    num_skipped
        Steps just before this one that were skipped because they were not finite either.
    """

    def __init__(self, site: str | None, what: str, *, kind: FaultKind = "loss", detail: str = "") -> None:
        super().__init__(what.replace("{site}", repr(site)))
        self.site, self.kind, self.detail = site, kind, detail
        self.num_skipped = 0


@torch.no_grad()
def first_fault(sites: Collection[Any]) -> NonFiniteError | None:
    """Return the first parameter, value or log probability that is not finite, in the order of execution, or None.

    Parameters
    ----------
    sites
        Pyro's messages of type "param" and "sample".

    Notes
    -----
    Where sites are enumerated, a log probability of -inf may be a state that is only impossible. It counts where
    nothing else is not finite.
    """
    enumerated = any("_enumerate_dim" in site["infer"] for site in sites if site["type"] == "sample")
    faults = (fault for site in sites if (fault := _fault_of(site, impossible_counts=not enumerated)))
    fault = next(faults, None)
    if fault is None and enumerated:
        fault = next((fault for site in sites if (fault := _fault_of(site, impossible_counts=True))), None)
    return fault


def _fault_of(site: Any, *, impossible_counts: bool) -> NonFiniteError | None:
    name, value = site["name"], site["value"]
    if site["type"] == "param":
        if _all_finite(value):
            return None
        detail = f"Its value: {numbers_in(value)}."
        return NonFiniteError(name, "the parameter {site} is not finite", kind="parameter", detail=detail)
    given = site["is_observed"] and not site["infer"].get("_deterministic")
    if not given and not _all_finite(value):
        what = "the value drawn at site {site} is not finite"
        return NonFiniteError(name, what, kind="value", detail=described(site))
    log_prob = _log_prob(site)
    if log_prob is None or _all_finite(log_prob) or not (impossible_counts or _has_worse_than_impossible(log_prob)):
        return None
    if given and not _all_finite(value):
        what = "the value observed at site {site} is not finite"
        return NonFiniteError(name, what, kind="data", detail=described(site))
    what = f"the log probability of site {{site}} is {float(log_prob.sum())}{_share(log_prob)}"
    return NonFiniteError(name, what, kind="log_prob", detail=described(site))


def _log_prob(site: Any) -> torch.Tensor | None:
    """Return the log probability of a site as it counts in the ELBO; None where it cannot be computed."""
    try:
        log_prob = site["fn"].log_prob(site["value"], *site["args"], **site["kwargs"])
        return torch.as_tensor(scale_and_mask(log_prob, site["scale"], site["mask"]))
    except Exception:  # the step has its own words for what it raises
        return None


def _all_finite(value: Any) -> bool:
    return not isinstance(value, torch.Tensor) or bool(torch.isfinite(value).all())


def _has_worse_than_impossible(log_prob: torch.Tensor) -> bool:
    return bool((torch.isnan(log_prob) | (log_prob == math.inf)).any())


def _share(log_prob: torch.Tensor) -> str:
    bad, count = int((~torch.isfinite(log_prob)).sum()), log_prob.numel()
    return f", because of {bad:,} of its {count:,} elements" if count > 1 and bad < count else ""


def described(site: Any) -> str:
    """Return sentences on the value of a sample site, a few numbers of it, and on its distribution."""
    value = f"Its value: {numbers_in(site['value'])}. " if _size(site["value"]) else ""
    return f"{value}Its distribution: {distribution_in_words(site['fn'])}."


def distribution_in_words(distribution: Any) -> str:
    """Return the name of a distribution with its parameters' ranges, such as Normal(loc from 0 to 2, scale 0.5)."""
    inner, around = distribution, ""
    while hasattr(inner, "base_dist"):
        around = around or ("transformed " if getattr(inner, "transforms", None) else "")
        inner = inner.base_dist
    parameters = ", ".join(f"{name} {numbers_in(value, few=0)}" for name, value in _parameters_of(inner))
    return f"{around}{type(inner).__name__}({parameters})"


def _parameters_of(distribution: Any) -> Iterable[tuple[str, torch.Tensor]]:
    names = tuple(getattr(distribution, "arg_constraints", None) or ())
    # A parameter that was not given is computed from another one when it is asked for.
    given = [name for name in names if name in vars(distribution)] or names
    for name in given:
        try:
            value = getattr(distribution, name)
        except Exception:  # noqa: S112 # a description leaves out what cannot be had
            continue
        if isinstance(value, (torch.Tensor, float, int)):
            yield name, torch.as_tensor(value)


def numbers_in(value: Any, *, few: int = FEW) -> str:
    """Return the first numbers of a value, at most `few`, its range, and how many are not finite."""
    if not isinstance(value, torch.Tensor):
        return str(value)[:80]
    flat = value.detach().reshape(-1).cpu()
    if len(flat) <= max(1, few):
        return ", ".join(_short(number) for number in flat) or "empty"
    finite = flat[torch.isfinite(flat)].double()
    shown = ", ".join(_short(number) for number in flat[:few]) + ", ... " if few else ""
    if not len(finite):
        ranges = f"all {_short(flat[0])}" if bool(torch.isnan(flat).all()) else "not finite"
    elif float(finite.min()) == float(finite.max()):
        ranges = _short(finite[0])
    else:
        ranges = f"from {_short(finite.min())} to {_short(finite.max())}"
    bad = len(flat) - len(finite)
    not_finite = f", {bad:,} of {len(flat):,} not finite" if bad and len(finite) else ""
    return f"{shown}({ranges}{not_finite})" if few else f"{ranges}{not_finite}"


def _short(number: Any) -> str:
    return f"{float(number):.3g}"


def _size(value: Any) -> int:
    return value.numel() if isinstance(value, torch.Tensor) else 1
