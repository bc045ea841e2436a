"""How often tests kill commands."""

from __future__ import annotations

import os

KILLS = int(os.environ.get("OSDIMAGE_KILLS", "6"))
"""How often a test kills a command at a moment of chance; ``make kills`` sets more."""
