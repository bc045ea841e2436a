"""What makes a disk start: registry hives, the BCD store, boot files and boot code."""
