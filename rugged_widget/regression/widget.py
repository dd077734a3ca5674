"""RuggedWidget: the lesson's data, model and dashboard."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd
import traitlets

from rugged_widget.defaults import NUM_DRAWS, NUM_STEPS, PROB, PROBS
from rugged_widget.infer.guides.families import GUIDE_LABELS, Guide, checked_guide, guide_key
from rugged_widget.numpy_errors import usual_errors
from rugged_widget.regression.data.regression_data import RegressionData, regression_data
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.export.export import save_exported, save_torchscript
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.rate_decay import RateDecay
from rugged_widget.regression.infer.reference import comparison_of
from rugged_widget.regression.infer.run_spec import recipe_of
from rugged_widget.regression.infer.tables import least_squares_of, predictions_of, summary_of
from rugged_widget.regression.pages import regression_pages
from rugged_widget.regression.priors import Priors, checked_priors
from rugged_widget.regression.script import write_script
from rugged_widget.regression.snapshot import RegressionSnapshot
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.static_html import still
from rugged_widget.setting import Setting, checked_settings, controls_of, keep_training, settings_of, with_settings
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.svi_widget import Ask, SVIWidget
from rugged_widget.training.training import Training
from rugged_widget.validation import CUSTOM, checked_batch_size, checked_flag
from rugged_widget.view.controls.inputs import Choices, Toggle
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.i18n.catalogue import AUTO, FALLBACK, Catalogue
from rugged_widget.view.requests import Requests

T = TypeVar("T")


def _checked_decay(value: object) -> bool | None:
    return None if value is None else checked_flag(value, "decay")


def _let_decay(training: Training[Any], on: bool | None) -> None:
    training.change_fit(lambda fit: fit.let_decay(bool(on)))
    training.refresh()  # the learning rate may be another one now


@with_settings
class RuggedWidget(SVIWidget):
    """A Bayesian regression that learns before your eyes: Pyro's SVI in the kernel, animated in the notebook.

    Display it, press Start. Nothing trains until it is asked to. Every setting, from learning_rate on, is a trait too:
    observe it, link it, assign to it while training runs. Another guide or seed begins again (and goes on running if it
    ran); whatever else changes, the run goes on where it is.

    Parameters
    ----------
    data
        A table, or RegressionData where words for the axes are wanted too. Without it the lesson's: terrain ruggedness
        and GDP per person of 170 countries, inside and outside Africa.
    response, predictor, group
        Names of columns of `data`: numbers, numbers, and two values. Without a group there is one line for all rows.
    log_response
        Let the model see the natural logarithm of the response.
    label
        Name of the column that names the rows; their index does if it is None.
    groups
        Two values of the group where it has more, as the column has them or as texts, such as ("Africa", "Europe"): the
        first is group 0, the second group 1, and rows of others are left out. Of a column of two values, their order.
    covariates
        Names of further columns that the mean depends on: of numbers, or of two values, which are coded as 0 and 1. The
        panels have them at their means; the Predict page has a control for each.
    batch_size
        Rows that a step looks at, picked anew each time, for tables of many: >= 1. All of them where it is None or no
        less than there are. The ELBO is of all rows in any case.
    standardize
        Center and scale predictor, covariates and response for training, with weights ~ Normal(0, 2.5), bias ~
        Normal(0, 10) and sigma ~ Uniform(0, 10) on that scale; so a table trains in any units. A covariate of two
        values is only centered. All that is shown and returned is in the units of the table, the ELBO and the log
        evidence are of the response in its own unit, and only the guide's parameters are as they are trained. None does
        so for your own tables without `priors`, not for the lesson's. With False the model sees the table as it is,
        with `priors` or the lesson's. With True there are no `priors` to give, but other ones to set afterwards. A
        guide of your own is called with features and targets as the model sees them.
    {settings}

    Attributes
    ----------
    {attributes}

    Raises
    ------
    ValueError, TypeError
        At once, for data or settings that cannot be used, naming what was given and what is needed.

    Examples
    --------
    >>> widget = RuggedWidget(guide="multivariate", num_steps=1000)
    >>> widget.step
    0
    """

    _falls_to = math.nan  # learning rate that the run told last, where it falls by itself

    guide: Setting[Guide] = Setting(
        "diagonal",
        checked_guide,
        'Family of the guide: "diagonal", "normal", "multivariate", "low_rank", "parts", "laplace", "iaf" or "delta"; '
        "or one of your own: a subclass of AutoGuide, or a Pyro guide that is called as the model is, with features "
        "and targets.",
        shown=guide_key,
        control=partial(Choices, labels=GUIDE_LABELS, words="guides", other=CUSTOM),
        place=3,
        saved=lambda _run, fit: fit.guide_given,
    )
    priors: Setting[Priors | None] = Setting(
        None,
        checked_priors,
        "Scales of the model's priors, on the scale that it is trained on. Given here they are in the units of the "
        "table (of the logarithm where that is taken) and switch `standardize` off: independent in these units, they "
        "would not be independent on the standardized scale. Set later, they begin a new run on the scale that the "
        "widget trains on, the standardized one where it is standardized; None brings back those that it began with.",
        show=lambda _dashboard, _priors: None,  # pages see them in the reference of a snapshot
        saved=lambda _run, fit: fit.comparison.priors,
    )
    decay: Setting[bool | None] = Setting(
        None,
        _checked_decay,
        "Let the learning rate fall by itself: 0.1 for 400 steps, then lower and lower, 0.001 from step 900 on; a flow "
        "and a guide of your own begin at 0.03. `learning_rate` is the present one then; one that you set stays, and "
        "ends it. None lets it fall for a table that is standardized, unless `learning_rate` is given.",
        apply=_let_decay,
        control=Toggle,
        place=2,
        saved=lambda _run, fit: fit.decays,
    )
    show_exact = Setting(
        True,
        partial(checked_flag, name="show_exact"),
        "Draw the exact posterior over the guide's.",
        apply=keep_training,
        show=Dashboard.draw_exact,
    )
    correct = Setting(
        False,
        partial(checked_flag, name="correct"),
        "Draw the guide's draws once more, each weighed by how probable the model finds it.",
        apply=keep_training,  # the page that draws it asks for it
    )

    @usual_errors()
    def __init__(
        self,
        data: pd.DataFrame | RegressionData | None = None,
        *,
        response: Hashable | None = None,
        predictor: Hashable | None = None,
        group: Hashable | None = None,
        log_response: bool = False,
        label: Hashable | None = None,
        groups: Sequence[object] | None = None,
        covariates: Sequence[Hashable] = (),
        batch_size: int | None = None,
        standardize: bool | None = None,
        **settings: Any,
    ) -> None:
        columns = {"response": response, "predictor": predictor, "group": group}
        values = checked_settings(RuggedWidget, settings)
        picks: dict[str, Any] = {"groups": groups, "covariates": covariates}
        self._data = regression_data(data, columns, log_response=log_response, label=label, **picks)
        self._batch_size = checked_batch_size(batch_size)
        self._comparison = comparison_of(self._data, values["priors"], standardize=standardize)
        values["priors"] = self._comparison.priors
        values |= self._first_rate(settings, values["decay"], guide_key(values["guide"]))
        super().__init__(values, lambda: self._fit_with(self.guide), partial(self._make_dashboard, values))

    # Answers of the lesson

    def slopes(self, num_samples: int = NUM_DRAWS) -> pd.DataFrame:
        """Return draws of the slope d mean / d predictor from the guide, a column a group, a row a draw.

        Within a group whose indicator is 1 the slope is the predictor's weight plus the interaction's. Without a group
        the only column is "slope".

        Parameters
        ----------
        num_samples
            Number of draws, >= 2.
        """
        return self._call(lambda fit: fit.slopes(num_samples))

    def summary(self, num_samples: int = NUM_DRAWS, prob: float = PROB) -> dict[str, pd.DataFrame]:
        """Summarise draws of the latents, of a new response (`obs`) and of its mean (`_RETURN`) for every row.

        Parameters
        ----------
        num_samples
            Number of draws, >= 2.
        prob
            Probability between the two percentiles, in (0, 1).

        Returns
        -------
        dict
            By site, a row an element: mean, std, and the percentiles, 5% and 95% with the default prob. The p-th
            percentile is the k-th smallest draw, k = int(num_samples p).
        """
        return self._call(lambda fit: summary_of(fit, num_samples, prob))

    def predictions(self, num_samples: int = NUM_DRAWS, prob: float = PROB) -> pd.DataFrame:
        """Predict the response of every row of the data, with its mean and percentiles.

        Parameters
        ----------
        num_samples
            Number of draws, >= 2.
        prob
            Probability between the two percentiles, in (0, 1).

        Returns
        -------
        DataFrame
            A row a row of the data, named by the data's names: group, predictor and covariates, then mean and
            percentiles of the mean of the response (mu) and of a new response (y), then the response itself, all as the
            model sees them. For the bundled data: cont_africa, rugged, mu_mean, mu_perc_5, mu_perc_95, y_mean,
            y_perc_5, y_perc_95, true_gdp.
        """
        return self._call(lambda fit: predictions_of(fit, num_samples, prob))

    def least_squares(self, num_steps: int = NUM_STEPS) -> pd.DataFrame:
        """Return the point estimate, without priors: exact, and as a linear layer learns it by Adam.

        Parameters
        ----------
        num_steps
            Steps of Adam at learning rate 0.05 on the summed squared error, >= 1.

        Returns
        -------
        DataFrame
            Columns exact and adam, a row a weight and the bias.
        """
        return self._call(lambda fit: least_squares_of(fit, num_steps))

    def exact(self) -> ExactPosterior:
        """Return the exact posterior of the model given the data, which no guide can better.

        It has ``log_evidence`` (nats), ``quantiles(probs)``, ``slopes()``, ``bands()`` and more.
        """
        return self._call(lambda fit: fit.comparison.exact)

    def save_torchscript(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Save model and guide as they are now as TorchScript, for a process that has torch and nothing else.

        ``torch.jit.load(path)(features)`` is one draw there; `rugged_widget.load_torchscript` reads it here.

        Parameters
        ----------
        path
            The file, in a folder that exists.
        overwrite
            Replace a file that is there.

        Raises
        ------
        FileExistsError
            Where there is one that is not to be replaced.
        """
        return self._call(lambda fit: save_torchscript(fit, path, overwrite=overwrite))

    def save_exported(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Save a sampler of model and guide as a `torch.export` program, which `torch.export.load` reads.

        Parameters
        ----------
        path
            The file, in a folder that exists; its name ends in .pt2.
        overwrite
            Replace a file that is there.

        Raises
        ------
        FileExistsError
            Where there is one that is not to be replaced.
        """
        return self._call(lambda fit: save_exported(fit, path, overwrite=overwrite))

    def script(self) -> str:
        """Return a short Pyro script that reproduces the run so far: data, model, guide, seed and learning rates."""
        return write_script(self._call(recipe_of))

    # Parts

    def _call(self, request: Callable[[RegressionFit], T]) -> T:
        return self._session.call(lambda fit: request(cast("RegressionFit", fit)))

    def _make_dashboard(
        self,
        settings: Mapping[str, Any],
        requests: Requests,
        ask: Ask,
        on_request: Callable[[SnapshotRequest], None],
    ) -> Dashboard:
        reference = self._comparison.reference(PROBS, PROB)
        text = Catalogue(FALLBACK if settings["language"] == AUTO else settings["language"])
        standardized = not self._comparison.scale.is_identity
        subject = subject_of(self._data, PROBS, text, standardized=standardized)
        values = {name: setting.shown(settings[name]) for name, setting in settings_of(RuggedWidget).items()}
        pages = regression_pages(subject, self._data, reference, self, requests, values, ask, text=text)

        def static_html(snapshot: RegressionSnapshot, status: str, exact: bool) -> str:
            return still(subject, snapshot, status, snapshot.reference, text=text, exact=exact)

        return Dashboard(
            subject,
            {name: control for name, control in controls_of(RuggedWidget).items() if name != "decay" or standardized},
            values,
            requests,
            ask,
            text=text,
            pages=pages,
            static_html=static_html,
            on_request=on_request,
            reference=reference,
        )

    def _fit_with(self, guide: Guide) -> RegressionFit:
        return RegressionFit(
            self._data,
            guide=guide,
            learning_rate=None if self.decay else self.learning_rate,
            seed=self.seed,
            engine=self.engine,
            batch_size=self._batch_size,
            comparison=self._comparison if self.priors is None else self._comparison.under(self.priors),
        )

    def _first_rate(self, given: Mapping[str, object], decay: bool | None, guide: str) -> dict[str, object]:
        """Return decay and learning rate to begin with; ValueError where both are given."""
        if decay and "learning_rate" in given:
            rate = given["learning_rate"]
            raise ValueError(f"decay=True has learning rates of its own, so none may be given, got {rate!r}")
        self._decays_at_first = not self._comparison.scale.is_identity and "learning_rate" not in given
        decays = self._decays_at_first if decay is None else decay
        return {"decay": decays} | ({"learning_rate": RateDecay.of(guide).rate(0)} if decays else {})

    def _settings_by(self, snapshot: Snapshot) -> dict[str, object]:
        self._falls_to = snapshot.learning_rate if self.decay else math.nan
        shown = math.isnan(self._falls_to) or self._is_followed(self.learning_rate)
        return {} if shown else {"learning_rate": self._falls_to}

    def _is_followed(self, rate: float) -> bool:
        """Return whether a rate is the one that the run told last, as a linked slider rounds it to a notch."""
        return math.isclose(rate, self._falls_to, rel_tol=0.012)

    def _change(self, change: Mapping[str, Any]) -> None:
        """Let a learning rate that the user sets stay; one that has fallen is only shown."""
        if change["name"] == "learning_rate" and self.decay and not self._recalling:
            if self._is_followed(change["new"]):
                self._session.training.ask(lambda: self._dashboard.show_setting("learning_rate", change["new"]))
                return
            self.decay = False
        super()._change(change)

    @traitlets.validate("decay")
    def _known_decay(self, proposal: Mapping[str, Any]) -> bool:
        """Let None stand for what the table began with."""
        decay: bool | None = proposal["value"]
        return self._decays_at_first if decay is None else decay

    @traitlets.validate("priors")
    def _answered_priors(self, proposal: Mapping[str, Any]) -> Priors:
        """Find the answer under other priors before the present run is given up for them."""
        priors: Priors = self._comparison.priors if proposal["value"] is None else proposal["value"]
        if not self._recalling:
            self._call(lambda _fit: self._comparison.under(priors))
        return priors

    @traitlets.validate("guide")
    def _fitting_guide(self, proposal: Mapping[str, Any]) -> Guide:
        """Try a guide of the user's own before the present run is given up for it."""
        guide: Guide = proposal["value"]
        if guide_key(guide) == CUSTOM and not self._recalling:
            self._call(lambda _fit: self._fit_with(guide))
        return guide
