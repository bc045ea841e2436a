#!/usr/bin/env bash
# Make the documentation site of docs/ in build/site, without the network. Every warning ends it: what a page names is there.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly venv=.venv

if ! "$venv/bin/python" -c 'import sphinx, myst_parser, furo, sphinx_copybutton, sphinx_design' 2>/dev/null; then
    "$venv/bin/python" -m pip install --quiet "$(compgen -G 'dist/osdimage-*.whl')[docs]"
fi
# Sphinx reads a copy: docs/_ext writes pages into it, and none of them may stay for the next time.
rm -rf build/site build/pages
mkdir -p build
cp -R docs build/pages
# What the pages of commands are made of makes manual pages, too.
PYTHONPATH=.ci "$venv/bin/sphinx-build" --builder html --jobs auto --fail-on-warning --keep-going --nitpicky --quiet \
    --doctree-dir build/doctrees build/pages build/site
"$venv/bin/python" .ci/site_check.py build/site docs/library/api.txt
echo "build/site/index.html"
