"""The catalogue: as much is said in every language, all of it is used, and nothing is said beside it."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import pytest

import rugged_widget
from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.view.labels import DataLabels, subject_of
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue, catalogue, checked_language, language_of
from tests.view.page_fakes import awkward

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(rugged_widget.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
VIEWS = [path for path in SOURCES if "view" in path.relative_to(PACKAGE).parts]
ALLOWED_TEXTS = {
    "the front end of rugged_widget was not built (",  # errors and names of Python are told in English
    " is missing), so nothing can be displayed; ",
}


def fields(entry: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(entry) if name is not None}


def tags(entry: str) -> list[str]:
    """Return the markup of an entry; what is slanted in Latin letters is bold in Korean."""
    return sorted(re.sub("^<(/?)i>$", r"<\1b>", tag) for tag in re.findall(r"</?[a-z][^>]*>", entry))


def literals(path: Path, *, told: bool = False) -> list[str]:
    """Return the texts in a module, parts of formatted ones too, without docstrings; only those `told` on the page."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    left_out = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    if told:
        left_out |= {id(part) for node in nodes if _is_for_programmers(node) for part in ast.walk(node)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in left_out]
    return [node.value for node in texts if isinstance(node.value, str)]


def _is_for_programmers(node: ast.AST) -> bool:
    """Whether something is an error, the help of a trait, or how a thing looks in Python: all of these are English."""
    if isinstance(node, ast.FunctionDef):
        return node.name in {"__repr__", "checked_language"}
    return isinstance(node, ast.Raise) or (isinstance(node, ast.keyword) and node.arg == "help")


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_language_says_the_same_with_the_same_fields_and_the_same_markup(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    assert sorted(other) == sorted(english)
    for key, entry in english.items():
        assert (key, fields(other[key]), tags(other[key])) == (key, fields(entry), tags(entry))


def test_no_entry_is_empty_and_every_korean_sentence_is_korean() -> None:
    korean, english = catalogue("ko"), catalogue("en")
    assert all(entry for language in LANGUAGES for entry in catalogue(language).values())
    words = {key: re.sub(r"{[^}]*}", "", entry).split() for key, entry in korean.items()}
    same = {key for key, entry in korean.items() if len(words[key]) > 4 and entry == english[key]}
    assert same == set()


def test_every_entry_is_used() -> None:
    texts = {text for path in SOURCES for text in literals(path)}
    begun = [pattern for path in SOURCES for pattern in keys_of_formats(path)]
    keys = [key for key in catalogue("en") if not key.startswith("engine.reason.")]  # found by what they say
    assert [key for key in keys if key not in texts and not any(one.fullmatch(key) for one in begun)] == []


def keys_of_formats(path: Path) -> Iterator[re.Pattern[str]]:
    """Yield which keys the formatted texts of a module may be that begin with the name of a file."""
    formats = [node.values for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.JoinedStr)]
    for values in formats:
        parts = [str(part.value) if isinstance(part, ast.Constant) else None for part in values]
        if re.match(r"[a-z_]+\.", parts[0] or ""):
            yield re.compile("".join("[a-z0-9_.-]+" if part is None else re.escape(part) for part in parts))


def test_every_key_that_the_sources_name_is_in_the_catalogue() -> None:
    files = {key.split(".")[0] for key in catalogue("en")}
    keys = re.compile(rf"(?:{'|'.join(sorted(files))})(?:\.[a-z_-]+)+")
    named = {text for path in VIEWS for text in literals(path) if keys.fullmatch(text)}
    begun = set(catalogue("en"))
    missing = [key for key in named if not any(one == key or one.startswith(key) for one in begun)]
    assert missing == []


def test_no_sentence_stands_in_the_sources_of_the_view() -> None:
    """Several words one behind the other, none of which is markup, are a sentence of ours."""
    found = []
    for path in VIEWS:
        for text in literals(path, told=True):
            # Markup, styles and code that is shown to be copied are not told to anybody.
            bare = re.sub(r"<[^>]*>|&\w+;", " ", text)
            code = text.lstrip().startswith(("import ", "<", "#")) or "=" in text or ":" in text.strip(": ")
            if re.search(r"[A-Za-z]{2,}(?: [A-Za-z]{2,}){2,}", bare) and not code and text not in ALLOWED_TEXTS:
                found.append((path.name, text))
    assert found == []


