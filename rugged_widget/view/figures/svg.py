"""Numbers of SVG that is written here."""


def px(value: float) -> float:
    """Return a coordinate or a length in pixels, to a tenth."""
    return round(value, 1)
