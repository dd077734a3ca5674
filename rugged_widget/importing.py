"""Import thousands of modules without a garbage collection every few hundred of them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Enter to import: nothing is collected meanwhile, and what is imported counts as old afterwards.

    Modules stay. To look again and again for garbage among all that is imported already takes a fifth of the time that
    torch and what it needs take. Collection is on or off afterwards as it was before.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # else there are objects of the user's that are not to be looked at
            gc.freeze()
            gc.unfreeze()  # into the oldest generation
        gc.enable()
