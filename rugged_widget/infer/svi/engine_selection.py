"""Select what takes the next steps: Pyro, or a captured program that is verified and dropped where it is wrong."""

import time
from collections.abc import Generator, Hashable
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pyro import get_param_store

from rugged_widget.infer.compiled.capture.budget import max_operations
from rugged_widget.infer.compiled.capture.feasibility import TOO_LONG, NotYetError
from rugged_widget.infer.compiled.captures import CapturedStep, Captures
from rugged_widget.infer.compiled.jax.background_compile import BackgroundCompile
from rugged_widget.infer.compiled.pipeline import build
from rugged_widget.infer.compiled.program import UnsupportedError, message_of
from rugged_widget.infer.compiled.stepping.captured_step import Compiled
from rugged_widget.infer.compiled.stepping.stepper import CompiledStepping
from rugged_widget.infer.compiled.stepping.thread_tuning import Threads
from rugged_widget.infer.compiled.stepping.verification import DisagreementError
from rugged_widget.infer.step.arguments import FixedArguments
from rugged_widget.infer.step.batches import Arguments, BatchArguments
from rugged_widget.infer.step.checkpoints import PlainStepping
from rugged_widget.infer.step.ownership import OwnState
from rugged_widget.infer.step.pyro_step import PlainStep, Taken
from rugged_widget.infer.step.transfer import Transfer, as_numpy
from rugged_widget.infer.svi.batch_forms import Forms
from rugged_widget.snapshot.snapshot import EngineInfo
from rugged_widget.validation import Engine

PIECE_SECONDS = 0.02
"""Time of a piece of a capture within which no other is begun: the caller rests after each."""

SLOWER = 'the captured step was slower than Pyro\'s own in the first steps; engine="graph" takes it all the same'
"""Why a step that was captured is not taken, where nobody has asked for it."""

MAX_ATTEMPTS = 3
"""How often a capture is tried that has to wait for what a step makes; after that, every step makes something."""


class _Building(NamedTuple):
    """A capture under way, and the form of the calls that it is for."""

    form: Hashable
    pieces: Generator[None, None, tuple[Compiled, CapturedStep]]


