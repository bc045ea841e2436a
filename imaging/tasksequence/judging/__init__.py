"""What becomes of a step: its kind, whether it can be run here, what may be left out, what is known of the computer."""
