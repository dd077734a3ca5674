"""Monitor: the window onto a loop of one's own, which tells it of its steps."""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import ipywidgets
import pandas as pd
import traitlets

from rugged_widget.infer.step.heldout_arguments import check_form
from rugged_widget.monitor.infer.loop_view import LoopView, parts_of_svi
from rugged_widget.monitor.infer.problem import full_name
from rugged_widget.monitor.infer.refusals import called
from rugged_widget.monitor.lightning import callback_for
from rugged_widget.monitor.loop_turns import Turns
from rugged_widget.monitor.own_loop import OwnLoop
from rugged_widget.monitor.view.loop_window import LoopWindow
from rugged_widget.snapshot.heldout import HeldoutElbo
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.validation import checked_count
from rugged_widget.view.i18n.captions import paragraph
from rugged_widget.view.i18n.catalogue import AUTO, checked_language

T = TypeVar("T")


class Monitor(ipywidgets.VBox):
    """A window onto a loop of one's own, which tells it of every step: ``monitor.update(svi.step(x, y), x, y)``.

    Display it, then run the loop. What it shows is computed in `update`, four times a second at most and in no more
    than a fiftieth of the time; where nothing is due, an update costs a microsecond. Nothing of the loop is
    changed: no random number is taken, no module and no parameter is touched.

    In a script, where there is no notebook, it is a line of progress.

    Parameters
    ----------
    svi
        The `pyro.infer.SVI` that takes the steps, of which model and guide are taken; None to give what there is.
    model, guide
        The model and the guide of the loop. An automatic guide knows its model, unless sites were hidden from it. Where
        both are known, the page shows too what each site adds to the ELBO, the norms of the gradients, and how good the
        guide is. Without a guide, losses and parameters are shown.
    num_steps
        Steps of the loop, >= 1; None where that is not known.
    title
        What stands at the top; the name of the model, or else of the guide, where None.
    language
        "en", "ko", or "auto", what the reader's browser prefers.
    heldout
        Data that is not trained on, whose ELBO is drawn beside that of training, where model and guide are known: in
        the forms and on the scale of `watch`. It has to give all data that a step has; numbers and texts that it does
        not give are as in a step. It is computed now and then, in a hundredth of the time, where somebody sees it.

    Raises
    ------
    TypeError, ValueError
        At once, for what cannot be used, naming what was given and what is needed; at the first update where held-out
        data does not go with model and guide.

    Examples
    --------
    >>> monitor = Monitor(title="two steps")
    >>> monitor.update(3.0), monitor.update(2.5)
    (True, True)
    >>> monitor.history()["elbo"].tolist()
    [-3.0, -2.5]
    """

    status = traitlets.Unicode("ready", read_only=True, help="ready, running, paused (at rest) or finished.")
    step = traitlets.Int(0, read_only=True, help="Steps done, as of the last look.")
    elbo = traitlets.Float(math.nan, read_only=True, help="Minus the last loss; nan before the first.")
    snapshot = traitlets.Instance(Snapshot, allow_none=True, read_only=True, help="Snapshot that is shown.")

    _ends: tuple[Callable[[], None], ...] = ()  # none as long as the constructor has not come so far

    def __init__(
        self,
        svi: Any = None,
        /,
        *,
        model: Callable[..., Any] | None = None,
        guide: Callable[..., Any] | None = None,
        num_steps: int | None = None,
        title: str | None = None,
        language: str = AUTO,
        heldout: Any = None,
    ) -> None:
        model, guide, loss = _of(svi, model, guide)
        check_form(heldout)
        if title is not None and not isinstance(title, str):
            raise TypeError(f"title must be a text, got {called(title)}")
        steps = None if num_steps is None else checked_count(num_steps, "num_steps")
        checked_language(language)
        super().__init__()
        self.add_class("rugged-widget")
        self.add_class("rw-monitor")
        view = LoopView(model, guide, loss, heldout)
        if heldout is not None and not view.knows_both:
            raise ValueError("the ELBO of heldout= is that of a model and a guide: give svi, or model= and guide=")
        if not view.knows_both:
            self.add_class("rw-short")
        name = "" if guide is None else full_name(guide)
        named = name if view.model is None else full_name(view.model)
        self._window = LoopWindow(title or named, name, language, self._fill, self._tell)
        self._loop = OwnLoop(view, self._window, steps)
        self._ends = at_cell_end(self._loop), view.gradients.end, self._window.close
        self.children = (paragraph(self._window.text, "own_loop.waiting", "rw-waiting"),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._loop.status}, step {self._loop.step})"

    def update(self, loss: Any, /, *args: Any, draws: Mapping[str, Any] | None = None, **kwargs: Any) -> bool:
        """Tell of a step; return False once Stop was pressed: ``if not monitor.update(loss, x): break``.

        The button is there as soon as the loop is seen to let it be heard: it awaits something now and then.

        Parameters
        ----------
        loss
            What `svi.step` returned: a number, or a tensor with one element. The ELBO is shown as minus the loss.
        args, kwargs
            What `svi.step` was given. The guide is looked at with those of the first step.
        draws
            Draws of the latents by site, shape (number of draws, *site shape), where something else than a guide has
            them; they are shown until others are given.

        Raises
        ------
        TypeError, ValueError
            If the loss is no number, or draws are not of that shape; and at the first step if the ELBO of held-out data
            cannot be computed.
        """
        return self._loop.update(loss, args, kwargs, draws)

    def over(self, batches: Iterable[T]) -> Turns[T]:
        """Return batches for a loop that the page can pause, take step by step and stop.

        ``async for batch in monitor.over(loader): ...`` leaves the kernel free between two batches, so that everything
        on the page works; ``for batch in monitor.over(loader): ...`` blocks it, so that no button is heard and there
        is none: interrupt the kernel to end it. Call `update` inside, as ever.
        """
        return Turns(batches, self._loop)

    def lightning(self) -> Any:
        """Return a callback for Lightning's Trainer: ``Trainer(callbacks=[monitor.lightning()])``.

        Each training step is an update, with the loss that the step returns and its batch; Stop ends the training.

        Raises
        ------
        ModuleNotFoundError
            Where Lightning is not imported.
        """
        return callback_for(self)

    def stop(self) -> None:
        """Let `update` return False, and end a loop over `over`, as the button does."""
        self._loop.stop()

    def rest(self) -> None:
        """Show the last step whole, now; by itself that happens at the end of the cell, or half a second later."""
        self._loop.rest()

    def history(self) -> pd.DataFrame:
        """Return the steps so far, a row each: step (from 1) and elbo, which is minus the loss.

        With held-out data its ELBO as heldout_elbo, nan where not computed.
        """
        return self._loop.history()

    @property
    def heldout(self) -> HeldoutElbo | None:
        """The ELBO of the held-out data so far: ``step``, ``elbo`` in nats on the scale of training, ``fall`` and more.

        None where there is no held-out data, or before the first update.
        """
        return self._loop.heldout

    def close(self) -> None:
        """Remove the window from every page. Idempotent."""
        for end in self._ends:
            end()
        super().close()

    # Parts

    def _fill(self, children: Sequence[ipywidgets.Widget]) -> None:
        self.children = tuple(children)

    def _tell(self, progress: Progress, snapshot: Snapshot | None) -> None:
        values: dict[str, object] = {"step": progress.step, "elbo": progress.elbo}
        values |= {} if snapshot is None else {"snapshot": snapshot}
        for name, value in {**values, "status": progress.status}.items():
            try:
                self.set_trait(name, value)
            except Exception:  # an observer's, which has nothing to do with the loop
                self.log.exception("an observer of a %s failed", type(self).__name__)

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        self._window.displayed()
        bundle: dict[str, object] = super()._repr_mimebundle_(**kwargs)
        if html := self._window.html():
            bundle["text/html"] = html
        return bundle


def _of(svi: Any, model: Any, guide: Any) -> tuple[Any, Any, Any]:
    """Return model, guide and loss, as far as they were given."""
    for name, value in (("model", model), ("guide", guide)):
        if value is not None and (isinstance(value, type) or not callable(value)):
            raise TypeError(
                f"{name} must be what svi trains, such as a function or an automatic guide, got {called(value)}"
            )
    if svi is None:
        return model, guide, None
    if model is not None or guide is not None:
        raise ValueError("an SVI has model and guide already: leave model= and guide= out")
    parts = parts_of_svi(svi)
    if parts is None:
        raise TypeError(
            f"the first argument must be a pyro.infer.SVI, got {called(svi)}: give model= and guide= by name"
        )
    return parts


def at_cell_end(loop: OwnLoop) -> Callable[[], None]:
    """Let a loop rest whenever a cell of the notebook ends, as long as there is the loop; return how to end that."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return lambda: None
    held = weakref.ref(loop)

    def ended(*_result: Any) -> None:
        present = held()
        if present is None:
            forget()
        else:
            present.end_of_cell()

    def forget() -> None:
        if ended in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", ended)

    shell.events.register("post_run_cell", ended)
    return forget
