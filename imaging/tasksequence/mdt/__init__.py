"""The dialect of MDT: its rules, its deployment share, and the files of it that steps read."""
