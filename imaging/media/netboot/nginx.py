"""A configuration of nginx, which hands the folder out by HTTP: WIMs come many times faster than by TFTP."""

from __future__ import annotations

FILE = "nginx.conf"


def nginx_configuration(root: str, *, port: int, path: str) -> str:
    """Return a server for the ``http`` of a configuration, such as a file in ``/etc/nginx/conf.d``.

    Args:
        root: the folder, as the server sees it.
        port: where the server listens.
        path: of the address at which the folder is handed out, with ``/`` at its beginning and its end.
    """
    return f"""# A server for nginx: a file in /etc/nginx/conf.d.  It hands out one folder, and takes nothing.
server {{
    listen {port};
    server_tokens off;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    location {path} {{
        alias {root.rstrip("/")}/;
        autoindex off;
        limit_except GET {{ deny all; }}
    }}
}}
"""
