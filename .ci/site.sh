#!/usr/bin/env bash
# Make the documentation site of docs/ in build/site, without the network. Every warning ends it: what a page names is there.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly venv=.venv

if ! "$venv/bin/python" -c 'import sphinx, myst_parser, furo, sphinx_copybutton, sphinx_design' 2>/dev/null; then
    "$venv/bin/python" -m pip install --quiet "$(compgen -G 'dist/osdimage-*.whl')[docs]"
fi
rm -rf build/site
"$venv/bin/sphinx-build" --builder html --fail-on-warning --keep-going --nitpicky --quiet \
    --doctree-dir build/doctrees docs build/site
echo "build/site/index.html"
