"""A picture of a terminal: ``recording`` runs commands in one, ``drawing`` makes an SVG of what was seen."""
