"""The run loop on the event loop; it knows neither side."""
