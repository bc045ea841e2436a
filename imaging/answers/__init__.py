"""Answer files: settings in, the text of unattend.xml or sysprep.inf out."""
