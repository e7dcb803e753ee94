"""A house whose list of people is kept by a directory, with a key for that and nothing else."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.identity.callers import Role
from gateway.scim.attributes import GROUP, USER
from gateway.scim.patch import PATCH
from tests.fakes.house import House, open_house

SCIM = "application/scim+json"


PROVIDERS = """\
identity_providers:
  corporate:
    issuer: http://127.0.0.1:9
    client_id: release-gateway
    provision: scim
    link: {userName: email}
    people: [{match: {groups: staff}, organisation: provider, roles: [staff]}]
"""
"""A provider that nobody reaches: nobody signs in here."""


class Listed:
    """The door as a directory uses it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._numbers = iter(range(10_000))

    def ask(self, method: str, path: str, by: str = "directory", **given: Any) -> httpx.Response:
        """One request; a body as SCIM's own type says it."""
        if "json" in given:
            given["headers"] = {"content-type": SCIM} | given.get("headers", {})
        return self.house.ask(method, f"/scim/v2{path}", by, **given)

    def user(self, **said: Any) -> dict[str, Any]:
        """Somebody new, under a name that nobody has had."""
        body = {"schemas": [USER], "userName": f"user{next(self._numbers)}@example.com", **said}
        return self._made(self.ask("POST", "/Users", json=body))

    def group(self, *members: str, **said: Any) -> dict[str, Any]:
        """A new group of these people."""
        body = {
            "schemas": [GROUP],
            "displayName": f"Group {next(self._numbers)}",
            "members": [{"value": member} for member in members],
            **said,
        }
        return self._made(self.ask("POST", "/Groups", json=body))

    def patch(self, path: str, *operations: Any, **given: Any) -> httpx.Response:
        """A patch with these operations."""
        return self.ask("PATCH", path, json={"schemas": [PATCH], "Operations": list(operations)}, **given)

    def _made(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture(scope="package")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listed]:
    """A gateway that the tests of this door share."""
    folder = tmp_path_factory.mktemp("scim")
    declared = folder / "providers.yaml"
    declared.write_text(PROVIDERS)
    with open_house(folder, identity_providers=declared) as house:
        house.enter("directory", "provider", Role.PROVIDER, scopes=("scim",))
        yield Listed(house)
