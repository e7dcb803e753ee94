"""Several gateway processes over one PostgreSQL database, in front of one upstream that remembers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.postgresql import PostgreSQLServer
from tests.fakes.upstreams import UpstreamProcess, upstream_process


class Replicas:
    """The processes. The first furnished the database, and its keys hold at every one of them."""

    def __init__(self, gateways: list[GatewayProcess], upstream: UpstreamProcess) -> None:
        self.gateways = gateways
        self.first = gateways[0]
        self.upstream = upstream

    def follow(self) -> None:
        """Wait until what was changed so far is in force everywhere."""
        for gateway in self.gateways:
            gateway.follow()


@contextmanager
def replicas(
    folder: Path, server: PostgreSQLServer, count: int, interval_ms: float = 0.0, **settings: str
) -> Iterator[Replicas]:
    """So many processes on a fresh database, which share what replicas must: peppers, signing keys and name."""
    database = server.new_database()
    shared = {
        "database_url": server.url(database),
        "key_pepper_file": str(folder / "shared" / "peppers"),
        "signing_key_file": str(folder / "shared" / "signing.key"),
        "token_keys_file": str(folder / "shared" / "token.keys"),
        "public_url": "https://gateway.example",
        "revision_poll_ms": "50",
        **settings,
    }
    (folder / "shared").mkdir(parents=True)
    with ExitStack() as stack:
        upstream = stack.enter_context(upstream_process(folder / "upstream", interval_ms=interval_ms, chunks=200))
        gateways = [
            GatewayProcess(folder / f"gateway-{number}", upstreams={"fake": upstream.url}, settings=shared)
            for number in range(count)
        ]
        for gateway in gateways:
            stack.callback(gateway.kill)
        gateways[0].start()
        for gateway in gateways[1:]:
            gateway.data.mkdir(parents=True)
            (gateway.data / "demo.json").write_bytes((gateways[0].data / "demo.json").read_bytes())
            gateway.start(wait=False)
        for gateway in gateways[1:]:
            gateway.await_ready()
        until(lambda: all(gateway.is_ready() for gateway in gateways), 10)
        yield Replicas(gateways, upstream)
    server.drop_database(database)
