"""The first page of the lesson: panels and slopes between quantiles and verdicts."""

from collections.abc import Callable, Mapping

from rugged_widget.regression.snapshot import RegressionReference
from rugged_widget.regression.view.explanation_facts import facts_of
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.regression.view.panels import Panels
from rugged_widget.regression.view.slopes import SlopeFigure
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.train import PARTS, TrainPage
from rugged_widget.view.requests import Requests


def train_page(
    subject: RegressionSubject,
    num_steps: int,
    reference: RegressionReference | None,
    changed: Callable[[], None],
    *,
    text: Catalogue,
    requests: Requests,
    settings: Mapping[str, object],
) -> TrainPage:
    """Return the page; parameters as of `TrainPage`."""
    facts = facts_of(subject, reference)
    explain = {name: Explanation(text, name, facts) for name in (*PARTS, "panels")}
    explain["slopes"] = Explanation(text, "slopes" if subject.design.grouped else "slope", facts)
    figures = (
        Panels(subject, changed, reference, text=text, explain=explain["panels"]),
        SlopeFigure(subject, reference, text=text, explain=explain["slopes"]),
    )
    return TrainPage(
        subject,
        num_steps,
        reference,
        changed,
        figures=figures,
        explain=explain,
        text=text,
        requests=requests,
        settings=settings,
    )
