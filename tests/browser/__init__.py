"""The widget in real pages: JupyterLab, Notebook, Voila and VS Code's ipywidgets bundle, in Debian's Chromium."""
