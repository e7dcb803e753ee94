"""Where everything is: one folder, and a port of loopback for each part."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The ports, in the order in which a call passes them."""

    balancer: int
    gateways: tuple[int, ...]
    bundles: int
    """Where nginx passes OPA on to the gateways: callers never come there."""
    opa: int
    postgresql: int

    @classmethod
    def beginning(cls, first: int) -> "Ports":
        """Ports in a row."""
        return cls(first, (first + 1, first + 2), first + 3, first + 4, first + 5)

    @classmethod
    def unused(cls) -> "Ports":
        """Any that nobody listened on a moment ago."""
        probes = [socket.create_server((HOST, 0)) for _ in range(6)]
        found: list[int] = [probe.getsockname()[1] for probe in probes]
        for probe in probes:
            probe.close()
        return cls(found[0], (found[1], found[2]), found[3], found[4], found[5])

    def taken(self) -> list[int]:
        """Those on which somebody listens already."""
        return [port for port in (self.balancer, *self.gateways, self.bundles, self.opa, self.postgresql) if _is(port)]


def _is(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@dataclass(frozen=True)
class Layout:
    """One cluster: its folder, its ports, and what its gateways are told besides."""

    folder: Path
    ports: Ports
    settings: Mapping[str, str] = field(default_factory=dict)
    """More settings of the gateways, by their names in lower case: `{"upstreams": …}`."""

    @property
    def url(self) -> str:
        """Where callers come: the balancer."""
        return f"http://{HOST}:{self.ports.balancer}"

    @property
    def gateway_urls(self) -> list[str]:
        """Each gateway by itself."""
        return [f"http://{HOST}:{port}" for port in self.ports.gateways]

    @property
    def data(self) -> Path:
        """What the gateways share: peppers, signing keys, the demonstration's keys."""
        return self.folder / "gateway"

    @property
    def logs(self) -> Path:
        """One file for each part."""
        return self.folder / "logs"

    @property
    def bundle_token(self) -> Path:
        """By which OPA is given the policies."""
        return self.folder / "secrets" / "bundle-token"

    @property
    def database_password(self) -> Path:
        """Of the gateways, at the database."""
        return self.folder / "secrets" / "database-password"

    @property
    def database_url(self) -> str:
        """The database, without its password."""
        return f"postgresql://release_gateway@{HOST}:{self.ports.postgresql}/postgres"
