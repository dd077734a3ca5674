"""A second client of the kernel behind a page: asks what Python knows, without touching the page."""

from __future__ import annotations

import ast
import json
import time
from typing import TYPE_CHECKING, Any, Self

from jupyter_client.blocking.client import BlockingKernelClient

from tests.waits import LIMIT_SECONDS, wait_until

if TYPE_CHECKING:
    from pathlib import Path

# What the last cell or callback that raised has left behind in the kernel.
LAST_TRACEBACK = (
    "''.join(__import__('traceback').format_exception(error))"
    " if (error := getattr(__import__('sys'), 'last_value', None)) else ''"
)


class Kernel:
    """Speaks to a running kernel through its connection file; a context manager that only ends its own sockets."""

    def __init__(self, connection_file: Path) -> None:
        self._client = BlockingKernelClient(connection_file=str(connection_file))
        self._client.load_connection_file()

    def __enter__(self) -> Self:
        self._client.start_channels(hb=False, stdin=False)
        self._client.wait_for_ready(timeout=LIMIT_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_channels()

    def _execute(self, code: str, expressions: dict[str, str], seconds: float) -> dict[str, Any]:
        sent = self._client.execute(code, silent=True, store_history=False, user_expressions=expressions)
        deadline = time.monotonic() + seconds
        while True:
            reply = self._client.get_shell_msg(timeout=max(0.1, deadline - time.monotonic()))
            if reply["parent_header"].get("msg_id") == sent:
                break
        content: dict[str, Any] = reply["content"]
        if content["status"] != "ok":
            message = "\n".join(content.get("traceback", [f"the kernel answered {content['status']}"]))
            raise RuntimeError(message)
        return content

    def run(self, code: str) -> None:
        """Run statements in the user's namespace; RuntimeError with the traceback where they raise."""
        self._execute(code, {}, LIMIT_SECONDS)

    def value(self, expression: str, *, seconds: float = LIMIT_SECONDS) -> Any:
        """Evaluate an expression in the user's namespace; what JSON holds comes back, arrays as lists."""
        encode = "default=lambda array: array.tolist()"
        wrapped = f"__import__('json').dumps(({expression}), {encode})"
        answer = self._execute("", {"value": wrapped}, seconds)["user_expressions"]["value"]
        if answer["status"] != "ok":
            message = f"{expression}: {answer['ename']}: {answer['evalue']}"
            raise RuntimeError(message)
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def wait(self, expression: str) -> Any:
        """Ask until the expression is true; its value."""
        return wait_until(lambda: self.value(expression), f"{expression} is true")
