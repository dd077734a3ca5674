"""Divide one draw's estimate of the ELBO among the sites of model and guide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

import pyro
import pyro.distributions as dist
import torch
from pyro.distributions.util import scale_and_mask
from pyro.infer import Trace_ELBO, TraceEnum_ELBO, TraceGraph_ELBO, TraceMeanField_ELBO, TraceTailAdaptive_ELBO
from pyro.infer.autoguide import AutoContinuous
from pyro.infer.traceenum_elbo import _compute_dice_elbo
from pyro.poutine.trace_struct import Trace
from torch import nn
from torch.distributions import kl_divergence

from rugged_widget.infer.step.elbo_traces import traces_of
from rugged_widget.infer.step.module_state import submodules, untouched
from rugged_widget.infer.step.pyro_step import QuickSubsample
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.infer.step.with_gradients import needs_gradients
from rugged_widget.snapshot.model_values import TermRole

Terms: TypeAlias = dict[tuple[str, TermRole], float]
"""What each site adds to one estimate of the ELBO, nats, by its name and role; observed sites come first."""

IMPOSSIBLE = -1e30
"""Stands for the logarithm of 0 where a sum over enumerated values is differentiated: 0 times infinity is no number."""

NAMED = 3
"""Enumerated sites that their common term is named after at most."""

ORDER: tuple[TermRole, ...] = ("observed", "latent", "enumerated", "guide")


def is_sum_over_sites(loss: object) -> bool:
    """Return whether a loss estimates the ELBO itself, whose mean is the sum of the terms of its sites.

    That is not known of a subclass of one's own that computes the loss in another way.
    """
    sums = Trace_ELBO, TraceGraph_ELBO, TraceEnum_ELBO
    changed = any(
        method in vars(kind)
        for kind in type(loss).__mro__
        for method in ("loss", "loss_and_grads", "differentiable_loss")
        if not kind.__module__.startswith("pyro.")
    )
    return isinstance(loss, sums) and not isinstance(loss, TraceTailAdaptive_ELBO) and not changed


def ask_terms(
    model: Callable[..., Any],
    guide: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    loss: object,
    transfer: Transfer,
) -> Later[Terms]:
    """Take one draw of the guide and ask for its terms, scaled and masked as the ELBO is; random numbers are used.

    They are sums over all elements of a site, nats, and their sum is the estimate of the ELBO by this draw. Parameters,
    gradients and the buffers of modules stay as they are. Guide and model have been called before. Enumerated sites are
    summed over where the loss is a TraceEnum_ELBO, and divergences are computed by formula where it is a
    TraceMeanField_ELBO.
    """
    try:
        with torch.no_grad():
            found = _draw(model, guide, args, kwargs, loss, transfer)
    except RuntimeError as error:
        if not needs_gradients(error):
            raise
        with torch.enable_grad():
            found = _draw(model, guide, args, kwargs, loss, transfer)
    return lambda: _summed(found)


def _draw(
    model: Callable[..., Any],
    guide: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    loss: object,
    transfer: Transfer,
) -> list[_Part]:
    with pyro.validation_enabled(False), untouched(submodules(model, guide)), QuickSubsample():
        return [
            part
            for traces in traces_of(model, guide, args, kwargs, loss)
            for part in _by_site(_dividing(loss)(*traces, transfer), *traces, guide, transfer)
        ]


def _summed(parts: Sequence[_Part]) -> Terms:
    terms: Terms = {}
    for part in parts:
        value = part.value()
        if value or not part.unless_zero:
            terms[part.key] = terms.get(part.key, 0.0) + value
    return {key: terms[key] for key in sorted(terms, key=lambda key: ORDER.index(key[1]))}


class _Part(NamedTuple):
    """What is added under a site and a role, nats; with `unless_zero` nothing is, where that is zero."""

    key: tuple[str, TermRole]
    value: Later[float]
    unless_zero: bool = False


class _Share(NamedTuple):
    """What a site of one of the traces adds to the ELBO, nats; "sum" is what the sum over enumerated values adds."""

    side: Literal["model", "guide", "sum"]
    name: str
    value: Later[float]


def _samples(trace: Trace) -> list[tuple[str, Any]]:
    return [(name, site) for name, site in trace.nodes.items() if site["type"] == "sample"]


def _dividing(loss: object) -> Callable[[Trace, Trace, Transfer], list[_Share]]:
    """Return what divides the estimate that a loss makes of a pair of traces."""
    if isinstance(loss, TraceEnum_ELBO):
        return _shares_of_enumerated
    return _shares_of_mean_field if isinstance(loss, TraceMeanField_ELBO) else _shares


def _negative(value: Later[float]) -> Later[float]:
    return lambda: -value()


def _shares(model_trace: Trace, guide_trace: Trace, transfer: Transfer) -> list[_Share]:
    def asked(site: Any) -> Later[float]:
        return transfer.number(site["log_prob_sum"])

    added = [_Share("model", name, asked(site)) for name, site in _samples(model_trace)]
    return added + [_Share("guide", name, _negative(asked(site))) for name, site in _samples(guide_trace)]


def _shares_of_mean_field(model_trace: Trace, guide_trace: Trace, transfer: Transfer) -> list[_Share]:
    """Divide the estimate of TraceMeanField_ELBO, which has a site's KL divergence where there is a formula of it."""
    shares = []
    for share in _shares(model_trace, guide_trace, transfer):
        site, both = guide_trace.nodes.get(share.name), share.name in model_trace.nodes
        divergence = _divergence(site, model_trace.nodes[share.name]) if site is not None and both else None
        if divergence is None:
            shares.append(share)
        elif share.side == "guide":
            shares.append(share._replace(value=_negative(transfer.number(divergence))))
    return shares


