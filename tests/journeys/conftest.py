"""One gateway for all the stories: the demonstration, and two servers whose streams take their time."""

from collections.abc import Iterator

import pytest

from tests.fakes.gateway import GatewayProcess, running
from tests.fakes.upstreams import upstream_process

BRISK_CHUNKS = 40


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """`paced` streams for half a minute, `brisk` for half a second."""
    folder = tmp_path_factory.mktemp("journeys")
    with (
        upstream_process(folder / "paced", interval_ms=20, chunks=1500) as paced,
        upstream_process(folder / "brisk", interval_ms=10, chunks=BRISK_CHUNKS) as brisk,
        running(
            folder,
            upstreams={"paced": paced.url, "brisk": brisk.url},
            settings={"access_request_url": "https://example.com/ask"},
        ) as gateway,
    ):
        yield gateway
