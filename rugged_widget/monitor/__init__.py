"""Any Pyro model under the window: `watch` and the widget that it returns."""
