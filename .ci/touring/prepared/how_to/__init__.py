"""What the pages of docs/how-to/ take for granted."""
