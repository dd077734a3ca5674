"""The point estimate, against the published one and numpy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rugged_widget.regression.infer.least_squares import adam_least_squares, least_squares
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from tests.infer.plain import RUGGED, global_state

PUBLISHED = (-1.948048, -0.202857, 0.393394, 9.223226)


def coefficients(by_site: dict[str, np.ndarray]) -> np.ndarray:
    assert by_site[WEIGHT].shape == (1, 3)
    assert by_site[BIAS].shape == (1,)
    assert by_site[SIGMA].shape == ()
    return np.concatenate([by_site[WEIGHT][0], by_site[BIAS]])


def rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    group, x = np.arange(count) % 2.0, random.uniform(0, 5, count)
    return np.column_stack([group, x, group * x]), 3 - group + 0.5 * x + random.normal(size=count)


def test_the_exact_answer_is_the_published_one() -> None:
    found = least_squares(RUGGED.features, RUGGED.targets)
    np.testing.assert_allclose(coefficients(found), PUBLISHED, atol=1e-6)
    design = np.column_stack([RUGGED.features, np.ones(170)])
    residuals = RUGGED.targets - design @ coefficients(found)
    assert found[SIGMA] == pytest.approx(np.sqrt(np.mean(residuals**2)), rel=1e-12)


def test_adam_comes_to_the_same_in_its_1500_steps() -> None:
    found = adam_least_squares(RUGGED.features, RUGGED.targets)
    np.testing.assert_allclose(coefficients(found), PUBLISHED, atol=2e-3)
    exact = least_squares(RUGGED.features, RUGGED.targets)
    assert found[SIGMA] == pytest.approx(exact[SIGMA], rel=1e-5)
    assert found[SIGMA] >= exact[SIGMA]


def test_adam_leaves_everything_of_the_users_as_it_was() -> None:
    with torch.no_grad():
        before = global_state()
        adam_least_squares(RUGGED.features, RUGGED.targets, num_steps=3)
        assert global_state() == before
    with torch.inference_mode():
        adam_least_squares(RUGGED.features, RUGGED.targets, num_steps=3)


def test_adam_starts_where_its_seed_says() -> None:
    first, same, other = (
        coefficients(adam_least_squares(RUGGED.features, RUGGED.targets, num_steps=2, seed=seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_many_rows_train_as_few_do(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = coefficients(adam_least_squares(*rows(500), num_steps=300))
    monkeypatch.setattr("rugged_widget.regression.infer.least_squares.MANY_ROWS", 100)
    np.testing.assert_allclose(coefficients(adam_least_squares(*rows(500), num_steps=300)), plain, atol=1e-4)


def test_collinear_columns_and_other_units_still_give_the_least_residuals() -> None:
    features, targets = rows(40)
    twins = features.copy()
    twins[:, 2] = twins[:, 0]
    design = np.column_stack([twins, np.ones(40)])
    rest = np.linalg.lstsq(design, targets, rcond=None)[1]
    found = least_squares(twins, targets)
    best = (
        targets
        - np.column_stack([twins[:, :2], np.ones(40)])
        @ np.linalg.lstsq(np.column_stack([twins[:, :2], np.ones(40)]), targets, rcond=None)[0]
    )
    assert rest.size == 0
    assert found[SIGMA] == pytest.approx(np.sqrt(np.mean(best**2)), rel=1e-10)
    small = least_squares(features * [1, 1e-12, 1e-12], targets)
    np.testing.assert_allclose(small[WEIGHT] * [1, 1e-12, 1e-12], least_squares(features, targets)[WEIGHT], rtol=1e-9)


@pytest.mark.parametrize(
    ("features", "targets", "message"),
    [
        (np.zeros((3, 2)), np.zeros(3), "features must be of shape"),
        (np.zeros((3, 3)), np.zeros(4), "targets must be of shape"),
        (np.zeros((0, 3)), np.zeros(0), "at least 1 row"),
        (np.full((3, 3), np.nan), np.zeros(3), "features must be finite"),
        (np.zeros((3, 3)), np.full(3, np.inf), "targets must be finite"),
    ],
)
def test_bad_rows_are_refused(features: np.ndarray, targets: np.ndarray, message: str) -> None:
    for fit in (least_squares, adam_least_squares):
        with pytest.raises(ValueError, match=message):
            fit(features, targets)


def test_bad_settings_of_adam_are_refused() -> None:
    with pytest.raises(ValueError, match="num_steps must be at least 1"):
        adam_least_squares(*rows(6), num_steps=0)
    with pytest.raises(ValueError, match="learning_rate must be finite and > 0"):
        adam_least_squares(*rows(6), learning_rate=-1.0)
