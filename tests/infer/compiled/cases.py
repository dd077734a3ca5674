"""All cases of the suite, by what is to become of them."""

from __future__ import annotations

from pyro.infer import Trace_ELBO

from tests.infer.compiled.cases_draws import DRAWS
from tests.infer.compiled.cases_guides import ELBOS, GUIDES, OPTIMIZERS
from tests.infer.compiled.cases_models import MODELS
from tests.infer.compiled.cases_neural import NEURAL
from tests.infer.compiled.cases_refused import CAUGHT, NEVER

_OTHERS = (*GUIDES, *ELBOS, *OPTIMIZERS, *MODELS, *NEURAL, *DRAWS)

CAPTURED = tuple(case for case in _OTHERS if not case.refused)
REFUSED = (*(case for case in _OTHERS if case.refused), *NEVER)
# Plain steps differ by objective, optimizer and arguments by name, which the models of other objectives have; REFUSED,
# which takes them too, has models and guides of all kinds.
PLAIN = tuple(
    case for case in CAPTURED if case.quick or case.elbo is not Trace_ELBO or case.optimizer != "Adam" or case.options
)
ALL = (*CAPTURED, *REFUSED, *CAUGHT)