def test_a_field_is_text_in_html_and_a_number_keeps_its_format() -> None:
    text = Catalogue()
    noted = text.html("panels.note", percent="<b>", count=1234, line=1, prediction=2)
    assert noted == "in the &lt;b&gt; % bands: line 1 of 1,234, prediction 2"
    with pytest.raises(KeyError, match="nobody"):
        text("nobody.says.this")


def test_a_follower_is_called_at_once_and_whenever_the_language_changes() -> None:
    text, said = Catalogue(), list[str]()
    text.follow(lambda: said.append(text("controls.start")))
    for language in ("en", "ko", "ko", "en"):
        text.speak(language)
    assert said == ["Start", "시작", "Start"]


@pytest.mark.parametrize(
    ("tag", "language"), [("ko", "ko"), ("ko-KR", "ko"), ("KO_kr", "ko"), ("en-US", "en"), ("de-AT", "en"), ("", "en")]
)
def test_a_browsers_language_is_ours_or_english(tag: str, language: str) -> None:
    assert language_of(tag) == language


def test_a_language_is_auto_or_one_of_the_catalogue() -> None:
    assert [checked_language(value) for value in ("auto", "en", "ko")] == ["auto", "en", "ko"]
    with pytest.raises(ValueError, match=r"language must be one of .*'auto', 'en', 'ko'.*, got 'de'"):
        checked_language("de")
    with pytest.raises(TypeError, match=r"language must be one of .*, got 5"):
        checked_language(5)  # type: ignore[arg-type]


def test_every_guide_has_a_word_in_every_language_and_in_english_that_of_python() -> None:
    for name, label in GUIDE_LABELS.items():
        assert catalogue("en")[f"guides.{name}"] == label
        assert f"guides.{name}" in catalogue("ko")


def test_the_lessons_words_are_those_of_its_data_in_english_and_others_in_korean() -> None:
    text = Catalogue()
    data, named = RegressionData.rugged(), DataLabels(RegressionData.rugged(), text)

    def said() -> list[str]:
        return [
            *(named.title, named.row_noun, named.noun, named.x_label, named.y_label, named.predictor),
            *(named.slope_label, *named.group_labels, named.details(0)),
        ]

    english = said()
    own = [data.title, data.row_noun, data.label, data.predictor_label, data.response_label, data.short_predictor]
    assert english == [*own, data.slope_label, *data.group_labels, data.row_details[0]]
    assert named.subtitle == "170 countries · 64 without GDP left out"
    text.speak("ko")
    assert not set(said()) & set(english)
    assert all(re.search("[가-힣]", text) for text in (*said(), named.subtitle, named.why))


def test_data_of_ones_own_keep_their_words_and_names_of_columns_are_text() -> None:
    text = Catalogue("ko")
    named = DataLabels(awkward(), text)
    assert (named.x_label, named.noun) == ("<b>x</b>", "<em>who</em>")
    assert named.group_labels == ("<i>g</i> = <u>a</u>", "<i>g</i> = <u>b</u>")
    assert named.slope_label == "<b>x</b> 단위당 <s>y</s>의 변화"
    assert named.subtitle == "행 40 · 제외한 행 없음"


def test_words_that_were_chosen_for_the_lessons_data_win() -> None:
    named = DataLabels(replace(RegressionData.rugged(), title="Hills", group_labels=("Here", "There")), Catalogue("ko"))
    assert (named.title, named.group_labels, named.x_label) == ("Hills", ("Here", "There"), "지형 험준도 지수(100 m)")


def test_a_story_tells_its_groups_and_dots_in_the_present_language() -> None:
    text = Catalogue()
    subject = subject_of(RegressionData.rugged(), (0.5,), text)
    assert subject.groups is subject.groups
    outside = subject.groups[0]
    text.speak("ko")
    assert (outside.label, subject.groups[0].label) == ("Outside Africa", "아프리카 밖")
    assert subject.groups[0].names == outside.names
    assert subject.groups[0].x.tolist() == outside.x.tolist()
    assert subject.groups[0].details[0].startswith("험준도 ")
    assert subject.rows[3].label.startswith("편향")
