"""WIM files: capture, inspect, convert, verify and apply."""
