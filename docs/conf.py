"""What Sphinx is told to make the site of the pages in this folder; ``make site`` runs it."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("_ext")))

project = "osdimage"
author = "the developers of osdimage"
release = version = version_of("osdimage")
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "command_pages",
    "command_links",
    "json_pages",
]
exclude_patterns = ["_ext"]
# What a program prints is no language: an apostrophe in it is no mistake.
suppress_warnings = ["misc.highlighting_failure"]
html_theme = "furo"
html_title = f"osdimage {release}"
html_show_copyright = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# Whoever copies an example wants the command, not the prompt and what came of it.
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"
