"""All cases of the suite, by what is to become of them."""

from __future__ import annotations

from tests.infer.compiled.cases_guides import ELBOS, GUIDES, OPTIMIZERS
from tests.infer.compiled.cases_models import MODELS
from tests.infer.compiled.cases_neural import NEURAL
from tests.infer.compiled.cases_refused import CAUGHT, NEVER

_OTHERS = (*GUIDES, *ELBOS, *OPTIMIZERS, *MODELS, *NEURAL)

CAPTURED = tuple(case for case in _OTHERS if not case.refused)
REFUSED = (*(case for case in _OTHERS if case.refused), *NEVER)
# Plain steps differ by objective and optimizer only; REFUSED, which takes them too, has models and guides of all kinds.
PLAIN = tuple(case for case in CAPTURED if case.quick or case in (*ELBOS, *OPTIMIZERS))
ALL = (*CAPTURED, *REFUSED, *CAUGHT)
