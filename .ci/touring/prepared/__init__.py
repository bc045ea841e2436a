"""What pages take for granted, a module for each, by its path below docs/ with underscores: ``prepare`` makes it."""
