"""The verbs for packages of drivers."""
