"""Runs the tests as a slow machine would: `python -m tests.slow_machine [--busy 4] [--throttle 4] [for pytest ...]`.

Four busy loops beside the tests leave them about a third of two cores: tests of a page, which wait much, took twice as
long. Chromium makes its pages four times slower besides.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack

from tests.browser.chromium import CPU_THROTTLE

# Until this process is gone, however it ended: a loop in a session of its own hears nothing of a terminal that closes.
BUSY_LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


def main() -> int:
    """Run pytest beside the busy loops; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=4, help="busy loops beside the tests (4)")
    parser.add_argument("--throttle", type=float, default=4, help="how many times slower pages are (4)")
    given, arguments = parser.parse_known_args()
    with ExitStack() as stack:
        for _loop in range(given.busy):
            # In a session of its own, as kernels and Chromium are: Linux may share out its processors by session.
            loop = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY_LOOP], start_new_session=True))
            stack.callback(loop.kill)
        environment = os.environ | {CPU_THROTTLE: str(given.throttle)}
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
