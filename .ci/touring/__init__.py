"""Running what the pages show: ``pages`` reads and writes them, ``running`` runs them, ``matching`` compares."""
