"""Protocols of the fit and of the display that the run loop needs."""

from typing import Protocol, TypeVar

from rugged_widget.snapshot.snapshot import EngineInfo, Progress
from rugged_widget.snapshot.values import Epoch, Presence

SnapshotT_co = TypeVar("SnapshotT_co", covariant=True)
SnapshotT_contra = TypeVar("SnapshotT_contra", contravariant=True)


class Trainable(Protocol[SnapshotT_co]):
    """A fit that can be trained: it steps, and says where it is.

    Attributes
    ----------
    learning_rate
        Learning rate of the next step.
    stops_when_converged
        Whether `advance` stops at the step at which the optimizer is found to have converged.
    """

    learning_rate: float
    stops_when_converged: bool

    @property
    def step(self) -> int:
        """Steps done."""

    @property
    def elbo(self) -> float:
        """ELBO estimate of the last step, nats; nan before the first."""

    @property
    def engine(self) -> EngineInfo:
        """How the steps are computed, and why so."""

    @property
    def epoch(self) -> Epoch | None:
        """Where in the data the fit is; None where it has no batches, or they come without end."""

    @property
    def converged_at(self) -> int | None:
        """Step at which the optimizer was found converged, and has been since; None where it is not."""

    def average_iterates(self) -> object:
        """Put the mean of past parameters in place of the present ones; FitError, and no change, where too few."""

    def use_engine(self, name: str) -> None:
        """Compute the steps in another way from the next one on, on the same trajectory."""

    def prepare(self) -> bool:
        """Do the next piece, some 0.1 s, of what the next step would wait for; return whether more is left."""

    def advance(self, max_steps: int, seconds: float) -> int:
        """Do at most `max_steps`, at least one, stopping before `seconds` have passed; return how many.

        That is negative where more steps turned out to be wrong, and were taken back, than were done. FitError where it
        cannot go on; it is then back at its last good state.
        """

    def release(self) -> None:
        """Let go of what can be made anew: another fit takes its place, and it may be kept."""

    def snapshot(self) -> SnapshotT_co:
        """Return the present moment."""

    def brief_snapshot(self) -> SnapshotT_co | None:
        """Return the present moment without what takes long; None where nothing does."""


class Display(Protocol[SnapshotT_contra]):
    """Display of a training; called on the loop's thread only."""

    @property
    def presence(self) -> Presence:
        """Presence of a page: none was ever seen, there was one but it does not answer, or a page answers."""

    def ready(self) -> bool:
        """Return whether a frame can go out now."""

    def show(self, snapshot: SnapshotT_contra, progress: Progress) -> None:
        """Send a frame."""

    def before_rest(self) -> None:
        """Take note that training, which runs, is about to rest: the next snapshot is to be converged."""

    def rest(self, snapshot: SnapshotT_contra, progress: Progress) -> None:
        """Training rests: send a last frame and make the full state current."""

    def changed(self, progress: Progress) -> None:
        """Take note: the status, the number of steps or the fit changed, or steps were done."""
