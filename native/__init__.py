"""cffi bindings of libwim and libntfs-3g: the only layer that sees C integers, pointers and flags."""
