"""One gateway for all the stories: the demonstration, and two servers whose streams take their time."""

from collections.abc import Iterator

import pytest

from tests.fakes.gateway import GatewayProcess, running
from tests.fakes.issuer import FakeIssuer, an_issuer, declaration
from tests.fakes.upstreams import upstream_process

BRISK_CHUNKS = 40


@pytest.fixture(scope="session")
def issuer() -> Iterator[FakeIssuer]:
    """A cluster that issues tokens to its service accounts, and that the gateway's operator declared."""
    with an_issuer() as opened:
        yield opened


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, issuer: FakeIssuer) -> Iterator[GatewayProcess]:
    """`paced` streams for half a minute, `brisk` for half a second."""
    folder = tmp_path_factory.mktemp("journeys")
    (folder / "issuers.yaml").write_text(declaration(issuer))
    with (
        upstream_process(folder / "paced", interval_ms=20, chunks=1500) as paced,
        upstream_process(folder / "brisk", interval_ms=10, chunks=BRISK_CHUNKS) as brisk,
        running(
            folder,
            upstreams={"paced": paced.url, "brisk": brisk.url},
            settings={"access_request_url": "https://example.com/ask", "issuers": str(folder / "issuers.yaml")},
        ) as gateway,
    ):
        yield gateway
