# The module that _build.py compiles.  cffi types nothing, so both are Any; the typed face is in the modules beside.
from typing import Any

ffi: Any
lib: Any
