"""A file is read only where it is whole and ours, and written whole or not at all."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rugged_widget.errors import RuggedWidgetError
from rugged_widget.regression.infer.export import file_format as serving_file
from rugged_widget.regression.infer.export.export import ExportError, load_torchscript, save_exported, save_torchscript
from rugged_widget.regression.infer.export.file_format import ABOUT_NAME, About
from rugged_widget.regression.infer.fit import RegressionFit
from tests.infer.plain import RUGGED

ABOUT = About("diagonal", ("a", "b", "a \N{MULTIPLICATION SIGN} b"), ('"', "\n"), 3, None)
SAVERS = [save_torchscript, pytest.param(save_exported, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def fit() -> RegressionFit:
    return RegressionFit(RUGGED, engine="plain")


@pytest.fixture(scope="module")
def content(fit: RegressionFit, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return save_torchscript(fit, tmp_path_factory.mktemp("once") / "a.pt").read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("often") / "a.pt"


def refused(path: Path, words: str = "cannot be read") -> None:
    with pytest.raises(ExportError, match=words) as caught:
        load_torchscript(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, RuggedWidgetError)


class Doubler(torch.nn.Module):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return 2 * features


def scripted(**extra: str) -> bytes:
    """A TorchScript of somebody else."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(Doubler(), torch.ones(2, 3))
        torch.jit.save(traced, buffer, _extra_files={f"{name}.json": text for name, text in extra.items()})
    return buffer.getvalue()


