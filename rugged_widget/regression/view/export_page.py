"""The Serve page: the fitted guide as a file, and over its slopes those that come out of the file again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ipywidgets
import numpy as np

from rugged_widget.defaults import NUM_DRAWS
from rugged_widget.precision import of_figures
from rugged_widget.regression.snapshot import RegressionSnapshot
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.regression.view.slopes import SlopeChart, is_positive
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Array, Density, Progress
from rugged_widget.view.figures.chart import FOREGROUND, html_text
from rugged_widget.view.figures.code_listing import Listing
from rugged_widget.view.figures.densities import is_point
from rugged_widget.view.figures.number_format import probability
from rugged_widget.view.frames.silent_widgets import LateText, SilentLines
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import Choice, caption, paragraph
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import box, button, classed, outcome, path_field, toggle_buttons, vbox

SCRIPT_PATH, PROGRAM_PATH = "rugged_guide.pt", "rugged_guide.pt2"
CALLS = {"one_by_one": True, "at_once": False}
SAMPLE = """\
import torch

sampler = torch.jit.load({script!r})
{features}
draws = sampler.draws({count}, features)
{slopes}

# the torch.export program: the number of draws is a tensor
program = torch.export.load({program!r}).module()
weight, bias, sigma, response = program(features, torch.tensor({count}))
"""
TWO_SLOPES = """\
outside = draws.weight[:, 0, 1]
inside = outside + draws.weight[:, 0, 2]
print((outside > 0).float().mean(), (inside > 0).float().mean())"""
ONE_SLOPE = """\
slope = draws.weight[:, 0, 0]
print((slope > 0).float().mean())"""


HEADROOM = 1.3  # above the curves, as a multiple of their height: the corners hold two lines


class ServedFigure:
    """The slope densities, filled, and thin lines over them once a file was loaded."""

    def __init__(self, subject: RegressionSubject, *, text: Catalogue) -> None:
        self._text = text
        self._loaded: tuple[Density, ...] = ()
        self._slopes = SlopeChart("rw-served", subject, HEADROOM, num_steps=8, text=text)
        self._file = [
            SilentLines(
                x=[-1.0, 1.0], y=[-1.0, -1.0], scales=self._slopes.scales, colors=[FOREGROUND], stroke_width=1.2
            )
            for _ in subject.groups
        ]
        self._slopes.add(self._file)
        self.box = self._slopes.box
        self.targets = (*self._slopes.targets, *self._file)

    def load(self, densities: tuple[Density, ...]) -> None:
        """Draw these over the live ones from the next frame on."""
        self._loaded = densities

    def update(self, live: Sequence[Density]) -> Changes:
        """Return what a frame has to change."""
        lines = [(one.x, one.density) for one in self._loaded] or [_below(one) for one in live]
        return [
            *self._slopes.update(live, self._loaded, [LateText(self._corner, *slopes) for slopes in enumerate(live)]),
            *[(curve, {"x": x, "y": y}) for curve, (x, y) in zip(self._file, lines, strict=True)],
        ]

    def _corner(self, number: int, live: Density) -> str:
        text, label = self._text, self._slopes.label(number)
        positive = text.html("slopes.positive", prob=is_positive(text, live))
        if not self._loaded:
            return f"{label}{positive}"
        loaded = self._loaded[number]
        prob = probability(text, loaded.prob_positive, certain=is_point(loaded))
        file = text.html("serve.from_file", prob=prob)
        return f'{label}{positive} <span class="rw-from-file">{file}</span>'


@dataclass(frozen=True)
class ExportRequests:
    """Requests of the page; each may be called from any thread and returns at once.

    A file is replaced only where told so: (path, overwrite). `load` loads TorchScript from a path and draws the slopes
    from it: (path, one call a draw instead of one for all).
    """

    save_torchscript: Callable[[str, bool], None]
    save_exported: Callable[[str, bool], None]
    load: Callable[[str, bool], None]


class ExportPage:
    """Save the guide, load it again, and see that the same slopes come out.

    `saved`, `loaded` and `failed` are the answers to its requests; they belong on the thread that computes.
    """

    def __init__(
        self, subject: RegressionSubject, requests: ExportRequests, changed: Callable[[], None], *, text: Catalogue
    ) -> None:
        self._requests, self._changed, self._text, self._subject = requests, changed, text, subject
        self._figure = ServedFigure(subject, text=text)
        self._script = path_field(SCRIPT_PATH, "rw-script-path")
        self._program = path_field(PROGRAM_PATH, "rw-program-path")
        self._overwrite = classed(ipywidgets.Checkbox(value=False, indent=False), "rw-overwrite")
        caption(self._overwrite, text, "serve.overwrite")
        self._calls = toggle_buttons("rw-calls")
        Choice(self._calls, self._ways, lambda _: None, text, self._way_tips)
        self._listing = Listing(text, "serve.listing")
        self._write()
        for field in (self._script, self._program):
            field.observe(lambda _change: self._write(), "value")
        self._outcome = html_text("rw-said")
        self.box = self._layout()
        self.targets = (*self._figure.targets, self._outcome)

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        keys = ("served", "calls", "script-path", "program-path")
        own = {f"rw-{name}": self._text(f"serve.label.{name}", count=NUM_DRAWS) for name in keys}
        return own | {"rw-copy": self._text("code.copy_tip")}

    def __repr__(self) -> str:
        return f"ExportPage({self._script.value!r}, {self._program.value!r})"

    def request(self) -> SnapshotRequest:
        """Return what the snapshots of this page must hold: nothing more than they do."""
        return SnapshotRequest()

    def update(self, snapshot: RegressionSnapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        return self._figure.update(snapshot.slopes)

    # Answers

    def saved(self, message: str) -> None:
        """Say that a file was written; plain text."""
        self._show(message)

    def failed(self, message: str) -> None:
        """Say what went wrong; plain text."""
        self._show(message, alert=True)

    def loaded(self, densities: tuple[Density, ...], message: str) -> None:
        """Draw the slopes that came out of a file, one a group, and say so; plain text."""
        self._figure.load(densities)
        self._show(message)
        self._changed()

    def _show(self, message: str, *, alert: bool = False) -> None:
        self._outcome.value = outcome(message, alert=alert)

    # Requests

    def _save(self, request: Callable[[str, bool], None], field: ipywidgets.Text) -> None:
        if path := self._path_in(field):
            self._show(self._text("serve.said.saving"))
            request(path, bool(self._overwrite.value))

    def _load(self) -> None:
        if path := self._path_in(self._script):
            self._show(self._text("serve.said.loading"))
            self._requests.load(path, bool(self._calls.value))

    def _path_in(self, field: ipywidgets.Text) -> str:
        path = str(field.value).strip()
        if not path:
            self.failed(self._text("serve.said.nameless", path=field.placeholder))
        return path

    def _write(self) -> None:
        script, program = (str(field.value).strip() for field in (self._script, self._program))
        paths = {"script": script or SCRIPT_PATH, "program": program or PROGRAM_PATH}
        self._listing.show(_sample(self._subject, paths))

    def _ways(self) -> list[tuple[str, object]]:
        return [(self._text(f"serve.calls.{name}"), value) for name, value in CALLS.items()]

    def _way_tips(self) -> list[str]:
        return [self._text(f"serve.calls.{name}_tip", count=NUM_DRAWS) for name in CALLS]

    # Parts

    def _layout(self) -> ipywidgets.Box:
        requests, text = self._requests, self._text
        about = paragraph(text, "serve.about", "rw-about")
        save = button("rw-save-script", lambda: self._save(requests.save_torchscript, self._script))
        export = button("rw-save-program", lambda: self._save(requests.save_exported, self._program))
        load = button("rw-load", self._load)
        for pressed, name in ((save, "save"), (export, "export"), (load, "load")):
            caption(pressed, text, f"serve.button.{name}")
        lines = ((self._script, save), (load, self._calls), (self._program, export))
        rows = [box("rw-form-row", *line) for line in lines]
        pane = vbox("rw-pane", about, *rows, self._overwrite, self._outcome)
        main = vbox("rw-main", self._figure.box, self._listing.box)
        return box("rw-columns", pane, main)


def _sample(subject: RegressionSubject, paths: Mapping[str, str]) -> str:
    """Return code that uses the files, with a point of each group whose covariates are at their means."""
    design, means = subject.design, [round(mean, of_figures(mean, 4).decimals) for mean in subject.covariate_means]
    points = design.points(np.ones(1), means).tolist()
    names = "group, predictor, their product" if design.grouped else "predictor"
    features = f"features = torch.tensor({points})  # {names}"
    if means:
        features = f"# {names}, covariates\nfeatures = torch.tensor({points})"
    slopes = TWO_SLOPES if design.grouped else ONE_SLOPE
    return SAMPLE.format(**paths, features=features, slopes=slopes, count=NUM_DRAWS)


def _below(live: Density) -> tuple[Array, Array]:
    """Return a line below the foot of the figure, which stands for a density while nothing is loaded."""
    return live.x, np.full_like(live.density, -float(live.density.max()))
