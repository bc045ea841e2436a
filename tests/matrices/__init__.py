"""Tests that take minutes; each has a target of its own in the Makefile."""
