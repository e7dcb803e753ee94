"""Adding evidence to a release, and withdrawing it: each with its entry, in one transaction."""

import secrets
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from gateway.clock import MINUTE, Moment
from gateway.database.engine import Database
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger
from gateway.releases.evidence import store
from gateway.releases.evidence.reading import UNREADABLE
from gateway.releases.evidence.records import Evidence, Findings
from gateway.releases.store import keep_documents, version_in_force
from gateway.releases.strategies import digest_of

AHEAD = 5 * MINUTE
"""So far another machine's clock may be ahead of this one's."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Files of evidence as they are handed in."""

    release: str
    snapshot: str
    """As whoever adds it says; empty where the file says it."""
    files: Mapping[str, bytes]


class Vouching:
    """Evidence of releases, and who vouches for it."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def add(self, actor: Actor, submission: Submission, findings: Findings, moment: Moment) -> Evidence:
        """Keep what was read from these files.

        Raises NotFound for a release that there is not, Invalid where nothing says which snapshot they are about, or
        they are of a time that is yet to come.
        """
        _check_dates(findings, moment)
        evidence = Evidence(
            id=f"evidence_{secrets.token_hex(12)}",
            release=submission.release,
            snapshot=_snapshot(submission.snapshot, findings.snapshot),
            files={name: digest_of(content) for name, content in submission.files.items()},
            findings=findings,
            added_at=moment.latest,
            vouched_by=actor.key,
            organisation=actor.organisation,
        )

        def work(connection: Connection) -> tuple[Evidence, list[Act]]:
            if version_in_force(connection, submission.release) is None:
                raise NotFound(f"There is no release `{submission.release}`.", next_step="See `gateway release list`.")
            if findings.document:
                kept = {digest_of(content): content for content in submission.files.values()}
                keep_documents(connection, kept, moment.latest)
            store.add_evidence(connection, evidence)
            return evidence, [_act(Event.EVIDENCE_ADDED, evidence, {})]

        return await self._ledger.administer(actor, work)

    async def withdraw(self, actor: Actor, evidence_id: str, cause: str, moment: Moment) -> Evidence:
        """Let evidence count no longer; what was opened by it stays open. Raises NotFound or Conflict."""

        def work(connection: Connection) -> tuple[Evidence, list[Act]]:
            done = store.withdraw_evidence(connection, evidence_id, moment.latest, cause)
            evidence = store.evidence_by_id(connection, evidence_id)
            if evidence is None:
                raise NotFound(f"There is no evidence `{evidence_id}`.")
            if not done:
                raise Conflict(f"The evidence `{evidence_id}` was withdrawn before.")
            return evidence, [_act(Event.EVIDENCE_WITHDRAWN, evidence, {"cause": cause})]

        return await self._ledger.administer(actor, work)

    async def get(self, evidence_id: str) -> Evidence:
        """One addition. Raises NotFound."""
        found = await self._database.read(lambda connection: store.evidence_by_id(connection, evidence_id))
        if found is None:
            raise NotFound(f"There is no evidence `{evidence_id}`.", next_step="See `gateway evidence list`.")
        return found

    async def evidence(self, *, release: str, after: str, limit: int) -> list[Evidence]:
        """Evidence from the newest backwards, after the given one."""
        return await self._database.read(lambda c: store.evidence(c, release=release, after=after, limit=limit))


def _check_dates(findings: Findings, moment: Moment) -> None:
    dates = [findings.run_at or 0, *(each.until for each in findings.misuse)]
    if max(dates) > moment.latest + AHEAD:
        raise Invalid(
            "The file is of a time that is yet to come.",
            code=UNREADABLE,
            param="files",
            next_step="Look at the clock of the machine that wrote it, and run it again.",
        )


def _snapshot(given: str, found: str) -> str:
    if given and found and given != found:
        raise Invalid(
            f"The file is about another snapshot: {found}.",
            code=UNREADABLE,
            param="snapshot",
            next_step="Name that one, or leave it out.",
        )
    if not given and not found:
        raise Invalid(
            "The file does not say which snapshot of the model it is about.",
            code=UNREADABLE,
            param="snapshot",
            next_step="Name the digest of the model that was evaluated: `--snapshot sha256:…`.",
        )
    return given or found


def _act(event: Event, evidence: Evidence, more: dict[str, str]) -> Act:
    findings = evidence.findings
    named = {"suite": findings.suite, "version": findings.version, "document": findings.document}
    return Act(
        event=event,
        subject=evidence.id,
        release=evidence.release,
        detail={
            "snapshot": evidence.snapshot,
            "files": [f"{name} {digest}" for name, digest in sorted(evidence.files.items())],
            **{name: value for name, value in named.items() if value},
            **more,
        },
    )
