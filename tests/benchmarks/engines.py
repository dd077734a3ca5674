"""Ways to step against each other: interleaved in one process, medians of ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from tests.benchmarks import problems
from tests.benchmarks.figures import Figure

ROUNDS = 7
SECONDS = 0.5  # of each way to step, in each round
SLICE = 0.008  # as in a kernel


def measure() -> list[Figure]:
    """Measure all engines."""
    return [*_tutorial(), *_larger()]


def _rates(ways: Mapping[str, Callable[[], int]]) -> dict[str, list[float]]:
    """Return steps a second of each way, in each round."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, take in ways.items():
            found[name].append(problems.rate(take, SECONDS))
    return found


def _ratio(one: list[float], other: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def _detail(rates: Mapping[str, list[float]]) -> str:
    medians = ", ".join(f"{name} {statistics.median(values):,.0f}" for name, values in rates.items())
    return f"{medians} steps/s"


def _step(take: Callable[[], object]) -> Callable[[], int]:
    def one() -> int:
        take()
        return 1

    return one


def _chunk(take: Callable[[], list[float]]) -> Callable[[], int]:
    return lambda: len(take())


def _tutorial() -> list[Figure]:
    problem = problems.tutorial()
    graph, jax = problem.fit("graph"), problem.fit("jax")
    rates = _rates(
        {
            "bare": _step(problem.bare()),
            "graph": lambda: graph.advance(10**9, SLICE),
            "jax": lambda: jax.advance(10**9, SLICE),
            "numpyro": _chunk(problems.numpyro_chunk()),
        }
    )
    bare, detail = rates["bare"], _detail(rates)
    return [
        Figure(
            "graph / bare `svi.step` loop, the tutorial's model",
            _ratio(rates["graph"], bare),
            8,
            "x",
            at_least=True,
            detail=detail,
        ),
        Figure(
            "jax / numpyro's compiled scan, the same",
            _ratio(rates["jax"], rates["numpyro"]),
            2,
            "x",
            at_least=True,
            detail="as above",
        ),
        Figure("jax / bare loop", _ratio(rates["jax"], bare), 600, "x", at_least=True, detail="as above"),
    ]


def _larger() -> list[Figure]:
    figures = []
    for what, problem in {
        "N = 10^4, P = 300": problems.linear(10**4, 300),
        "N = 10^6 in batches of 256": problems.linear(10**6, 3, 256),
    }.items():
        graph = problem.fit("graph")
        rates = _rates({"bare": _step(problem.bare()), "graph": lambda fit=graph: fit.advance(10**9, SLICE)})  # type: ignore[misc]
        figures.append(
            Figure(
                f"graph / bare loop, {what}",
                _ratio(rates["graph"], rates["bare"]),
                5,
                "x",
                at_least=True,
                detail=_detail(rates),
            )
        )
    return figures
