"""Reading the settings of a Windows that is on a disk, for a Windows that takes its place."""
