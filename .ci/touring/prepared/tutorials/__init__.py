"""What the tutorials take for granted."""
