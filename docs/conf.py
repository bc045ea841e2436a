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
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "command_pages",
    "command_links",
    "json_pages",
    "benchmark_pages",
    "navigation",
    "api_docstrings",
    "api_pages",
    "api_references",
]
exclude_patterns = ["_ext"]
# What a program prints is no language: an apostrophe in it is no mistake.
suppress_warnings = ["misc.highlighting_failure"]
# Where Python's own names are described: an inventory of those that are used, for there is no network here.
intersphinx_mapping = {"python": ("https://docs.python.org/3/", str(Path(__file__).with_name("_ext") / "python.inv"))}
html_theme = "furo"
html_title = f"osdimage {release}"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_logo = html_favicon = "_static/logo.svg"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# Whoever copies an example wants the command, not the prompt and what came of it.
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"

autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "show-inheritance": True,
    "special-members": "__contains__, __enter__, __getitem__, __iter__, __len__, __setitem__",
    "undoc-members": True,
}
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"
