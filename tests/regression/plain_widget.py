"""The widget with Pyro's own steps, for tests of everything else: nothing has to be captured before the first."""

from __future__ import annotations

from typing import Any

import rugged_widget


class RuggedWidget(rugged_widget.RuggedWidget):
    """Of the engine "plain" where no other is asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"engine": "plain", **kwargs})
