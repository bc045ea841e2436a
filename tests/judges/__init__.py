"""Foreign programs that judge what osdimage has written."""