class Stepping:
    """Takes steps by the engine asked for, or by the best that can be; always called inside the fit's isolation.

    Parameters
    ----------
    ready
        True if a step can be captured before the first is taken: model and guide make nothing in it.
    captures
        What was captured of other fits of the same model and family of guide.
    own
        What the fit makes of the user's modules, which a capture leaves as they are; None where they are its own.
    arguments
        What the steps are called with; the first call is with the step already.
    """

    def __init__(
        self,
        plain: PlainStep,
        engine: Engine,
        threads: Threads,
        captures: Captures,
        arguments: Arguments,
        *,
        ready: bool,
        own: OwnState | None = None,
    ) -> None:
        self._step, self._threads, self._captures, self._own = plain, threads, captures, own
        self._arguments, self._forms = arguments, Forms()
        self._plain = PlainStepping(plain, own)
        self._build_after = 0 if ready else 1
        self._attempts = self._recaptured = 0
        self._building: _Building | None = None
        self._captured: CapturedStep | None = None
        self._compiled: CompiledStepping | None = None
        self._takeover: BackgroundCompile | None = None
        self._refused: str | None = None
        self._may_be_asked = False  # refused only as long as nobody asks for a captured step
        self._last_was_plain = True
        self._inherited = False
        self.use(engine)

    def __repr__(self) -> str:
        return f"Stepping({self.info})"

    def use(self, engine: Engine) -> None:
        """Take steps by another engine from the next one on; the trajectory goes on."""
        self._asked = engine
        self._takeover = None
        if engine == "plain":
            self.info = EngineInfo("plain", "Pyro's own steps, as asked for")
        elif self._refused is not None and (engine == "auto" or not self._may_be_asked):
            self.info = EngineInfo("plain", self._refused)
        else:
            self._refused = None
            self.info = EngineInfo("graph", "the step is captured when training starts")
            if self._captured is not None and self._compiled is not None:
                self._compiled.use(self._captured.engine)
                self._begin(self._captured)

    def fetch(self, num_steps: int) -> None:
        """Get the arguments of the step after `num_steps`; BatchError is raised where there are none."""
        arguments = self._arguments
        if isinstance(arguments, FixedArguments):
            return
        oldest = self._plain.oldest if self._last_was_plain or self._compiled is None else self._compiled.oldest
        arguments.forget(num_steps if oldest is None else min(oldest, num_steps))
        captured = self._asked != "plain" and self._compiled is not None
        self._step.call = arguments.at(num_steps, thorough=not captured)
        self._forms.note(num_steps, self._step.call.form)
        if self._compiled is None and self._refused is None and self._asked != "plain" and self._forms.obstacle:
            self.info = EngineInfo("plain", self._forms.obstacle)

    def _needs_capture(self, num_steps: int) -> bool:
        if self._asked == "plain" or self._refused is not None or num_steps < self._build_after:
            return False
        if isinstance(self._arguments, FixedArguments):
            return self._compiled is None
        form, compiled = self._step.call.form, self._compiled
        count = 0 if compiled is None else compiled.compiled.num_programs
        return not self._can_run(form) and self._forms.is_worth_a_capture(form, count)

    def _can_run(self, form: Hashable) -> bool:
        return self._compiled is not None and self._compiled.compiled.can_run(form)

    def prepare(self, num_steps: int) -> bool:
        """Do the next piece, mostly below 0.1 s, of what the next step needs; True while more is left."""
        if not self._needs_capture(num_steps):
            return False
        if self._compiled is not None:
            self._compiled.store()
        form, building = self._step.call.form, self._building
        if building is None or building.form != form:
            most = max_operations() if self._asked == "auto" else None
            building = _Building(form, build(self._step, self._captures.of(form), most))
        self._building = None
        try:
            with nullcontext() if self._own is None else self._own.looking():
                end = time.perf_counter() + PIECE_SECONDS
                next(building.pieces)
                while time.perf_counter() < end:
                    next(building.pieces)
        except StopIteration as done:
            self._take_over(*done.value)
        except NotYetError as error:
            self._try_again(num_steps, str(error))
        except UnsupportedError as error:
            self._refuse_form(str(error))
        except Exception as error:  # the model's own: the next step raises it again, and it is told then
            self._try_again(
                num_steps, f"trying to capture the step ended with {type(error).__name__}: {message_of(error)}"
            )
        else:
            self._building = building
        return self._building is not None

    def _take_over(self, compiled: Compiled, captured: CapturedStep) -> None:
        """Take the next steps by what was captured, or those with batches of its form where there is one already."""
        self._inherited = self._inherited or self._captures.of(captured.form) is captured
        if self._compiled is None:
            self._captures.keep(captured)
            compiled.arguments = self._arguments
            self._compiled, self._captured = CompiledStepping(self._step, compiled, self._threads), captured
            self._begin(captured)
        elif self._compiled.compiled.add(compiled):
            self._captures.others[captured.form] = captured
        else:
            self._forms.refuse(captured.form)

    def _refuse_form(self, reason: str) -> None:
        """Leave to Pyro the steps with batches of the present form, which are all where nothing else was captured."""
        if self._step.call.numbers and isinstance(self._arguments, BatchArguments):
            # Batches with the very same numbers may still come.
            self._arguments.hold_numbers()
            self._forms.refuse(self._step.call.form)
            if self._compiled is None:
                self.info = EngineInfo("plain", reason)
        elif self._compiled is None:
            self._refuse(reason, may_be_asked=reason == TOO_LONG)
        else:
            self._forms.refuse(self._step.call.form)

    def take(self, num_steps: int, max_steps: int, seconds: float) -> Taken:
        """Take steps after `num_steps` that were done: at least one, or none where some are undone.

        At most `max_steps` >= 1 are taken, in the given time; Pyro's own steps are taken one by one whatever they need.
        """
        self._look_at_data()
        while self.prepare(num_steps):
            pass
        self._look_at_takeover()
        compiled = self._compiled
        if self._asked == "plain" or compiled is None or not compiled.compiled.can_run(self._step.call.form):
            return self._take_plain(num_steps)
        if num_steps < compiled.careful_until:
            return self._take_carefully(compiled, num_steps)
        if self._asked == "auto" and compiled.compiled.is_slower:
            self._drop()
            self._refuse(SLOWER, may_be_asked=True)
            return self._take_plain(num_steps)
        self._last_was_plain = False
        try:
            return compiled.take(num_steps, max_steps, seconds)
        except DisagreementError as error:
            if self._inherited:  # the fit that captured it had other numbers in its model: this one captures its own
                self._forget_captures()
            else:
                self._give_up(f"the captured step and Pyro's own disagree: {error}")
            return Taken(error.num_steps, np.empty(0), np.empty(0))
        except UnsupportedError as error:  # Pyro's own steps in between have led where it cannot go on
            self._give_up(str(error))
            return self._take_plain(num_steps)

    def go_back(self, num_steps: int) -> int:
        """Return to where steps still worked, after `take` raised; returns the steps done there."""
        if self._last_was_plain or self._compiled is None:
            if self._compiled is not None:
                self._compiled.careful_until = 0
            return self._plain.go_back(num_steps)
        return self._compiled.go_back(num_steps)

    def store(self) -> None:
        """Let Pyro's parameters and optimizer be where the steps are."""
        if self._compiled is not None:
            self._compiled.store()

    def parameters(self) -> NDArray[Any]:
        """Return a copy of the parameters where the steps are: flat, unconstrained, in the order of Pyro's store."""
        held, transfer = {} if self._compiled is None else self._compiled.held(), Transfer()
        params = [held.get(id(param), param) for _, param in get_param_store().named_parameters()]
        parts = [transfer.tensor(param.reshape(-1)) for param in params]
        return as_numpy(torch.cat([read() for read in parts])) if parts else np.empty(0)

    @torch.no_grad()
    def put(self, values: NDArray[np.float64]) -> None:
        """Let the next step begin at other parameters, given as `parameters` returns them; moments stay as they are."""
        if self._compiled is not None:
            self._compiled.leave()
        self._plain.forget()
        start = 0
        for _, param in get_param_store().named_parameters():
            part = torch.as_tensor(values[start : start + param.numel()], dtype=param.dtype, device=param.device)
            param.copy_(part.view(param.shape))
            start += param.numel()

    def release(self) -> None:
        """Let go of the captured step, for a fit that rests for long; the next step captures it anew."""
        self._building = None
        self._drop()
        self.use(self._asked)

    def wait(self, seconds: float) -> bool:
        """Wait for an engine that is being compiled; returns whether none is any more."""
        end = time.monotonic() + seconds
        while self._takeover is not None and time.monotonic() < end:
            self._takeover.wait(end - time.monotonic())
            self._look_at_takeover()
        return self._takeover is None

    def _take_plain(self, num_steps: int) -> Taken:
        if self._compiled is not None:
            self._compiled.leave()
        if not self._last_was_plain:
            self._plain.forget()
        self._last_was_plain = True
        return self._plain.take(num_steps)

    def _take_carefully(self, compiled: CompiledStepping, num_steps: int) -> Taken:
        steps = self._take_plain(num_steps)
        if np.isnan(steps.losses).any():
            compiled.ran_away = False  # Pyro's own step ran away as well, and was skipped
        if num_steps + 1 == compiled.careful_until and compiled.ran_away:
            self._give_up("the captured step ran away where Pyro's own did not")
        return steps

    def _begin(self, captured: CapturedStep) -> None:
        self.info = EngineInfo("graph", "the step was captured and is checked beside Pyro's own now and then")
        if self._asked == "jax":
            self._takeover = self._captures.compile(captured)
            self.info = EngineInfo("graph", "until JAX is compiled, which goes on beside the training")

    def _look_at_data(self) -> None:
        """Capture the step anew where the data has been written into, at most a few times."""
        if self._compiled is None or not self._compiled.compiled.outdated:
            return
        self._drop()
        self._captures.forget()  # numbers that Python holds are not compared
        self._recaptured += 1
        if self._recaptured > MAX_ATTEMPTS:
            self._refuse("the data or the settings of the model change again and again while the fit trains")

    def _look_at_takeover(self) -> None:
        if self._takeover is None or self._compiled is None:
            return
        try:
            engine = self._takeover.poll()
        except UnsupportedError as error:
            self.info = EngineInfo("graph", str(error))
            self._takeover = None
            return
        if engine is not None:
            self._compiled.use(engine)
            self._takeover = None
            self.info = EngineInfo("jax", "compiled from the captured step, and checked beside Pyro's own now and then")

    def _try_again(self, num_steps: int, reason: str) -> None:
        if self._compiled is not None:
            self._forms.refuse(self._step.call.form)
            return
        self._build_after = num_steps + 1
        self._attempts += 1
        if self._attempts == MAX_ATTEMPTS:
            self._refuse(reason)

    def _drop(self) -> None:
        """Let go of the captured step, and give Pyro what it holds."""
        if self._compiled is not None:
            self._compiled.leave()
        self._compiled = self._captured = self._takeover = None

    def _give_up(self, reason: str) -> None:
        self._forget_captures()
        self._refuse(reason)

    def _forget_captures(self) -> None:
        """Let go of what was captured, and let no other fit begin with it."""
        self._captures.forget()
        self._drop()
        self._inherited = False

    def _refuse(self, reason: str, *, may_be_asked: bool = False) -> None:
        self._refused, self._may_be_asked = reason, may_be_asked
        self.info = EngineInfo("plain", reason)
