"""The imaging actions of a task sequence, one file each."""