def repacked(content: bytes, **changes: Any) -> bytes:
    """The archive with other contents for some of its entries, checksums in order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            value = changes.get(Path(entry.filename).stem, old.read(entry))
            if value is not None:
                new.writestr(entry.filename, value)
    return buffer.getvalue()


def test_an_archive_that_was_packed_anew_is_still_read(content: bytes, place: Path) -> None:
    place.write_bytes(repacked(content))
    assert load_torchscript(place).step == 0


def test_missing_files_folders_and_empty_files_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.pt", "No such file")
    refused(tmp_path, "Is a directory")
    (tmp_path / "empty.pt").touch()
    refused(tmp_path / "empty.pt")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("it_ran",)


def test_other_programs_files_are_refused_and_nothing_in_them_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"x": Bomb()}, "pickle.pt")
    Path("text.pt").write_text("weights")
    Path("old.pt").write_bytes(pickle.dumps(Bomb()))
    Path("foreign.pt").write_bytes(scripted())
    Path("foreign2.pt").write_bytes(scripted(rugged_widget="{}"))
    with zipfile.ZipFile("zip.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name in ("pickle.pt", "text.pt", "old.pt", "foreign.pt", "foreign2.pt", "zip.pt"):
        refused(Path(name))
    assert not Path("it_ran").exists()


@pytest.mark.slow  # torch.export takes seconds to import
def test_an_exported_program_is_not_taken_for_torchscript(fit: RegressionFit, tmp_path: Path) -> None:
    refused(save_exported(fit, tmp_path / "a.pt2"))


def test_a_module_that_draws_something_else_is_refused_whatever_it_says(place: Path) -> None:
    place.write_bytes(scripted(rugged_widget=ABOUT.to_json()))
    refused(place)


def test_a_pickle_of_python_objects_in_an_archive_is_refused_and_does_not_run(
    content: bytes, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.parent)
    place.write_bytes(repacked(content, data=pickle.dumps(Bomb(), protocol=2)))
    refused(place)
    assert not Path("it_ran").exists()


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.6, 0.9, 0.99, 0.9999])
def test_a_truncated_file_is_refused(content: bytes, place: Path, part: float) -> None:
    place.write_bytes(content[: int(part * len(content))])
    refused(place)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_with_any_byte_changed_a_file_is_refused_or_draws_the_same(content: bytes, place: Path, data: Any) -> None:
    where = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[where] ^= data.draw(st.integers(1, 255))
    place.write_bytes(changed)
    try:
        found = load_torchscript(place).slopes(3, seed=1)
    except ExportError:
        return
    place.write_bytes(content)
    np.testing.assert_array_equal(found, load_torchscript(place).slopes(3, seed=1))


@pytest.mark.parametrize("name", ["data", "constants", "version", Path(ABOUT_NAME).stem])
def test_an_archive_without_one_of_its_parts_is_refused(content: bytes, place: Path, name: str) -> None:
    place.write_bytes(repacked(content, **{name: None}))
    refused(place, "is missing in it")


GOOD = json.loads(ABOUT.to_json())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("[]", "not written by rugged_widget"),
        ("[" * 60_000, ""),
        (json.dumps(GOOD | {"format": "else"}), "not written by rugged_widget"),
        (json.dumps(GOOD | {"version": 2}), "is of version 2"),
        (json.dumps({key: value for key, value in GOOD.items() if key != "step"}), "must hold guide"),
        (json.dumps(GOOD | {"step": -1}), "numbers"),
        (json.dumps(GOOD | {"step": True}), "numbers"),
        (json.dumps(GOOD | {"seed": "1"}), "numbers"),
        (json.dumps(GOOD | {"guide": 1}), "texts"),
        (json.dumps(GOOD | {"guide": "other"}), "something else"),
        (json.dumps(GOOD | {"feature_names": ["a", "b"]}), "texts"),
        (json.dumps(GOOD | {"group_labels": "ab"}), "texts"),
        (json.dumps(GOOD | {"guide": "x" * 2**17}), "longer than any"),
    ],
)
def test_a_wrong_description_is_refused(content: bytes, place: Path, text: str, words: str) -> None:
    place.write_bytes(repacked(content, rugged_widget=text))
    refused(place, f"cannot be read as a saved sampler: .*{words}")


@given(st.text(), st.text(), st.integers(0, 2**40))
def test_a_description_comes_back_as_it_was_written(one: str, two: str, step: int) -> None:
    about = About("iaf", (one, two, one + two), (two, one), step, step % 2**32)
    assert About.from_json(about.to_json()) == about


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(
    content: bytes, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write_bytes(content)
    monkeypatch.setattr(serving_file, "MAX_BYTES", 1000)
    refused(place, "bytes, which no such file has")
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/version", b"0" * 10_000)
    refused(place, "packed in a way")


@pytest.mark.parametrize("save", SAVERS)
def test_a_file_is_replaced_only_when_told(fit: RegressionFit, tmp_path: Path, save: Any) -> None:
    path = tmp_path / "a file.pt"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"a file\.pt is there already; pass overwrite=True"):
        save(fit, path)
    assert path.read_text() == "mine"
    assert save(fit, str(path), overwrite=True) == path
    assert zipfile.is_zipfile(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("save", SAVERS)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    fit: RegressionFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Any
) -> None:
    path = tmp_path / "a.pt"
    path.write_text("mine")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(fit, path, overwrite=True)
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [("a.pt", "mine")]


def test_an_interrupt_while_writing_leaves_nothing(
    fit: RegressionFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_torchscript(fit, tmp_path / "a.pt")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_saved_is_said(fit: RegressionFit, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing to save a\.pt in"):
        save_torchscript(fit, tmp_path / "missing" / "a.pt")
    with pytest.raises(IsADirectoryError, match="path must name a file"):
        save_torchscript(fit, tmp_path, overwrite=True)
    for path in (3, None, b"a.pt"):
        with pytest.raises(TypeError, match="path must be a text or a Path"):
            save_torchscript(fit, path)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="path must be a text or a Path"):
            load_torchscript(path)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fit must be a RegressionFit, got str"):
        save_torchscript("fit", tmp_path / "a.pt")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="overwrite must be True or False"):
        save_torchscript(fit, tmp_path / "a.pt", overwrite="yes")  # type: ignore[arg-type]


def test_a_link_is_followed_and_stays_a_link(fit: RegressionFit, tmp_path: Path) -> None:
    target, link = tmp_path / "there" / "a.pt", tmp_path / "link.pt"
    target.parent.mkdir()
    link.symlink_to(target)
    save_torchscript(fit, link)
    assert link.is_symlink()
    assert load_torchscript(target).step == 0
    shutil.rmtree(target.parent)
