"""From a WIM to a disk: a plan that can be read, and the one function that carries it out."""
