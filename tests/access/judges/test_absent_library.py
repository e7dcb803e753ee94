"""A system without the library that the engine names and calls nothing of."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import regopy

from gateway.access.judges.absent_library import supply

ABSENT = "libatomix.so.1"
ASKS = f"""
from gateway.access.judges.absent_library import supply
try:
    import regopy
except OSError as error:
    print(error)
print(supply("regopy", {ABSENT!r}))
import regopy
print(regopy.Interpreter().query("x=1+2"))
print(any("rwx" in line.split()[1] for line in open("/proc/self/maps")))
"""


@pytest.fixture
def engine_elsewhere(tmp_path: Path) -> Path:
    """The engine's package, linked against a library that no system has."""
    installed = Path(regopy.__file__).parent
    for folder in (installed, installed.with_name("regopy.libs")):
        shutil.copytree(folder, tmp_path / folder.name)
    linked = tmp_path / "regopy" / "librego_shared.so"
    linked.write_bytes(linked.read_bytes().replace(b"libatomic.so.1", ABSENT.encode()))
    return tmp_path


def test_the_engine_answers_where_the_library_is_absent(engine_elsewhere: Path) -> None:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(engine_elsewhere), *filter(None, sys.path)])}
    asked = [sys.executable, "-c", ASKS]
    done = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=60, env=env)

    assert done.stderr == ""
    assert ABSENT in done.stdout and '"x":3' in done.stdout.replace(" ", "")
    assert [line for line in done.stdout.splitlines() if line in {"True", "False"}] == ["True", "False"]


@pytest.mark.parametrize("called", [b"\0__atomic_load_16\0", b"\0__atomic_is_lock_free\0"])
def test_nothing_is_supplied_to_one_that_calls_the_real_one(
    called: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "calls_it"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "linked.so").write_bytes(b"\x7fELF" + called)
    monkeypatch.syspath_prepend(tmp_path)

    assert not supply("calls_it")


def test_nothing_is_supplied_to_one_that_cannot_be_looked_at() -> None:
    assert not supply("there_is_no_such_package")
