"""The forms in which task sequences are written: XML, YAML and Python."""
