"""nginx in front: streams pass unbuffered, and only what has surely not been begun is asked of the other gateway.

A gateway that refuses connections is passed over by nginx itself. One that takes them and stands still is not noticed
by it: balance.py looks, and takes it out of the list.
"""

import os
import shutil
import signal
from collections.abc import Collection

from tools.cluster.layout import HOST, Layout
from tools.cluster.parts import Program

IDLE_S = 2
"""How long a connection to a gateway is kept unused: shorter than a gateway that stops still answers."""

_HEAD = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_processes 2;
worker_shutdown_timeout 30s;
{user}events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused;
    uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
    client_max_body_size 9m;
    client_body_buffer_size 256k;
    client_header_timeout 60s;
    client_body_timeout 60s;
    keepalive_timeout 65s;

    upstream gateways {{
        zone gateways 64k;
        include {folder}/gateways.conf;
        keepalive 64;
        keepalive_timeout {idle_s}s;
    }}

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;

    # Streams leave as they come. How long a model may think is the gateway's to bound, not nginx's.
    proxy_buffering off;
    proxy_read_timeout 600s;
    proxy_send_timeout 60s;
    proxy_connect_timeout 1s;

    # A POST whose request was sent is never sent again: it may have been admitted, recorded and charged.
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 2;
"""

_SERVERS = """
    server {{
        listen {host}:{balancer} backlog=2048;
        location / {{ proxy_pass http://gateways; }}
        # What is not for callers.
        location = /metrics {{ return 404; }}
        location = /healthz {{ return 404; }}
        location = /readyz {{ return 404; }}
        location /policies/ {{ return 404; }}
        error_page 502 =503 @nobody;
        location @nobody {{
            default_type application/json;
            add_header retry-after 1 always;
            return 503 '{nobody}';
        }}
    }}

    # For OPA alone.
    server {{
        listen {host}:{bundles};
        location = /policies/bundle.tar.gz {{ proxy_pass http://gateways; proxy_read_timeout 2s; }}
        location / {{ return 404; }}
    }}
}}
"""

NOBODY = (
    '{"error":{"message":"No gateway answered. The call may have been begun: its usage, and the ledger, say. Try again'
    ' shortly.","type":"server_error","param":null,"code":"gateway_unreachable"}}'
)


def nginx_binary() -> str | None:
    """Where nginx is; Debian has it where only root looks."""
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def configuration(layout: Layout) -> str:
    """The whole file."""
    user = "user root;\n" if os.geteuid() == 0 else ""
    ports = layout.ports
    head = _HEAD.format(folder=layout.folder / "nginx", user=user, idle_s=IDLE_S)
    return head + _SERVERS.format(host=HOST, balancer=ports.balancer, bundles=ports.bundles, nobody=NOBODY)


def servers(layout: Layout, out: Collection[int] = ()) -> str:
    """The gateways that are asked. `down` ones are not; where all would be, all are, so that callers hear why.

    None is avoided for having refused a connection: that costs nothing, and the next may be taken.
    """
    everyone = len(out) == len(layout.ports.gateways)
    return "".join(
        f"server {HOST}:{port} max_fails=0{' down' if port in out and not everyone else ''};\n"
        for port in layout.ports.gateways
    )


def nginx(layout: Layout) -> Program:
    """The server."""
    folder = layout.folder / "nginx"
    folder.mkdir(exist_ok=True)
    (folder / "gateways.conf").write_text(servers(layout))
    (folder / "nginx.conf").write_text(configuration(layout))
    command = [_binary(), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    # SIGQUIT lets what is under way end.
    return Program("nginx", command, layout.logs / "nginx.log", folder=folder, stop_by=signal.SIGQUIT)


def _binary() -> str:
    found = nginx_binary()
    if found is None:
        raise RuntimeError("nginx is missing: install Debian's package `nginx`")
    return found
