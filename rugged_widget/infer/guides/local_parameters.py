"""Parameters that modules keep to themselves, as Pyro's setting `module_local_params` makes them."""

from collections.abc import Iterable
from typing import Any

from pyro import get_param_store
from torch import nn
from torch.distributions import constraints


def enter_local_parameters(things: Iterable[object]) -> None:
    """Enter into the present parameter store what modules among `things` keep to themselves, with its constraints."""
    store: Any = get_param_store()
    for module in [thing for thing in things if isinstance(thing, nn.Module)]:
        for path, param in module.named_parameters():
            if param in store._param_to_name:
                continue
            owner, _, leaf = path.removesuffix("_unconstrained").rpartition(".")
            given = getattr(module.get_submodule(owner), "_pyro_params", {}).get(leaf)
            name = ".".join(filter(None, (type(module).__name__, owner, leaf)))
            store._params[name], store._param_to_name[param] = param, name
            store._constraints[name] = constraints.real if given is None else given[0]
