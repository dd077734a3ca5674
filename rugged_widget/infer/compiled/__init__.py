"""The SVI step captured as a tensor graph, and the engines that run it."""
