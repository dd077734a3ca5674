"""The lesson's pages behind the tabs, put together with what they show and whom they ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rugged_widget.answers import Answers
from rugged_widget.datasets import RegressionData
from rugged_widget.infer.predictive import density
from rugged_widget.infer.serving import load_torchscript
from rugged_widget.reference import Reference
from rugged_widget.view.code import CodePage
from rugged_widget.view.parameters import ParametersPage
from rugged_widget.view.predict import PredictPage
from rugged_widget.view.rows import rows_of
from rugged_widget.view.serve import ServePage, ServeRequests
from rugged_widget.view.story import Story
from rugged_widget.view.tabs import Factory

NUM_SERVED = 800
"""Draws from a loaded file, as many as the lesson takes."""


def lesson_pages(
    story: Story,
    data: RegressionData,
    reference: Reference,
    answers: Answers,
    ask: Callable[[Callable[[], None]], None],
) -> Mapping[str, Factory]:
    """Return what builds the pages, by the titles of their tabs, in order.

    Parameters
    ----------
    story, data, reference
        What they are about.
    answers
        Who saves files and writes scripts.
    ask
        Runs a function on the thread that computes.
    """

    def serve(changed: Callable[[], None]) -> ServePage:
        page = ServePage(story, _requests(answers, ask, lambda: page), changed)
        return page

    return {
        "Parameters": lambda _changed: ParametersPage(story, reference),
        "Predict": lambda changed: PredictPage(story, reference, rows_of(data), changed),
        "Serve": serve,
        "Code": lambda _changed: CodePage(answers.script),
    }


def _requests(
    answers: Answers, ask: Callable[[Callable[[], None]], None], page: Callable[[], ServePage]
) -> ServeRequests:
    def do(path: str, work: Callable[[], None]) -> None:
        def tried() -> None:
            try:
                work()
            except FileExistsError:
                page().failed(f"{path} is there already; tick the box to replace it.")
            except Exception as error:  # noqa: BLE001  # what a disk or a foreign file may raise belongs into the page
                page().failed(str(error))

        ask(tried)

    def save(write: Callable[..., Path]) -> Callable[[str, bool], None]:
        return lambda path, overwrite: do(path, lambda: page().saved(f"Saved {write(path, overwrite=overwrite)}"))

    def load(path: str, one_by_one: bool) -> None:  # noqa: FBT001  # the page's
        loaded = load_torchscript(path)
        outside, inside = (density(slope) for slope in loaded.slopes(NUM_SERVED, one_by_one=one_by_one))
        calls = f"{NUM_SERVED} calls, a draw each" if one_by_one else f"one call for {NUM_SERVED} draws"
        words = f"Loaded {path}: the {loaded.guide} guide after {loaded.step:,} steps, drawn by {calls}."
        page().loaded((outside, inside), words)

    return ServeRequests(
        save_torchscript=save(answers.save_torchscript),
        save_exported=save(answers.save_exported),
        load=lambda path, one_by_one: do(path, lambda: load(path, one_by_one)),
    )
