"""The cffi hook; everything else is in pyproject.toml."""

from setuptools import setup

setup(cffi_modules=["native/_build.py:ffibuilder"])
