"""The targets, a module for each kind of bytes."""
