"""Capture one SVI step as a functional, simplified graph."""
