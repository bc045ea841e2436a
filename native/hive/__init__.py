"""Sums over hives of the registry, and what is beside them."""
