"""The cffi hook; everything else is in pyproject.toml."""

import importlib.util
import sys

from setuptools import setup

if importlib.util.find_spec("cffi") is None:
    # setuptools would only warn about an unknown keyword, and leave the extension module out.
    sys.exit("osdimage needs the Python module cffi to build: pip install cffi, or leave out --no-build-isolation.")

setup(
    cffi_modules=["native/_build.py:ffibuilder"],
    # cffi keeps to what every later Python has: one wheel serves them all.
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
