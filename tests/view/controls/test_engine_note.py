"""What the dashboard tells of the engine."""

from __future__ import annotations

import math

import pytest

from rugged_widget.snapshot.snapshot import EngineInfo, Progress
from rugged_widget.view.controls.engine_note import EngineNote
from rugged_widget.view.i18n.catalogue import Catalogue

WORDS = Catalogue()


def progress(name: str, step: int = 5, reason: str = "because") -> Progress:
    return Progress("running", step, 100, -1.0, math.nan, engine=EngineInfo(name, reason))  # type: ignore[arg-type]


def test_name_and_reason_are_there_for_eyes_and_for_ears_as_text() -> None:
    note = EngineNote("auto", text=WORDS)
    note.show(progress("graph", reason='it says "<b>a & b</b>"'))
    said = "it says &quot;&lt;b&gt;a &amp; b&lt;/b&gt;&quot;"
    assert f'aria-label="Engine graph: {said}"' in note.spot.value
    assert f'<div class="rw-tooltip-text" aria-hidden="true">{said}</div>' in note.tip.value
    assert note.spot.tabbable
    assert "<b>" not in note.spot.value + note.tip.value


@pytest.mark.parametrize(
    ("asked", "got", "text"),
    [
        ("auto", "graph", None),
        ("auto", "plain", "plain steps"),
        ("graph", "graph", None),
        ("graph", "plain", "plain steps"),
        ("jax", "jax", None),
        ("jax", "graph", "graph steps"),
        ("jax", "plain", "plain steps"),
        ("plain", "plain", None),
    ],
)
def test_what_was_not_asked_for_is_hinted_at_in_sight(asked: str, got: str, text: str | None) -> None:
    note = EngineNote(asked, text=WORDS)
    note.show(progress(got))
    assert ("rw-hint" in note.hint.value) == (text is not None)
    assert (text or "") in note.hint.value


def test_before_the_first_step_nothing_is_hinted_at() -> None:
    note = EngineNote("auto", text=WORDS)
    note.show(progress("plain", step=0))
    assert "rw-hint" not in note.hint.value
    note.show(progress("plain", step=1))
    assert "rw-hint" in note.hint.value


def test_another_setting_counts_from_the_next_news_on() -> None:
    note = EngineNote("graph", text=WORDS)
    note.show(progress("plain"))
    note.ask("plain")
    note.show(progress("plain"))
    assert "rw-hint" not in note.hint.value


def test_a_message_goes_out_only_where_there_is_news() -> None:
    note, sent = EngineNote("auto", text=WORDS), []
    note.tip.observe(lambda change: sent.append(change["new"]), "value")
    note.show(Progress("ready", 0, 100, math.nan, math.nan))
    for step in range(5):
        note.show(progress("graph", step))
    assert len(sent) == 1
    note.show(progress("jax"))
    assert len(sent) == 2
    assert "Engine: jax" in sent[-1]
