"""How tests run osdimage: as a command, as another user, on a terminal, and until it is stopped."""
