"""The lesson: a Bayesian regression with two groups, trained and shown by `RuggedWidget`."""
