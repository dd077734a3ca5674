"""Notes about guides as the page says them."""

from rugged_widget.snapshot.model_values import GuideNote
from rugged_widget.view.i18n.catalogue import Catalogue


def sentence(note: GuideNote) -> str:
    """Return a note in English."""
    return Catalogue("en")(f"guide_notes.{note.key}", **note.facts)
