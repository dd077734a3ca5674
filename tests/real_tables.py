"""Tables that people publish, each with two groups, from packages that ship them: nothing is downloaded."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import palmerpenguins
import statsmodels.api as sm
from sklearn import datasets

from rugged_widget.regression.data.regression_data import RegressionData

if TYPE_CHECKING:
    import pandas as pd


class RealTable(NamedTuple):
    """A table, and the columns that are looked at."""

    frame: pd.DataFrame
    response: str
    predictor: str
    group: str
    log_response: bool = False

    def data(self) -> RegressionData:
        """Return its complete rows as the widget takes them."""
        columns = self._asdict()
        frame = columns.pop("frame").dropna(subset=[self.response, self.predictor, self.group])
        return RegressionData.from_frame(frame, **columns)


@cache
def real_tables() -> dict[str, RealTable]:
    """Return the tables by name, from 17 rows to 944."""
    penguins = palmerpenguins.load_penguins()
    two_species = penguins[penguins["species"] != "Chinstrap"]
    iris, wine, diabetes, cancer = (
        load(as_frame=True).frame
        for load in (datasets.load_iris, datasets.load_wine, datasets.load_diabetes, datasets.load_breast_cancer)
    )
    firms = _of_statsmodels("grunfeld")
    economy = _of_statsmodels("macrodata")
    economy["late"] = economy["year"] >= 1985
    petal, sepal = "petal length (cm)", "sepal length (cm)"
    return {
        "penguins by sex": RealTable(penguins, "body_mass_g", "flipper_length_mm", "sex"),
        "penguins of two species": RealTable(two_species, "bill_depth_mm", "bill_length_mm", "species"),
        "iris of two species": RealTable(iris[iris["target"] > 0], petal, sepal, "target"),
        "wine of two cultivars": RealTable(wine[wine["target"] < 2], "proline", "alcohol", "target"),
        "diabetes by sex": RealTable(diabetes, "target", "bmi", "sex"),
        "tumours": RealTable(cancer, "mean area", "mean radius", "target", log_response=True),
        "credit cards": RealTable(_of_statsmodels("ccard"), "AVGEXP", "INCOME", "OWNRENT"),
        "two firms": RealTable(firms[firms["firm"].isin(["General Motors", "US Steel"])], "invest", "value", "firm"),
        "economy before and after 1985": RealTable(economy, "realcons", "realdpi", "late"),
        "students": RealTable(_of_statsmodels("spector"), "TUCE", "GPA", "PSI"),
        "executions": RealTable(_of_statsmodels("cpunish"), "EXECUTIONS", "INCOME", "SOUTH", log_response=True),
        "heart transplants": RealTable(_of_statsmodels("heart"), "survival", "age", "censors", log_response=True),
        "voters": RealTable(_of_statsmodels("anes96"), "age", "educ", "vote"),
    }


def _of_statsmodels(name: str) -> Any:
    return getattr(sm.datasets, name).load_pandas().data
