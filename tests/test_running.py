"""What `gateway serve` refuses to start on, and what it asks of the system."""

import resource
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from gateway.errors import SettingsInvalid
from gateway.running import serve, welcome
from gateway.settings import Settings
from tests.fakes.gateway import running
from tests.fakes.house import open_house
from tests.journeys.releases import open_to_all


@pytest.mark.parametrize("name", ["peppers_path", "signing_key_path"])
def test_what_belongs_to_a_database_in_use_is_missed_and_not_made_anew(tmp_path: Path, name: str) -> None:
    settings = Settings(data=tmp_path)
    with open_house(tmp_path):
        pass
    lost: Path = getattr(settings, name)
    lost.unlink()

    with pytest.raises(SettingsInvalid, match=lost.name):
        serve(settings)

    assert not lost.exists()


def test_a_gateway_takes_all_the_file_descriptors_that_it_may_have(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
    try:
        with running(tmp_path) as gateway:
            limits = Path(f"/proc/{gateway.pid}/limits").read_text("ascii")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    had = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert had == [str(hard)] * 2


def test_a_demonstration_where_changes_are_to_be_reviewed_has_its_releases_and_takes_no_more_unreviewed(
    tmp_path: Path,
) -> None:
    with running(tmp_path, settings={"changes": "reviewed"}) as gateway:
        served = gateway.models
        refused = httpx.post(
            f"{gateway.base_url}/control/releases",
            headers={"authorization": f"Bearer {gateway.keys['provider']}"},
            json={"file": open_to_all("acme/more", upstream="simulated"), "adopt": True},
        )

    assert len(served) >= 3
    assert (refused.status_code, refused.json()["code"]) == (403, "review_required")


@pytest.mark.parametrize(("changes", "warns"), [("direct", True), ("reviewed", False)])
async def test_a_start_says_where_one_person_can_widen_access_alone(changes: Any, warns: bool) -> None:
    with capture_logs() as logs:
        await welcome(SimpleNamespace(settings=Settings(changes=changes)), "http://127.0.0.1:8080", demo=False)  # type: ignore[arg-type]

    told = [entry for entry in logs if entry["event"] == "one_person_widens"]
    assert bool(told) is warns
    assert all("GATEWAY_CHANGES" in entry["told"] for entry in told)
