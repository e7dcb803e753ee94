"""While large files are checked, everything else goes on."""

import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from gateway.identity.callers import Role
from tests.fakes.house import House, open_house

SMALL = os.urandom(1 << 20)
LARGE_FILES = 40
"""More than the default executor has threads, on any machine."""
PROMPT_S = 2.0


def a_release(name: str, files: dict[str, str]) -> str:
    declared = ", ".join(f'{path}: "sha256:{digest}"' for path, digest in files.items())
    return f"""\
release: acme/{name}
serves: {{weights: {{path: {name}, files: {{{declared}}}}}}}
stages:
  - name: weights
    opens: 2026-01-01T00:00:00Z
    access: open-weights
    to: [public]
    offers: [weights.final]
    irreversible: true
"""


@contextmanager
def being_checked(house: House, folder: Path) -> Iterator[None]:
    """Large files are asked for, and their checking goes on for the length of the block.

    A file that takes minutes to read is played by a pipe into which nobody writes.
    """
    folder.mkdir()
    names = [f"{place}.bin" for place in range(LARGE_FILES)]
    for name in names:
        os.mkfifo(folder / name)
    house.apply(a_release("large", dict.fromkeys(names, "0" * 64)))

    def ask(name: str) -> None:
        with suppress(httpx.TimeoutException):
            house.ask("GET", f"/hub/acme/large/resolve/main/{name}", "developer", timeout=1.0)

    with ThreadPoolExecutor(LARGE_FILES) as threads:
        asked: list[Future[None]] = [threads.submit(ask, name) for name in names]
        try:
            for each in asked:
                each.result()
            yield
        finally:
            house.installation.weight_files.close()
            for name in names:
                with suppress(OSError):  # nobody reads it: its turn had not come
                    os.close(os.open(folder / name, os.O_WRONLY | os.O_NONBLOCK))


def test_checked_files_are_downloaded_and_releases_applied_while_large_files_are_checked(tmp_path: Path) -> None:
    root = tmp_path / "files"
    (root / "small").mkdir(parents=True)
    (root / "small" / "a.bin").write_bytes(SMALL)
    path = "/hub/acme/small/resolve/main/a.bin"
    with open_house(tmp_path, weights=root) as house:
        house.enter("other", "globex", Role.DEVELOPER)
        house.apply(a_release("small", {"a.bin": hashlib.sha256(SMALL).hexdigest()}))
        assert house.ask("GET", path, "other").content == SMALL

        with being_checked(house, root / "large"):
            began = time.monotonic()
            downloaded = house.ask("GET", path, "other", timeout=PROMPT_S)
            house.apply(a_release("another", {"a.bin": "0" * 64}))
            took = time.monotonic() - began

    assert downloaded.content == SMALL
    assert took < PROMPT_S
