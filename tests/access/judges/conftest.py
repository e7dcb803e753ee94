"""Both judges, on the policies that ship."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.opa import OPAJudge
from gateway.access.judges.policies import PolicySet, read_policy_set
from gateway.access.judges.port import Judge
from tests.access.judges.opa_server import opa_binary, opa_server, unused_port

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture(scope="session")
def policies() -> PolicySet:
    """The policy set that ships."""
    return read_policy_set(POLICIES)


@pytest.fixture(scope="session")
def opa_url(policies: PolicySet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real OPA serving the policy set that ships."""
    opa_binary()
    bundle = tmp_path_factory.mktemp("bundle") / "bundle.tar.gz"
    bundle.write_bytes(policies.bundle())
    with opa_server(bundle, unused_port()) as url:
        yield url


@pytest_asyncio.fixture(params=["embedded", "opa"])
async def judge(request: pytest.FixtureRequest, policies: PolicySet) -> AsyncIterator[Judge]:
    """Every test that asks for it runs on both judges."""
    judge: Judge
    if request.param == "embedded":
        judge = EmbeddedJudge(policies, timeout_s=5)
    else:
        judge = OPAJudge(policies.digest, request.getfixturevalue("opa_url"), timeout_s=5)
    await judge.start()
    yield judge
    await judge.stop()
