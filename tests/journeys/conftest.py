"""One gateway for all the stories: the demonstration, and two servers whose streams take their time.

The same stories are told of a whole cluster too: a sample in every run, all of them by `make soak`.
"""

import os
from collections.abc import Iterator

import pytest

from tests.fakes.cluster import cluster_house
from tests.fakes.gateway import GatewayProcess, running
from tests.fakes.issuer import FakeIssuer, an_issuer, declaration
from tests.fakes.upstreams import upstream_process

BRISK_CHUNKS = 40

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
CLUSTER = "cluster"
SAMPLE = ("test_a_call.py", "test_limits.py")
"""Stories that every run tells of a cluster."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the stories of a cluster that are not in the sample to `make soak`."""
    left, kept = [], []
    for item in items:
        told = getattr(item, "callspec", None)
        if told is not None and told.params.get("demo") == CLUSTER:
            item.add_marker(pytest.mark.soak)
            if not SOAK and item.path.name not in SAMPLE:
                left.append(item)
                continue
        kept.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.fixture(scope="session")
def issuer() -> Iterator[FakeIssuer]:
    """A cluster that issues tokens to its service accounts, and that the gateway's operator declared."""
    with an_issuer() as opened:
        yield opened


@pytest.fixture(scope="session", params=["alone", CLUSTER])
def demo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: FakeIssuer
) -> Iterator[GatewayProcess]:
    """`paced` streams for half a minute, `brisk` for half a second."""
    folder = tmp_path_factory.mktemp("journeys")
    (folder / "issuers.yaml").write_text(declaration(issuer))
    settings = {"access_request_url": "https://example.com/ask", "issuers": str(folder / "issuers.yaml")}
    with (
        upstream_process(folder / "paced", interval_ms=20, chunks=1500) as paced,
        upstream_process(folder / "brisk", interval_ms=10, chunks=BRISK_CHUNKS) as brisk,
    ):
        upstreams = {"paced": paced.url, "brisk": brisk.url}
        opened = (
            cluster_house(upstreams, settings)
            if request.param == CLUSTER
            else running(folder, upstreams=upstreams, settings=settings)
        )
        with opened as gateway:
            yield gateway
