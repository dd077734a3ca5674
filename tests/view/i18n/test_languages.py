"""The language of a dashboard: as asked for or as the browser prefers, changed while it is seen."""

from __future__ import annotations

import re

import ipywidgets
import pytest

from rugged_widget import RuggedWidget
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.snapshot import RegressionSnapshot
from rugged_widget.view.dashboard import parts
from tests.view import drawn
from tests.view.references import reference_of
from tests.view.stage import DATA, Stage

PLAIN_ENGLISH = re.compile(r"[a-z]{2,}(?: [a-z]{2,}){2,}")
TRAITS = ("description", "tooltip", "value", "titles", "tooltips", "label", "options")


@pytest.fixture(scope="module")
def plain() -> RegressionSnapshot:
    return RegressionFit(DATA).snapshot()


def status(stage: Stage) -> str:
    return str(drawn.part(stage.root, "rw-status").value)


def heading(stage: Stage) -> str:
    return str(drawn.part(stage.root, "rw-heading").value)


def test_the_first_page_decides_and_a_second_one_changes_nothing(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.hear({"k": "hello", "language": "ko-KR"})
    assert stage.text.language == "ko"
    stage.hear({"k": "hello"})  # the same page, which has lost a frame
    stage.hear({"k": "hello", "language": "en-US"})
    assert stage.text.language == "ko"


def test_a_language_that_was_asked_for_is_not_the_browsers(plain: RegressionSnapshot) -> None:
    stage = Stage(plain, language="en")
    stage.hear({"k": "hello", "language": "ko"})
    assert stage.text.language == "en"
    stage.dashboard.speak("auto")
    assert stage.text.language == "ko"
    assert Stage(plain, language="ko").text.language == "ko"


def test_what_is_no_language_is_not_listened_to(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.hear({"k": "hello", "language": 5})
    assert stage.text.language == "en"


def test_another_language_is_spoken_at_once_by_everything(plain: RegressionSnapshot) -> None:
    stage = Stage(plain, reference=reference_of(DATA))
    stage.rest("paused")
    hover = drawn.part(stage.root, "rw-stream").hover
    assert status(stage) == "paused · step 0 of 100"
    stage.dashboard.speak("ko")
    assert status(stage) == "일시 정지 · 100 스텝 중 0"
    assert heading(stage).startswith("<h2>지형 험준도와 GDP</h2><span>국가 170")
    buttons = [drawn.part(stage.root, css_class) for css_class in ("rw-primary", "rw-step")]
    assert [button.description for button in buttons] == ["계속", "한 스텝"]
    assert stage.tabs.titles[0] == "학습"
    labels = drawn.part(stage.root, "rw-stream").labels
    assert (labels["rw-seed"], labels["rw-readout"], labels["rw-copied"]) == ("시드", "{name}, 값", "복사됨")
    assert labels["rw-elbo"] == "스텝별 ELBO"
    assert drawn.part(stage.root, "rw-stream").hover != hover
    stage.dashboard.speak("en")
    assert status(stage) == "paused · step 0 of 100"
    assert drawn.part(stage.root, "rw-stream").hover == hover


def test_another_language_moves_no_control_and_asks_for_nothing(plain: RegressionSnapshot) -> None:
    stage = Stage(plain, speed="max", guide="delta", learning_rate=0.01)
    stage.picked.clear()
    wishes = len(stage.wishes)
    stage.dashboard.speak("ko")
    names = ("speed", "guide", "learning-rate", "seed")
    inputs = {name: drawn.part(stage.root, f"rw-{name}") for name in names}
    assert {name: widget.value for name, widget in inputs.items()} == {
        "speed": "max",
        "guide": "delta",
        "learning-rate": 0.01,
        "seed": 1,
    }
    assert (inputs["speed"].label, inputs["guide"].label) == ("최대", "점 추정(MAP)")
    assert stage.picked == []
    assert stage.waiting == []
    assert len(stage.wishes) == wishes
    inputs["speed"].value = 1
    assert stage.picked == [("speed", 1)]


def test_while_training_runs_the_next_frame_speaks_it(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.start()
    stage.frame()
    stage.dashboard.speak("ko")
    stage.frame()
    assert status(stage).startswith("학습 중 · 100 스텝 중 2")
    assert drawn.part(stage.root, "rw-primary").description == "일시 정지"


def test_a_guide_that_somebody_wrote_is_offered_once_it_is_used(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    picker = drawn.part(stage.root, "rw-guide")
    assert "custom" not in dict(picker.options).values()
    stage.dashboard.show_setting("guide", "custom")
    stage.dashboard.speak("ko")
    assert (picker.value, picker.label) == ("custom", "직접 작성")
    assert stage.picked == []


def test_a_notice_is_text_and_goes_with_the_status(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.dashboard.notify("too <few> iterates")
    assert drawn.part(stage.root, "rw-notice").value == '<p role="alert">too &lt;few&gt; iterates</p>'
    stage.start()
    assert drawn.part(stage.root, "rw-notice").value == ""


def test_no_page_of_the_lesson_has_an_english_sentence_left_in_korean() -> None:
    widget = RuggedWidget(language="ko", num_steps=3, engine="plain")
    try:
        tabs = drawn.part(widget, "rw-tabs")
        for index in range(len(tabs.children)):
            tabs.selected_index = index
        widget.advance(1)
        found = [(type(part).__name__, text) for part in parts(widget) for text in english(part)]
        assert found == []
    finally:
        widget.close()


def english(part: ipywidgets.Widget) -> list[str]:
    """Return what a widget says that has three English words one behind the other."""
    if "rw-code" in drawn.classes(part):
        return []
    names = [name for name in TRAITS if part.has_trait(name)]
    bare = [re.sub(r"<[^>]*>|&\w+;", " . ", str(getattr(part, name))) for name in names]
    # Titles of papers stay as they are, in sentences that are Korean.
    return [text for text in bare if PLAIN_ENGLISH.search(text) and not re.search("[가-힣]", text)]