def _divergence(guide_site: Any, model_site: Any) -> Any:
    """Return KL(guide || prior) of a site, scaled and masked, nats; None where it has no formula."""
    try:
        divergence = kl_divergence(guide_site["fn"], model_site["fn"])
    except NotImplementedError:
        return None
    scaled: Any = scale_and_mask(divergence, scale=guide_site["scale"], mask=guide_site["mask"])
    if isinstance(scaled, torch.Tensor):
        return scaled.sum()
    return float(scaled * guide_site["fn"].batch_shape.numel())


def _shares_of_enumerated(model_trace: Trace, guide_trace: Trace, transfer: Transfer) -> list[_Share]:
    """Divide the ELBO of traces with enumerated sites.

    With each log probability multiplied by a weight, the derivative of the ELBO by the weight, at 1, is the mean of
    that log probability over the enumerated values, by their posterior. What is left is the entropy of that posterior.
    """
    sites = _samples(model_trace) + _samples(guide_trace)
    weights = torch.ones(len(sites), requires_grad=True, device=_device_of(sites))
    with torch.enable_grad():
        for weight, (_, site) in zip(weights.unbind(), sites, strict=True):
            for key in ("log_prob", "unscaled_log_prob"):
                _weigh(site["packed"], key, weight)
        elbo = _compute_dice_elbo(model_trace, guide_trace)
        derived = isinstance(elbo, torch.Tensor) and elbo.requires_grad
        (gradient,) = torch.autograd.grad(elbo, weights) if derived else (torch.zeros(len(sites)),)
    num_model, values, whole = len(_samples(model_trace)), transfer.tensor(gradient), transfer.number(elbo)
    shares = [
        _Share("model" if number < num_model else "guide", name, partial(_element, values, number))
        for number, (name, _) in enumerate(sites)
    ]
    return [*shares, _Share("sum", "", lambda: whole() - math.fsum(values().tolist()))]


def _element(values: Later[torch.Tensor], place: int) -> float:
    return float(values()[place])


