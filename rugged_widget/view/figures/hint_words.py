"""Write hints as sentences."""

from rugged_widget.snapshot.hints import Hint
from rugged_widget.view.figures.number_format import short, to_decimals
from rugged_widget.view.i18n.catalogue import Catalogue

MAX_NAMES = 4
"""Names that a hint lists; of more, the first ones and how many there are."""


def hint_words(text: Catalogue, hint: Hint) -> str:
    """Return a hint as a sentence, plain text, with the user's own names in it."""
    key = "batch_unscaled_of_unknown" if hint.key == "batch_unscaled" and "rows" not in hint.numbers else hint.key
    names = (hint.name, *hint.others)
    listed = ", ".join(names[:MAX_NAMES]) + (f", … ({len(names)})" if len(names) > MAX_NAMES else "")
    numbers = {name: _number(text, value) for name, value in hint.numbers.items()}
    return text(f"hints.{key}", name=hint.name, names=listed, others=", ".join(hint.others), **numbers)


def _number(text: Catalogue, value: float) -> str:
    return to_decimals(text, value, 0) if float(value).is_integer() else short(text, value, 3)
