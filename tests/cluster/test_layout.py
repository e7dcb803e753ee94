"""What the parts of a cluster are told, and when a gateway is taken out of the balancer's list."""

import json
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from gateway.settings import Settings
from tools.cluster import nginx, opa
from tools.cluster.balance import MISSES, answers, silent
from tools.cluster.gateways import DRAIN_S, make_secrets, settings
from tools.cluster.layout import Layout, Ports
from tools.cluster.nginx import IDLE_S, servers


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Ports in a row, in a fresh folder."""
    made = Layout(tmp_path, Ports.beginning(9000), {"shutdown_s": "7"})
    make_secrets(made)
    return made


def test_gateways_share_what_replicas_must_and_every_setting_is_one(layout: Layout) -> None:
    told = Settings.from_mapping(settings(layout))

    assert (told.judge, told.shutdown_s, told.public_url) == ("opa", 7, "http://127.0.0.1:9000")
    assert told.database.startswith("postgresql://release_gateway:") and told.database.endswith(":9005/postgres")
    assert told.drain_s > IDLE_S, "no connection that nginx keeps outlives the drain of its gateway"
    assert told.drain_s == DRAIN_S


def test_secrets_are_made_once_and_closed_to_others(layout: Layout) -> None:
    paths = (layout.bundle_token, layout.database_password)
    before = [path.read_bytes() for path in paths]
    make_secrets(layout)

    assert [path.read_bytes() for path in paths] == before and before[0] != before[1]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_opa_is_given_no_secret_but_where_it_stands(layout: Layout) -> None:
    told = opa.configuration(layout)

    assert layout.bundle_token.read_text().strip() not in told
    assert json.loads(told)["services"]["gateways"]["url"] == "http://127.0.0.1:9003"


def test_nginx_takes_its_configuration(layout: Layout) -> None:
    binary = nginx.nginx_binary()
    if binary is None:
        pytest.skip("nginx is not at hand")
    program = nginx.nginx(layout)

    tested = subprocess.run([*program.command, "-t"], capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr


def test_a_silent_gateway_is_not_asked_unless_nobody_else_is_left(layout: Layout) -> None:
    first, other = layout.ports.gateways
    said = {
        out: servers(layout, out).splitlines() for out in (frozenset(), frozenset({first}), frozenset({first, other}))
    }
    down = [[" down;" in line for line in lines] for lines in said.values()]

    assert down == [[False, False], [True, False], [False, False]]
    assert silent({first: MISSES, other: MISSES - 1}) == {first}


def test_only_silence_counts_against_a_gateway() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen, socket.create_server(("127.0.0.1", 0)) as refusing:
        port = refusing.getsockname()[1]

        def refuse() -> None:
            connection, _ = refusing.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        told = answers(frozen.getsockname()[1]), answers(port)
        thread.join()

    assert told == (False, True)
    assert answers(port), "nobody listens: nginx notices by itself"
