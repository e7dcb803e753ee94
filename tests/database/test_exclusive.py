"""One process serves a data directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.database.exclusive import exclusively
from gateway.errors import SettingsInvalid

HOLDER = """
import sys
from pathlib import Path
from gateway.database.exclusive import exclusively
with exclusively(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that serves the directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_told_who_holds_the_directory(tmp_path: Path, holder: subprocess.Popen) -> None:
    with pytest.raises(SettingsInvalid) as refusal, exclusively(tmp_path):
        pass

    assert f"process {holder.pid} " in refusal.value.message
    assert "--data" in refusal.value.next_step


def test_a_killed_process_holds_nothing(tmp_path: Path, holder: subprocess.Popen) -> None:
    holder.kill()
    holder.wait()

    with exclusively(tmp_path):
        pass


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with exclusively(tmp_path), pytest.raises(SettingsInvalid), exclusively(tmp_path):
        pass


def test_a_directory_that_was_let_go_can_be_held_again(tmp_path: Path) -> None:
    with exclusively(tmp_path):
        pass

    with exclusively(tmp_path):
        pass


def test_a_missing_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with exclusively(tmp_path / "new" / "data"):
        assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700


def test_a_path_that_cannot_be_a_directory_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsInvalid, match="cannot be used"), exclusively(tmp_path / "file" / "data"):
        pass