def _device_of(sites: Sequence[tuple[str, Any]]) -> torch.device | None:
    """Return the device of what the sites have; None where nothing says it."""
    values = (site["packed"].get("log_prob") for _, site in sites)
    return next((value.device for value in values if isinstance(value, torch.Tensor)), None)


def _weigh(packed: dict[str, Any], key: str, weight: torch.Tensor) -> None:
    value = packed.get(key)
    if isinstance(value, torch.Tensor):
        packed[key] = weight * value.clamp(min=IMPOSSIBLE)
        packed[key]._pyro_dims = value._pyro_dims  # type: ignore[attr-defined] # Pyro's name of each dimension


def _by_site(
    shares: Sequence[_Share], model_trace: Trace, guide_trace: Trace, guide: Callable[..., Any], transfer: Transfer
) -> Iterator[_Part]:
    """Yield what is added under which site and role."""
    roles = {name: _role(site, name in guide_trace.nodes) for name, site in _samples(model_trace)}
    latents = [name for name, role in roles.items() if role == "latent" and name in guide_trace.nodes]
    enumerated = _joined([name for name, role in roles.items() if role == "enumerated"])
    for share in shares:
        if share.side == "sum":
            if enumerated:
                yield _Part((enumerated, "enumerated"), share.value)
        elif share.side == "guide" and share.name not in roles:
            yield from _of_helper(share, guide_trace, guide, latents, transfer)
        elif roles[share.name] == "enumerated":
            yield _Part((enumerated, "enumerated"), share.value)
        elif not _is_deterministic(model_trace.nodes[share.name]):
            yield _Part((share.name, roles[share.name]), share.value)


def _role(site: Mapping[str, Any], guided: bool) -> TermRole:
    if site["is_observed"]:
        return "observed"
    return "enumerated" if not guided and site["infer"].get("_enumerate_dim") is not None else "latent"


def _is_deterministic(site: Mapping[str, Any]) -> bool:
    return bool(site["infer"].get("_deterministic"))


def _joined(names: Sequence[str]) -> str:
    more = ["\N{HORIZONTAL ELLIPSIS}"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *more])


def _of_helper(
    share: _Share, guide_trace: Trace, guide: Callable[..., Any], latents: Sequence[str], transfer: Transfer
) -> Iterator[_Part]:
    """Yield what a site that only the guide has adds to the latents that it helps to draw, or by itself."""
    owner = _owner(share.name, latents)
    if owner is not None:
        yield _Part((owner, "latent"), share.value)
        return
    parts = _divided(guide, share.name, guide_trace.nodes[share.name])
    for name, value in parts.items():
        yield _Part((name, "latent"), _negative(transfer.number(value)))
    if not parts:
        yield _Part((share.name, "guide"), share.value, unless_zero=True)


def _owner(name: str, latents: Sequence[str]) -> str | None:
    """Return the latent that a site of the guide is named after, as `x_unconstrained` is; the only one there is."""
    if len(latents) == 1:
        return latents[0]
    return max((latent for latent in latents if name.startswith(f"{latent}_")), key=len, default=None)


def _divided(guide: Callable[..., Any], name: str, site: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return log q by latent where the guide draws the elements of all latents independently; nothing elsewhere."""
    owner = next((part for part in _automatic(guide) if f"_{part._pyro_name}_latent" == name), None)
    density = site["fn"]
    if owner is None or not isinstance(density, dist.Independent) or density.reinterpreted_batch_ndims != 1:
        return {}
    prototype: Any = owner.prototype_trace
    names = [latent for latent, _ in prototype.iter_stochastic_nodes()]
    sizes = [owner._unconstrained_shapes[latent].numel() for latent in names]
    parts = (site["scale"] * density.base_dist.log_prob(site["value"])).split(sizes, dim=-1)
    return {latent: part.sum() for latent, part in zip(names, parts, strict=True)}


def _automatic(guide: Callable[..., Any]) -> list[AutoContinuous]:
    modules = guide.modules() if isinstance(guide, nn.Module) else ()
    return [module for module in modules if isinstance(module, AutoContinuous)]
