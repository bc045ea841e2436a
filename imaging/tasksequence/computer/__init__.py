"""The computer that a task sequence runs on: its disks, volumes, letters and firmware, and the Windows in it."""
