"""The second model of the tests trains, and shows itself, without a browser."""

from __future__ import annotations

import asyncio

from tests.two_latents import SackWidget


def test_it_trains_is_saved_and_shown() -> None:
    widget = SackWidget(num_steps=20, language="en")
    asyncio.run(widget.fit())
    assert widget.status == "finished"
    assert len(widget.runs()) == 1
