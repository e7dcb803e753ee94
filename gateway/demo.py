"""The demonstration: one release per access level, organisations and a key for each role, and a file that names them.

It uses what everybody uses, the directory, the catalogue and the admissions, with the bootstrap key's rights.
"""

import asyncio
import os
from pathlib import Path

import msgspec

from gateway.access.admissions import new_id
from gateway.access.grants import Acceptance, Grant
from gateway.clock import DAY, Moment
from gateway.errors import SettingsInvalid
from gateway.identity.callers import Caller, Role
from gateway.identity.keyring import Issued, KeyOrder
from gateway.identity.organisations import PROVIDER
from gateway.installation import Installation
from gateway.ledger.store import Actor
from gateway.releases.catalogue import Applied, Catalogue
from gateway.shipped import shipped

FILE = "demo.json"
UPSTREAM = "simulated"
"""The upstream that the demonstration's release files name."""

MODELS = {"closed": "closed", "limited": "limited", "api": "api", "open_weights": "open-weights"}
"""Name in the file to the release file's."""

HOLDERS = {
    "developer": ("acme", Role.DEVELOPER),
    "tester": ("globex", Role.DEVELOPER),
    "staff": (PROVIDER, Role.STAFF),
    "provider": (PROVIDER, Role.PROVIDER),
    "approver": (PROVIDER, Role.APPROVER),
    "reviewer": (PROVIDER, Role.APPROVER),
    "analyst": (PROVIDER, Role.ANALYST),
    "auditor": (PROVIDER, Role.AUDITOR),
}
"""Name in the file to the organisation and role of its key: each another person, whom the first key entered."""


class Demonstration(msgspec.Struct):
    """What `demo.json` says."""

    base_url: str
    keys: dict[str, str]
    models: dict[str, str]


async def furnish(installation: Installation, base_url: str) -> Path:
    """Bring the demonstration into a fresh installation, or only the address up to date in one that has it."""
    path = installation.settings.data / FILE
    if path.exists():
        shown = msgspec.json.decode(path.read_bytes(), type=Demonstration)
        shown.base_url = base_url
    elif installation.bootstrap is None:
        raise SettingsInvalid(
            f"The data directory {installation.settings.data} is in use and has no demonstration.",
            next_step="Name an empty directory with --data, or leave --demo out.",
        )
    else:
        shown = Demonstration(base_url, *await _bring_in(installation, installation.bootstrap))
    _write(path, msgspec.json.format(msgspec.json.encode(shown), indent=2))
    return path


async def _bring_in(installation: Installation, bootstrap: Issued) -> tuple[dict[str, str], dict[str, str]]:
    _, moment = installation.current.now()
    provider = await installation.directory.authenticate(bootstrap.token.reveal(), None, moment)
    for organisation, name in (("acme", "Acme, who has no grant"), ("globex", "Globex, who tests early")):
        await installation.directory.create_organisation(provider, organisation, name, moment)
    keys = {holder: await _issue(installation, provider, holder, moment) for holder in HOLDERS}
    applied = {level: await _apply(installation, provider, file, moment) for level, file in MODELS.items()}
    models = {level: version.version.strategy.release for level, version in applied.items()}
    actor = Actor(key=provider.key, organisation=provider.organisation)
    for organisation in ("acme", "globex", PROVIDER):
        for version in applied.values():
            await _accept(installation, actor, organisation, version, moment)
    grant = Grant(
        id=new_id("grant"),
        organisation="globex",
        release=models["limited"],
        given_at=moment.latest,
        given_by=provider.key,
        authority="demonstration",
        starts_at=moment.earliest,
        ends_at=moment.latest + 90 * DAY,
    )
    await installation.admissions.give(actor, grant)
    await _until_in_force(installation, set(models.values()))
    return keys, models


async def _issue(installation: Installation, provider: Caller, holder: str, moment: Moment) -> str:
    organisation, role = HOLDERS[holder]
    order = KeyOrder(organisation=organisation, label=f"demonstration {holder}", roles=(role,))
    return (await installation.directory.issue_key(provider, order, moment)).token.reveal()


async def _apply(installation: Installation, provider: Caller, file: str, moment: Moment) -> Applied:
    folder = shipped("demo")
    terms = {"terms/aup.md": (folder / "terms" / "aup.md").read_bytes()}
    content = (folder / f"{file}.yaml").read_bytes()
    reading = await installation.catalogue.read(content, terms, f"{file}.yaml")
    actor = Actor(key=provider.key, organisation=provider.organisation)
    # What is there to begin with comes into force without anybody to approve it, whatever is asked of what follows.
    unreviewed = Catalogue(installation.leisure, installation.ledger)
    return await unreviewed.apply(actor, reading, moment, adopt=True)


async def _accept(
    installation: Installation, actor: Actor, organisation: str, applied: Applied, moment: Moment
) -> None:
    strategy = applied.version.strategy
    for name, digest in strategy.terms.items():
        acceptance = Acceptance(
            id=new_id("terms"),
            organisation=organisation,
            release=strategy.release,
            name=name,
            digest=digest,
            accepted_at=moment.latest,
            accepted_by=actor.key,
        )
        await installation.admissions.accept(actor, acceptance)


async def _until_in_force(installation: Installation, releases: set[str]) -> None:
    while not releases <= installation.current.snapshot.releases.keys():
        await asyncio.sleep(0.05)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and for the owner only: there are keys in it."""
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content + b"\n")
    draft.replace(path)
