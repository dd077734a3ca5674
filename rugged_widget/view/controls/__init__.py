"""The control row, and the note on the engine."""
