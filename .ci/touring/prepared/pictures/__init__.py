"""What the pictures of docs/pictures/ take for granted."""
