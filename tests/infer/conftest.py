"""What all tests of computing share."""

from tests.alone import alone

__all__ = ["alone"]
