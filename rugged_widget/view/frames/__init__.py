"""The stream of frames to the page, and widgets that change without a message."""
