"""The lesson's model, its fit, and what the fit is compared with."""
