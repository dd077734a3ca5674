"""One line of progress in a terminal, where there is no notebook to show a window in."""

from __future__ import annotations

import math
import sys
from typing import Any

from tqdm import tqdm


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class ProgressLine:
    """A line such as ``eight schools: 40%|████ | 400/1000 [00:01<00:02, 390step/s, ELBO=-31.2]``.

    Parameters
    ----------
    title
        What stands in front.
    num_steps
        Steps to come; None where that is not known.
    """

    def __init__(self, title: str, num_steps: int | None) -> None:
        self._bar = tqdm(total=num_steps, desc=title, unit="step")

    def __repr__(self) -> str:
        return f"ProgressLine({self._bar.n} steps)"

    def show(self, step: int, elbo: float, heldout: float = math.nan) -> None:
        """Show how many steps are done, the last ELBO, and that of held-out data where it is a number."""
        self._bar.update(step - self._bar.n)
        self._bar.set_postfix_str(f"ELBO={elbo:.4g}" + ("" if math.isnan(heldout) else f", held-out={heldout:.4g}"))

    def close(self) -> None:
        """Leave the line as it is."""
        self._bar.close()
