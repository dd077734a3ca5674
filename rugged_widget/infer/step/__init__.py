"""One SVI step by Pyro itself: isolated, checkpointed, and with an error that explains itself."""
