"""The verbs for WIMs."""
