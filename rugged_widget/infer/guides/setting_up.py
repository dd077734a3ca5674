"""An automatic guide's parameters, before the first step."""

from __future__ import annotations

from typing import Any

import torch
from pyro.infer.autoguide import AutoContinuous, AutoGuide, AutoGuideList

from rugged_widget.infer.step.isolation import Generators


def set_up(guide: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Give an automatic guide its parameters before the first step, with the random numbers of the first step.

    Pyro does it within the first call: the prototype, then the networks of a flow, then the draw. The first two are
    done here; a call whose random numbers are given back enters the parameters into the store. The parts of an
    AutoGuideList set themselves up one between another's draws, so they are left to the first step, as is any guide
    that is not automatic. Returns whether the guide is set up.
    """
    if not isinstance(guide, AutoGuide):
        return False
    guide._setup_prototype(*args, **kwargs)  # noqa: SLF001 no public name
    if isinstance(guide, AutoGuideList):
        return False
    if isinstance(guide, AutoContinuous):
        guide.get_posterior(*args, **kwargs)
    generators = Generators.copied()
    with torch.no_grad():
        guide(*args, **kwargs)
    generators.rewind()
    return True
