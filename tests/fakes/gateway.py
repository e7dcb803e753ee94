"""A real gateway in a process of its own, with the demonstration's keys and models, to be called, killed and restarted.

It keeps its port and its data over restarts. Whoever starts one ends it: `with running(folder) as gateway`.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import openai

PATIENCE_S = 30.0
AUP = {"terms/aup.md": "Do no harm.\n"}


class Launched(Protocol):
    """What is asked of a process; `subprocess.Popen` is one."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def send_signal(self, number: int, /) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


def by_command(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Launched:
    """Run `gateway` with these arguments as anybody would."""
    with log.open("ab") as out:
        command = [sys.executable, "-m", "gateway.cli.main", *arguments]
        return subprocess.Popen(command, stdout=out, stderr=out, env=dict(environment))


class GatewayProcess:
    """One gateway on one folder. `settings` are variables without their prefix, as `{"judge": "opa"}`."""

    def __init__(
        self,
        folder: Path,
        *,
        upstreams: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        launch: Callable[[Sequence[str], Mapping[str, str], Path], Launched] = by_command,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.keys: dict[str, str] = {}
        self.models: dict[str, str] = {}
        self.settings = dict(settings or {})
        self._launch = launch
        self._process: Launched | None = None
        if upstreams:
            file = folder / "upstreams.yaml"
            file.write_text("upstreams:\n" + "".join(f"  {name}: {{url: {url}}}\n" for name, url in upstreams.items()))
            self.settings["upstreams"] = str(file)

    # Its life.

    def start(self, *, wait: bool = True) -> None:
        """Start it on its data; returns when it is ready and furnished."""
        arguments = ["serve", "--demo", "--data", str(self.data), "--port", str(self.port)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        told = {f"GATEWAY_{name.upper()}": value for name, value in self.settings.items()}
        environment = kept | {"GATEWAY_LOG_FORMAT": "json"} | told
        self._process = self._launch(arguments, environment, self.folder / "gateway.log")
        if wait:
            self.await_ready()

    def await_ready(self) -> None:
        """Wait until it is ready and its demonstration stands."""
        until(lambda: self.is_ready() and self._is_furnished(), PATIENCE_S, self._why_not)

    def stop(self) -> int:
        """Tell it to stop, as an operator would; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it in the midst of whatever it does."""
        self._end(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        """Id of its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def is_ready(self) -> bool:
        """What `/readyz` says."""
        try:
            return httpx.get(f"{self.base_url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def log(self) -> str:
        """Everything it has printed, over all its lives."""
        return (self.folder / "gateway.log").read_text("utf-8", "replace")

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(number)
            if number is not signal.SIGKILL:
                process.send_signal(signal.SIGCONT)
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait()

    def _is_furnished(self) -> bool:
        try:
            shown = json.loads((self.data / "demo.json").read_bytes())
        except OSError:
            return False
        self.keys, self.models = shown["keys"], shown["models"]
        return bool(shown["base_url"] == self.base_url)

    def _why_not(self) -> str:
        assert self._process is not None
        said = "\n".join(self.log.splitlines()[-20:])
        return f"the gateway is not ready (exit code {self._process.poll()}):\n{said}"

    # Its callers.

    def openai(self, who: str = "developer", **options: Any) -> openai.OpenAI:
        """The official client, unmodified. `who` is a name of the demonstration or a token."""
        return openai.OpenAI(base_url=f"{self.base_url}/v1", api_key=self.keys.get(who, who), **options)

    def http(self, who: str = "", **options: Any) -> httpx.Client:
        """A plain client with somebody's key, or with none."""
        headers = {"authorization": f"Bearer {self.keys.get(who, who)}"} if who else {}
        return httpx.Client(base_url=self.base_url, headers=headers, **{"timeout": 20.0} | options)

    def control(self, method: str, path: str, who: str = "provider", **given: Any) -> Any:
        """What `/control` answers, which must be a success."""
        with self.http(who) as client:
            answer = client.request(method, f"/control{path}", **given)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    @property
    def founder(self) -> str:
        """The installation's first key, as it was shown once; the provider's where another process showed it."""
        shown = re.search(r"^ +(rsg_pro_\S+)$", self.log, re.MULTILINE)
        return shown[1] if shown else "provider"

    # What the provider does.

    def apply(self, file: str, documents: Mapping[str, str] = AUP) -> dict[str, Any]:
        """Put a release file in force, and wait until it is."""
        sent = {"file": file, "documents": dict(documents), "adopt": True}
        applied = dict(self.control("POST", "/releases", json=sent))
        self.follow()
        return applied

    def enter(self, organisation: str, *roles: str, **rights: Any) -> tuple[str, str]:
        """Id and token of a new key, of an organisation that is created where there is none.

        The installation's first key issues it: whom it issues keys to are as many people.
        """
        with self.http("provider") as client:
            made = client.post("/control/organisations", json={"id": organisation, "name": organisation.title()})
        assert made.status_code in {201, 409}, made.text
        order = {"organisation": organisation, "roles": list(roles or ("developer",)), **rights}
        issued = self.control("POST", "/keys", self.founder, json=order)
        return issued["key"]["id"], issued["token"]

    def accept(self, release: str, who: str = "developer") -> None:
        """Accept every text of a release as it stands, for the organisation of a key."""
        for text in self.control("GET", f"/releases/{release}/terms", who):
            path = f"/releases/{release}/terms/{text['name']}/accept"
            self.control("POST", path, who, json={"digest": text["digest"]})
        self.follow()

    def follow(self) -> None:
        """Wait until what has been changed so far is in force: it has asked what is since."""
        changed = time.monotonic()
        for url in self.processes:
            until(lambda url=url: time.monotonic() - _age_s(url) > changed, PATIENCE_S)

    @property
    def processes(self) -> Sequence[str]:
        """Where each process answers by itself."""
        return [self.base_url]

    # What the auditor reads.

    def entries(self, who: str = "auditor", **asked: Any) -> list[dict[str, Any]]:
        """Every entry that answers a search, oldest first."""
        found: list[dict[str, Any]] = []
        asked = {"order": "oldest", "limit": 200} | asked
        while True:
            page = self.control("GET", "/ledger", who, params=asked)
            found += page["entries"]
            if page["is_last"]:
                return found
            asked["after"] = page["next"]

    def ended(self, request_id: str) -> dict[str, Any]:
        """How the record says that a call ended; it may be a moment before it does."""
        end: list[dict[str, Any]] = []

        def is_there() -> bool:
            end[:] = [self.control("GET", f"/ledger/{request_id}", "auditor")["ended"]]
            return end[0] is not None

        until(is_there, 10.0, lambda: f"the end of {request_id} was not recorded")
        return dict(end[0]["body"])


def _age_s(url: str) -> float:
    """How long ago a process confirmed what is in force."""
    exposed = httpx.get(f"{url}/metrics", timeout=20).text
    said = re.search(r"^gateway_revision_age_seconds (\S+)$", exposed, re.MULTILINE)
    assert said is not None
    return float(said[1])


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[GatewayProcess]:
    """A gateway that is ready, for the length of the block."""
    gateway = GatewayProcess(folder, **options)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


def until(holds: Callable[[], bool], within_s: float, otherwise: Callable[[], str] = lambda: "not yet") -> float:
    """Wait for something that another process does; how long it took. Fails the test where it takes longer."""
    began = time.monotonic()
    while not holds():
        passed = time.monotonic() - began
        assert passed < within_s, f"after {passed:.1f} s: {otherwise()}"
        time.sleep(0.02)
    return time.monotonic() - began


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
