"""A first start told to stop as soon as the provider's key is durable leaves a provider who can get in."""

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
from tests.fakes.gateway import free_port

SHOWN = re.compile(r"rsg_pro_\w+")

STOPPED_AT_THE_WORST_MOMENT = """
import signal, sys
from gateway.installation import Follower

start = Follower.start

async def told_to_stop(self):
    signal.raise_signal(int(sys.argv[1]))
    await start(self)

Follower.start = told_to_stop  # what a start does next once the key is durable
from gateway.cli.main import main
main(sys.argv[2:])
"""


def keys_in(data: Path) -> list[str]:
    """Ids of the keys that were made durable."""
    with closing(sqlite3.connect(f"file:{data / 'gateway.sqlite'}?mode=ro", uri=True)) as connection:
        return [key for (key,) in connection.execute("SELECT id FROM api_key")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_key_made_durable_is_shown_though_the_start_is_told_to_stop_at_that_moment(
    tmp_path: Path, number: signal.Signals
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    words = [str(int(number)), "serve", "--data", str(tmp_path / "data"), "--port", str(free_port())]

    ran = subprocess.run(
        [sys.executable, "-c", STOPPED_AT_THE_WORST_MOMENT, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )

    said = ran.stdout + ran.stderr
    shown = [key_id_of(token) for token in SHOWN.findall(ran.stdout)]
    assert len(shown) == 1 and shown == keys_in(tmp_path / "data"), said
    assert "Traceback" not in said and "Bad file descriptor" not in said, said
