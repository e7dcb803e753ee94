"""A first start told to stop at any moment leaves a provider who can get in."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.identity.keys import key_id_of
from tests.fakes.gateway import free_port, until

SHOWN = re.compile(r"rsg_pro_\w+")


def keys_in(data: Path) -> list[str]:
    """Ids of the keys that were made durable."""
    file = data / "gateway.sqlite"
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        try:
            return [key for (key,) in connection.execute("SELECT id FROM api_key")]
        except sqlite3.OperationalError:
            return []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_key_made_durable_is_shown_though_the_start_is_stopped_at_that_moment(
    tmp_path: Path, number: signal.Signals
) -> None:
    data, log = tmp_path / "data", tmp_path / "log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    command = [sys.executable, "-m", "gateway.cli.main", "serve", "--data", str(data), "--port", str(free_port())]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:
        try:
            until(lambda: bool(keys_in(data)), 30.0)
            process.send_signal(number)
            process.wait(30)
        finally:
            process.kill()

    said = log.read_text("utf-8", "replace")
    assert [key_id_of(token) for token in SHOWN.findall(said)] == keys_in(data)
    assert "Traceback" not in said and "Bad file descriptor" not in said
