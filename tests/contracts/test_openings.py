"""Evidence, approvals and the opening of stages, on both engines."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from gateway.access.change_decisions import ChangeReason, ChangeRefused
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.access.judges.port import Judge
from gateway.access.stage_judging import stage_judging
from gateway.clock import DAY, MINUTE, SECOND, Moment, at, text_from
from gateway.database.engine import Database
from gateway.errors import Conflict, GatewayError, Invalid, NotFound
from gateway.identity import store as identity
from gateway.identity.callers import Role
from gateway.identity.keyring import Key, SignedKey
from gateway.ledger.entries import AccessBody, Draft, written
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Appending, Ledger, Touch
from gateway.ledger.tables import entry_table, revision_table
from gateway.releases.agreement import Agreement, Word
from gateway.releases.catalogue import Catalogue
from gateway.releases.changes import acting
from gateway.releases.changes.change import weigh
from gateway.releases.changes.grounds import grounds_of
from gateway.releases.evidence.incidents import Incidents
from gateway.releases.evidence.reading import read_evidence
from gateway.releases.evidence.records import Concurrence, Evidence
from gateway.releases.evidence.vouching import Submission, Vouching
from gateway.releases.evidence.withdrawing import withdraw_stage_approvals
from gateway.releases.files import Reading, read_release
from gateway.releases.narrowings import Verb
from gateway.releases.openings import Openings, Standing
from gateway.releases.past import approvals_by
from gateway.releases.recorded import NOTHING_RECORDED
from gateway.releases.restraint import Order, Restraint
from gateway.shipped import shipped
from tests.releases.builders import DOCUMENTS, a_moment

RELEASE = "acme/atlas-1"
OURS, THEIRS = "sha256:" + "a" * 64, "sha256:" + "b" * 64
BEFORE, AFTER = a_moment("2026-12-01T00:00:00Z"), a_moment("2027-06-01T00:00:00Z")
AUTHOR, ANN, BEN, CLEO = (Actor(key=name, organisation="provider") for name in ("author", "ann", "ben", "cleo"))
WORD = Word(roles=(Role.APPROVER,))
WMDP = "{evidence: {suite: lm-eval, task: wmdp_bio, metric: acc, at_most: 0.35}}"


def a_gated_file(
    *requirements: str, opens: str = "2027-06-01T00:00:00Z", more: str = "", snapshot: str = OURS
) -> Reading:
    """A release open to staff, whose second stage has these requirements."""
    content = f"""\
release: {RELEASE}
serves: {{inference: {{upstream: vllm, model: atlas}}}}
model: {{snapshot: {snapshot}}}
audiences: {{staff: {{role: staff}}}}
stages:
  - {{name: internal, opens: 2027-01-05T00:00:00Z, access: closed, to: [staff]}}
  - name: general
    opens: {opens}
    access: api
    to: [public]
    opens_when: [{", ".join(requirements)}]
{more}"""
    return read_release(content.encode(), DOCUMENTS)


class House:
    """Everything around one database, at a time that a test sets."""

    def __init__(self, database: Database, judge: Judge) -> None:
        self.database = database
        self.moment = BEFORE
        self.ledger = Ledger(database, lambda: self.moment)
        self.catalogue = Catalogue(database, self.ledger)
        self.vouching = Vouching(database, self.ledger)
        self.judge = judge
        self.openings = Openings(database, self.ledger, stage_judging(judge))
        self.incidents = Incidents(database, self.ledger)
        self.restraint = Restraint(database, self.ledger)

    async def apply(self, reading: Reading, by: Actor = AUTHOR) -> None:
        await self.catalogue.apply(by, reading, self.moment)

    async def measured(self, value: float, snapshot: str = OURS) -> Evidence:
        """Add a results file of lm-eval with this accuracy, a moment after the one before."""
        self.moment = at(self.moment.latest + 1)
        content = msgspec.json.encode({"results": {"wmdp_bio": {"acc,none": value}}, "lm_eval_version": "0.4.13"})
        files = {"results.json": content}
        submission = Submission(release=RELEASE, snapshot=snapshot, files=files)
        return await self.vouching.add(ANN, submission, read_evidence(files), self.moment)

    async def approve(self, by: Actor, **given: Any) -> None:
        await self.openings.approve(by, RELEASE, "general", self.moment, word=WORD, **given)

    async def standing(self) -> Standing:
        return (await self.openings.standing(await self.catalogue.get(RELEASE), self.moment))["general"]

    async def missing(self) -> list[str]:
        """What is said of each requirement that is not met."""
        return [each.answer.said for each in (await self.standing()).required if not each.answer.met]

    async def in_force(self) -> str | None:
        """The stage in force, as every process works it out."""
        strategy = (await self.catalogue.get(RELEASE)).strategy
        stage = strategy.stage_at(self.moment, strategy.opened(await self.openings.recorded(RELEASE)))
        return None if stage is None else stage.name

    async def admitted(
        self, count: int, at_moment: str, *, release: str = RELEASE, stage: str = "internal",
        event: Event = Event.ACCESS_ADMITTED,
    ) -> None:  # fmt: skip
        """So many calls at a moment, as the ledger keeps them."""
        self.moment = a_moment(at_moment)
        body = AccessBody(release=release, stage=stage)

        def append(connection: Connection) -> None:
            drafts = [Draft(f"req_{secrets.token_hex(8)}", event, body) for _ in range(count)]
            Appending(connection, "process", lambda: self.moment).place([written(draft) for draft in drafts])

        await self.database.write(append)

    async def entries(self, event: str) -> list[dict[str, Any]]:
        def work(connection: Connection) -> list[bytes]:
            return list(connection.execute(select(entry_table.c.line).order_by(entry_table.c.index)).scalars())

        entries = [msgspec.json.decode(line) for line in await self.database.read(work)]
        return [entry["body"] for entry in entries if entry["event"] == event]

    async def a_provider(self) -> None:
        """The organisation that keys belong to."""
        provider = identity.Organisation(id="provider", name="P", created_at=0, created_by="")
        await self.database.write(lambda c: identity.add_organisation(c, provider))

    async def applied_by_another(self, reading: Reading, *, planned_by: str, applied_by: str) -> None:
        """Bring a file into force that somebody else planned; how that was agreed to is not looked at here."""

        def work(connection: Connection) -> tuple[None, list[Act]]:
            planning = acting.Planning(reading, b"", None, False, planned_by, "", self.moment)
            change = acting.proposed(planning, None)
            weighed = weigh(change, None, NOTHING_RECORDED)
            _, planned = acting.plan(connection, planning, change, weighed)
            by = Actor(key=applied_by, organisation="provider")
            grounds = grounds_of(connection, change.strategy)
            _, applied = acting.apply(
                connection, by, change, weighed=weighed, grounds=grounds, moment=self.moment, review_by=None
            )
            return None, [*planned, *applied]

        await self.ledger.administer(AUTHOR, work)

    async def touches(self) -> list[Touch]:
        columns = select(revision_table.c.kind, revision_table.c.subject).order_by(revision_table.c.number)
        return await self.database.read(lambda connection: [Touch(*row) for row in connection.execute(columns)])

    async def key(self, name: str, *, issued_by: str = "", rotated_from: str | None = None, **more: Any) -> None:
        """A key of the provider's."""
        key = Key(
            id=name, kind="pro", organisation="provider", label="", roles=(Role.APPROVER,), scopes=None, networks=None,
            issued_at=0, issued_by=issued_by, expires_at=at(0).latest + 1, rotated_from=rotated_from,
            pepper="pepper", **more,
        )  # fmt: skip
        await self.database.write(lambda c: identity.add_key(c, SignedKey(key, b"digest")))


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    """The policies that ship."""
    embedded = EmbeddedJudge(read_policy_set(shipped("policies")), timeout_s=5)
    await embedded.start()
    yield embedded
    await embedded.stop()


@pytest.fixture
def house(database: Database, judge: Judge) -> House:
    return House(database, judge)


async def test_evidence_of_a_time_that_is_yet_to_come_is_refused(house: House) -> None:
    ahead = msgspec.json.encode({"results": {"t": {"m,none": 1}}, "date": (house.moment.latest + 6 * MINUTE) / SECOND})
    submission = Submission(release=RELEASE, snapshot=OURS, files={"r.json": ahead})

    with pytest.raises(Invalid, match="yet to come"):
        await house.vouching.add(ANN, submission, read_evidence(submission.files), house.moment)


async def test_a_stage_gated_on_an_evaluation_and_two_approvals_opens_when_both_hold_and_not_before(
    house: House,
) -> None:
    await house.apply(a_gated_file(WMDP, "{approvals: 2}"))
    seen: list[tuple[str, list[str]]] = []

    async def look() -> None:
        seen.append((await house.openings.open_due(RELEASE), await house.missing()))

    await look()
    house.moment = AFTER
    await look()
    theirs = await house.measured(0.30, THEIRS)
    await look()
    high = await house.measured(0.36)
    await look()
    low = await house.measured(0.34)
    await look()
    await house.approve(ANN)
    await look()
    assert await house.in_force() == "internal"
    await house.approve(BEN)
    opened = await house.openings.open_due(RELEASE)

    name = "lm-eval wmdp_bio acc"
    assert seen == [
        ("", ["0 of 2 approvals", f"no evidence of {name} was added"]),
        ("", ["0 of 2 approvals", f"no evidence of {name} was added"]),
        ("", ["0 of 2 approvals", f"the evidence of {name} is about another snapshot: {THEIRS}, not {OURS}"]),
        ("", ["0 of 2 approvals", f"0.36 is above 0.35 ({high.id})"]),
        ("", ["0 of 2 approvals"]),
        ("", ["1 of 2 approvals"]),
    ]
    assert (opened, await house.in_force()) == ("general", "general")
    assert theirs.findings.version == "0.4.13"
    [entry] = await house.entries("stage:opened")
    assert entry["release"] == RELEASE and "actor_key" not in entry
    assert entry["subject"] == (await house.standing()).digest
    assert entry["detail"]["met"] == [
        "approval by 2 people: 2 of 2 approvals",
        f"{name} at most 0.35: 0.34 ({low.id})",
    ]
    assert (await house.touches())[-1] == Touch("release", RELEASE)


async def test_nothing_opens_before_its_date_however_well_its_requirements_are_met(house: House) -> None:
    await house.apply(a_gated_file(WMDP))
    await house.measured(0.1)

    for moment in (BEFORE, Moment(AFTER.earliest - 1, AFTER.latest + DAY)):
        house.moment = moment
        assert await house.openings.open_due(RELEASE) == ""
    house.moment = AFTER
    assert await house.openings.open_due(RELEASE) == "general"


async def test_of_many_processes_exactly_one_opens(house: House) -> None:
    await house.apply(a_gated_file(WMDP))
    await house.measured(0.1)
    house.moment = AFTER
    others = [
        Openings(house.database, Ledger(house.database, lambda: AFTER), stage_judging(house.judge)) for _ in range(6)
    ]

    opened = await asyncio.gather(*(each.open_due(RELEASE) for each in others))

    assert sorted(opened) == [""] * 5 + ["general"]
    assert len(await house.entries("stage:opened")) == 1


async def test_an_approval_from_before_a_result_that_came_and_went_counts_no_longer(house: House) -> None:
    await house.apply(a_gated_file(WMDP, "approvals: 1"))
    await house.measured(0.1)
    await house.approve(BEN)
    worse = await house.measured(0.9)
    await house.vouching.withdraw(ANN, worse.id, "the wrong file", house.moment)
    house.moment = AFTER

    assert await house.openings.open_due(RELEASE) == "", "who approved has not seen it"
    await house.approve(BEN)
    assert await house.openings.open_due(RELEASE) == "general"


async def test_evidence_that_was_withdrawn_counts_no_longer(house: House) -> None:
    await house.apply(a_gated_file(WMDP))
    evidence = await house.measured(0.1)
    house.moment = AFTER

    withdrawn = await house.vouching.withdraw(ANN, evidence.id, "contaminated", AFTER)

    assert (withdrawn.withdrawn_at, withdrawn.withdrawn_cause) == (AFTER.latest, "contaminated")
    assert await house.openings.open_due(RELEASE) == ""
    assert await house.missing() == ["no evidence of lm-eval wmdp_bio acc was added"]
    [entry] = await house.entries("evidence:withdrawn")
    assert entry["detail"]["cause"] == "contaminated"
    with pytest.raises(Conflict):
        await house.vouching.withdraw(ANN, evidence.id, "again", AFTER)
    with pytest.raises(NotFound):
        await house.vouching.withdraw(ANN, "evidence_0", "never", AFTER)


async def test_evidence_is_kept_with_its_files_digest_its_tool_and_who_vouches(house: House) -> None:
    await house.apply(a_gated_file(WMDP))
    evidence = await house.measured(0.34)

    [kept] = await house.vouching.evidence(release=RELEASE, after="", limit=5)
    assert kept == evidence
    assert (kept.vouched_by, kept.snapshot, kept.findings.suite) == ("ann", OURS, "lm-eval")
    [entry] = await house.entries("evidence:added")
    assert entry["actor_key"] == "ann" and entry["detail"]["files"] == [f"results.json {kept.files['results.json']}"]
    assert await house.vouching.evidence(release="acme/other", after="", limit=5) == []


async def test_evidence_needs_a_release_and_a_snapshot_and_no_two_of_them(house: House) -> None:
    own = msgspec.json.encode(
        {
            "evidence": "release-gateway/1",
            "suite": "red-team",
            "snapshot": OURS,
            "measurements": [{"task": "t", "metric": "m", "value": 1}],
        }
    )
    files = {"own.json": own}
    findings = read_evidence(files)

    with pytest.raises(NotFound):
        await house.vouching.add(ANN, Submission(release="acme/none", snapshot="", files=files), findings, BEFORE)
    with pytest.raises(Invalid, match="another snapshot"):
        await house.vouching.add(ANN, Submission(release=RELEASE, snapshot=THEIRS, files=files), findings, BEFORE)
    unsaid = msgspec.structs.replace(findings, snapshot="")
    with pytest.raises(Invalid, match="which snapshot"):
        await house.vouching.add(ANN, Submission(release=RELEASE, snapshot="", files=files), unsaid, BEFORE)
    assert await house.entries("evidence:added") == []


async def test_a_published_document_is_kept_word_for_word(house: House) -> None:
    await house.apply(a_gated_file("{document: model-card}"))
    files = {"card.md": b"# Atlas\n"}
    submission = Submission(release=RELEASE, snapshot=OURS, files=files)
    house.moment = AFTER

    before = await house.openings.open_due(RELEASE)
    evidence = await house.vouching.add(ANN, submission, read_evidence(files, document="model-card"), AFTER)

    assert (before, await house.openings.open_due(RELEASE)) == ("", "general")
    assert await house.catalogue.document(evidence.files["card.md"]) == b"# Atlas\n"


async def test_an_approval_is_void_when_the_evidence_it_was_given_on_changes(house: House) -> None:
    await house.apply(a_gated_file(WMDP, "{approvals: 1}"))
    await house.approve(ANN)
    house.moment = AFTER

    await house.measured(0.1)

    assert await house.openings.open_due(RELEASE) == ""
    assert await house.missing() == ["0 of 1 approval; 1 given before the evidence changed no longer count"]
    await house.approve(ANN)
    assert await house.openings.open_due(RELEASE) == "general"


async def test_an_approval_goes_with_whoever_gave_it_until_the_stage_is_open(house: House) -> None:
    await house.apply(a_gated_file("{approvals: 1}"))
    await house.approve(ANN)
    given_at = house.moment.latest
    house.moment = at(given_at + 1)

    async def leave() -> list[Act]:
        def work(connection: Connection) -> tuple[list[Act], list[Act]]:
            acts = withdraw_stage_approvals(connection, [ANN.key, "unknown"], "left", house.moment)
            return acts, acts

        return await house.ledger.administer(ANN, work)

    [taken_back] = await leave()
    missing = await house.missing()
    stage = (await house.standing()).digest
    then = await house.database.read(lambda connection: approvals_by(connection, RELEASE, stage, given_at))
    assert await leave() == []
    house.moment = AFTER
    assert await house.openings.open_due(RELEASE) == ""

    await house.approve(ANN)
    assert await house.openings.open_due(RELEASE) == "general"
    assert await leave() == [], "what is open stays open, and so do the words by which it was opened"
    assert (taken_back.event, taken_back.subject) == (Event.APPROVAL_WITHDRAWN, stage)
    assert missing == ["0 of 1 approval"]
    assert [each.given_by for each in then] == [ANN.key], "what was so then was so"


async def test_an_approval_is_void_when_the_stage_changes_and_stands_when_it_does_not(house: House) -> None:
    await house.apply(a_gated_file("{approvals: 1}"))
    await house.approve(ANN)
    house.moment = AFTER

    await house.apply(a_gated_file("{approvals: 1}", "{incident_free: true}"))
    assert await house.missing() == ["0 of 1 approval"]
    await house.apply(a_gated_file("{approvals: 1}"))

    assert await house.openings.open_due(RELEASE) == "general"


async def test_whoever_wrote_the_stage_does_not_approve_it_before_or_after(house: House) -> None:
    await house.apply(a_gated_file("{approvals: 1}"))
    with pytest.raises(ChangeRefused) as refused:
        await house.approve(AUTHOR)
    await house.approve(ANN)
    later = a_gated_file(
        "{approvals: 1}", more="  - {name: last, opens: 2028-01-01T00:00:00Z, access: api, to: [public]}\n"
    )
    await house.apply(later, by=ANN)

    house.moment = AFTER
    assert refused.value.code == "self_approved"
    assert await house.openings.open_due(RELEASE) == "", "who approved has become an author"
    assert await house.missing() == ["0 of 1 approval"]


async def test_one_person_with_two_keys_is_one_person(house: House) -> None:
    await house.a_provider()
    for name, lineage in {
        "root": {},
        "ann": {"issued_by": "root"},
        "ann2": {"issued_by": "ann", "rotated_from": "ann"},
        "anns": {"issued_by": "ann2"},
        "ben": {"issued_by": "root"},
    }.items():
        await house.key(name, **lineage)  # type: ignore[arg-type]
    await house.apply(a_gated_file("{approvals: 2}"))
    await house.approve(ANN)

    for name, code in {
        "ann": "approved_already",
        "ann2": "approved_already",
        "anns": "related_to_approver",
        "root": "related_to_approver",
    }.items():
        with pytest.raises(ChangeRefused) as refused:
            await house.approve(Actor(key=name, organisation="provider"))
        assert refused.value.code == code
    assert await house.missing() == ["1 of 2 approvals"]
    await house.approve(BEN)
    assert await house.missing() == []


async def test_the_issuer_of_an_authors_key_is_taken_for_the_author(house: House) -> None:
    await house.a_provider()
    await house.key("root")
    await house.key("author", issued_by="root")
    await house.apply(a_gated_file("{approvals: 1}"))

    with pytest.raises(ChangeRefused):
        await house.approve(Actor(key="root", organisation="provider"))


async def test_two_keys_that_an_author_issued_are_no_two_approvers(house: House) -> None:
    await house.a_provider()
    for name, issuer in {"root": "", "author": "root", "one": "author", "other": "author"}.items():
        await house.key(name, issued_by=issuer)
    await house.apply(a_gated_file("{approvals: 2}"))

    for name in ("one", "other"):
        with pytest.raises(ChangeRefused) as refused:
            await house.approve(Actor(key=name, organisation="provider"))
        assert refused.value.code == "related_to_author"
    house.moment = AFTER
    assert (await house.openings.open_due(RELEASE), await house.missing()) == ("", ["0 of 2 approvals"])


async def test_who_planned_a_stage_does_not_approve_it_whoever_brought_it_into_force(house: House) -> None:
    await house.a_provider()
    for name, issuer in {"root": "", "eve": "root", "dan": "root", "eves": "eve", "ann": "root"}.items():
        await house.key(name, issued_by=issuer)
    await house.applied_by_another(a_gated_file("{approvals: 1}"), planned_by="eve", applied_by="dan")

    for name in ("eve", "eves", "dan"):
        with pytest.raises(ChangeRefused):
            await house.approve(Actor(key=name, organisation="provider"))
    await house.approve(ANN)
    house.moment = AFTER
    assert await house.openings.open_due(RELEASE) == "general"


async def test_no_client_and_no_workload_approves_that_a_stage_opens(house: House) -> None:
    await house.a_provider()
    await house.key("client", is_client=True)
    await house.apply(a_gated_file("{approvals: 1}"))

    for name in ("client", "workload_" + "0" * 32):
        with pytest.raises(ChangeRefused) as refused:
            await house.approve(Actor(key=name, organisation="provider"))
        assert refused.value.code == "machine_cannot_agree"


async def test_nothing_opens_by_approvals_that_the_policies_do_not_count(house: House) -> None:
    await house.apply(a_gated_file("{approvals: 1}"))
    await house.approve(ANN)
    house.moment = AFTER
    refused = ChangeRefused([ChangeReason.APPROVALS_MISSING])

    async def stern(agreement: Agreement) -> GatewayError | None:
        return refused

    strict = Openings(house.database, house.ledger, stern)

    assert await strict.open_due(RELEASE) == ""
    assert await house.openings.open_due(RELEASE) == "general"


async def test_an_approval_of_what_somebody_saw_is_refused_when_it_has_changed(house: House) -> None:
    await house.apply(a_gated_file(WMDP, "{approvals: 1}"))
    seen = (await house.standing()).basis
    await house.measured(0.34)

    with pytest.raises(Conflict) as refused:
        await house.approve(ANN, basis=seen)
    await house.approve(ANN, basis=(await house.standing()).basis)

    assert refused.value.code == "stage_moved"
    assert len(await house.entries("approval:given")) == 1


async def test_only_a_stage_that_waits_is_approved(house: House) -> None:
    await house.apply(a_gated_file("{approvals: 1}"))

    for stage in ("internal", "none"):
        with pytest.raises((Conflict, NotFound)):
            await house.openings.approve(ANN, RELEASE, stage, BEFORE, word=WORD)
    with pytest.raises(NotFound):
        await house.openings.approve(ANN, "acme/none", "general", BEFORE, word=WORD)
    await house.approve(ANN)
    house.moment = AFTER
    await house.openings.open_due(RELEASE)
    with pytest.raises(Conflict, match="was opened at"):
        await house.approve(BEN)


async def test_of_approvals_racing_by_one_person_one_is_kept(house: House) -> None:
    await house.apply(a_gated_file("{approvals: 2}"))

    outcomes = await asyncio.gather(*(house.approve(ANN) for _ in range(6)), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ChangeRefused"] * 5 + ["NoneType"]
    assert await house.missing() == ["1 of 2 approvals"]


async def test_a_concurrence_opens_what_it_is_with_until_it_expires(house: House) -> None:
    await house.apply(a_gated_file("{concurrence: CAISI}"))
    given = Concurrence(
        id="concurrence_1", release=RELEASE, stage="", authority="CAISI", reference="letter 7",
        expires_at=AFTER.latest + DAY, given_at=BEFORE.latest, given_by="ann", organisation="provider",
    )  # fmt: skip
    house.moment = AFTER

    kept = await house.openings.concur(ANN, "general", given, AFTER, word=WORD)
    with pytest.raises(Invalid):
        await house.openings.concur(ANN, "general", given, at(AFTER.latest + DAY), word=WORD)

    assert kept.stage == (await house.standing()).digest
    house.moment = at(AFTER.latest + DAY)
    assert await house.openings.open_due(RELEASE) == ""
    house.moment = AFTER
    assert await house.openings.open_due(RELEASE) == "general"
    assert (await house.entries("concurrence:given"))[0]["detail"]["reference"] == "letter 7"


async def test_an_open_incident_keeps_a_stage_shut_until_it_is_closed(house: House) -> None:
    await house.apply(a_gated_file("{incident_free: true}"))
    incident = await house.incidents.open(ANN, RELEASE, "a jailbreak", BEFORE)
    house.moment = AFTER

    shut = (await house.openings.open_due(RELEASE), await house.missing())
    await house.incidents.close(BEN, incident.id, "fixed", AFTER)

    assert shut == ("", [f"{incident.id} is open"])
    assert await house.openings.open_due(RELEASE) == "general"
    [kept] = await house.incidents.incidents(release=RELEASE, after="", limit=5)
    assert (kept.closed_at, kept.closed_cause) == (AFTER.latest, "fixed")
    with pytest.raises(Conflict):
        await house.incidents.close(BEN, incident.id, "again", AFTER)
    with pytest.raises(NotFound):
        await house.incidents.open(ANN, "acme/none", "nothing", AFTER)


async def test_an_approval_from_before_an_incident_does_not_open_a_stage_once_that_is_over(house: House) -> None:
    await house.apply(a_gated_file("{approvals: 1}", "{incident_free: true}"))
    await house.approve(ANN)
    incident = await house.incidents.open(BEN, RELEASE, "a leak", BEFORE)
    await house.incidents.close(BEN, incident.id, "fixed", BEFORE)
    house.moment = AFTER

    assert await house.openings.open_due(RELEASE) == ""
    assert await house.missing() == ["0 of 1 approval; 1 given before the evidence changed no longer count"]
    await house.approve(ANN)
    assert await house.openings.open_due(RELEASE) == "general"


async def test_nothing_opens_while_everybody_is_narrowed_and_it_does_when_that_is_over(house: House) -> None:
    await house.apply(a_gated_file("{incident_free: true}"))
    house.moment = AFTER
    taken = await house.restraint.take(BEN, Order(release=RELEASE, verb=Verb.SUSPEND, cause="look"), AFTER)
    for_some = Order(release=RELEASE, verb=Verb.SUSPEND, scope="us_person", cause="look")
    await house.restraint.take(BEN, for_some, AFTER)

    shut = await house.openings.open_due(RELEASE), await house.missing()
    back = Order(release=RELEASE, verb=Verb.RESTORE, inverse_of=taken.id, cause="fine")
    await house.restraint.take(BEN, back, AFTER)

    assert shut == ("", [f"what it offers has been narrowed for everybody since {text_from(AFTER.latest)}"])
    assert await house.openings.open_due(RELEASE) == "general", "what is taken from some keeps nothing from the others"


async def test_a_component_that_it_does_not_offer_keeps_no_stage_from_opening_nor_its_soak_from_passing(
    house: House,
) -> None:
    await house.apply(a_gated_file("{soak: {days: 30}}", opens="2027-01-10T00:00:00Z"))
    house.moment = a_moment("2027-01-15T00:00:00Z")
    elsewhere = Order(release=RELEASE, verb=Verb.SUSPEND, scope="component = weights.final", cause="look")
    await house.restraint.take(BEN, elsewhere, house.moment)
    house.moment = a_moment("2027-02-04T00:00:00Z")
    own = Order(release=RELEASE, verb=Verb.SUSPEND, scope="component = inference.text", cause="look")
    taken = await house.restraint.take(BEN, own, house.moment)

    shut = await house.openings.open_due(RELEASE), await house.missing()
    back = Order(release=RELEASE, verb=Verb.RESTORE, inverse_of=taken.id, cause="fine")
    await house.restraint.take(BEN, back, house.moment)

    assert shut == ("", ["what it offers has been narrowed for everybody since 2027-02-04T00:00:00Z"])
    assert await house.openings.open_due(RELEASE) == "general"


async def test_the_time_for_which_everybody_was_narrowed_is_no_soak(house: House) -> None:
    await house.apply(a_gated_file("{soak: {days: 30}}", opens="2027-01-10T00:00:00Z"))
    house.moment = a_moment("2027-01-15T00:00:00Z")
    taken = await house.restraint.take(BEN, Order(release=RELEASE, verb=Verb.SUSPEND, cause="look"), house.moment)
    house.moment = a_moment("2027-01-25T00:00:00Z")
    back = Order(release=RELEASE, verb=Verb.RESTORE, inverse_of=taken.id, cause="fine")
    await house.restraint.take(BEN, back, house.moment)

    house.moment = a_moment("2027-02-13T23:59:59Z")
    early = await house.openings.open_due(RELEASE), await house.missing()
    house.moment = a_moment("2027-02-14T00:00:00Z")

    assert early == (
        "", ["29 of 30 days since 2027-01-05T00:00:00Z, without the time for which it was narrowed"]
    )  # fmt: skip
    assert await house.openings.open_due(RELEASE) == "general"


async def test_a_stage_soaks_in_the_stage_before_as_it_stands(house: House) -> None:
    await house.apply(a_gated_file("{soak: {days: 30}}", opens="2027-01-10T00:00:00Z"))

    house.moment = a_moment("2027-02-03T23:59:59Z")
    early = await house.openings.open_due(RELEASE)
    house.moment = a_moment("2027-02-04T00:00:00Z")

    assert early == ""
    assert await house.openings.open_due(RELEASE) == "general"


async def test_a_stage_before_that_has_changed_soaks_anew(house: House) -> None:
    await house.apply(a_gated_file("{soak: {days: 30}}", opens="2027-01-10T00:00:00Z"))
    house.moment = a_moment("2027-02-01T00:00:00Z")
    await house.apply(a_gated_file("{soak: {days: 30}}", opens="2027-01-10T00:00:00Z", snapshot=THEIRS))

    house.moment = a_moment("2027-03-02T23:59:59Z")
    early = await house.openings.open_due(RELEASE)
    house.moment = a_moment("2027-03-03T00:00:00Z")

    assert (early, await house.openings.open_due(RELEASE)) == ("", "general")


async def test_of_two_stages_that_wait_the_later_opens_after_the_earlier(house: House) -> None:
    later = "name: later, opens: 2027-07-01T00:00:00Z, access: api, to: [public]"
    more = f"  - {{{later}, opens_when: [{{incident_free: true}}]}}\n"
    await house.apply(a_gated_file("{approvals: 1}", more=more))
    house.moment = a_moment("2027-08-01T00:00:00Z")

    before = await house.openings.open_due(RELEASE)
    waiting = await house.openings.standing(await house.catalogue.get(RELEASE), house.moment)
    await house.approve(ANN)
    opened = [await house.openings.open_due(RELEASE) for _ in range(3)]

    assert (before, opened) == ("", ["general", "later", ""])
    assert waiting["later"].after == "general"
    assert await house.in_force() == "later"


async def test_a_stage_that_soaks_counts_the_calls_admitted_to_its_release_meanwhile(house: House) -> None:
    await house.apply(a_gated_file("{soak: {days: 30, calls: 5}}", opens="2027-01-10T00:00:00Z"))

    await house.admitted(9, "2027-01-04T00:00:00Z")
    await house.admitted(3, "2027-01-06T00:00:00Z")
    await house.admitted(9, "2027-01-07T00:00:00Z", release="acme/other")
    await house.admitted(9, "2027-01-08T00:00:00Z", event=Event.ACCESS_REFUSED)
    house.moment = a_moment("2027-02-03T00:00:00Z")
    early = await house.missing()
    house.moment = a_moment("2027-02-04T00:00:00Z")
    few = (await house.openings.open_due(RELEASE), await house.missing())
    await house.admitted(2, "2027-02-04T00:00:01Z")

    assert early == ["29 of 30 days since 2027-01-05T00:00:00Z"]
    assert few == ("", ["3 of 5 calls since 2027-01-05T00:00:00Z"])
    assert await house.openings.open_due(RELEASE) == "general"


async def test_calls_of_an_earlier_stage_are_none_of_the_share_before(house: House) -> None:
    soaking = "opens_when: [{soak: {days: 1, calls: 5}}]"
    content = f"""\
release: {RELEASE}
serves: {{inference: {{upstream: vllm, model: atlas}}}}
model: {{snapshot: {OURS}}}
audiences: {{staff: {{role: staff}}}}
stages:
  - {{name: internal, opens: 2027-01-05T00:00:00Z, access: closed, to: [staff]}}
  - {{name: few, opens: 2027-01-06T00:00:00Z, access: api, to: [public], canary: {{percent: 1, salt: few}}}}
  - {{name: general, opens: 2027-01-07T00:00:00Z, access: api, to: [public], {soaking}}}
"""
    await house.apply(read_release(content.encode(), DOCUMENTS))
    await house.admitted(20, "2027-01-06T01:00:00Z")
    await house.admitted(4, "2027-01-06T02:00:00Z", stage="few")
    house.moment = a_moment("2027-01-08T00:00:00Z")
    shut = await house.openings.open_due(RELEASE), await house.missing()
    await house.admitted(1, "2027-01-08T00:00:01Z", stage="few")

    assert shut == ("", ["4 of 5 calls since 2027-01-06T00:00:00Z"])
    assert await house.openings.open_due(RELEASE) == "general"


async def test_calls_while_everybody_was_narrowed_are_no_soak(house: House) -> None:
    await house.apply(a_gated_file("{soak: {days: 1, calls: 5}}", opens="2027-01-10T00:00:00Z"))
    await house.admitted(2, "2027-01-06T00:00:00Z")
    house.moment = a_moment("2027-01-07T00:00:00Z")
    taken = await house.restraint.take(BEN, Order(release=RELEASE, verb=Verb.SUSPEND, cause="look"), house.moment)
    await house.admitted(9, "2027-01-08T00:00:00Z")
    house.moment = a_moment("2027-01-09T00:00:00Z")
    back = Order(release=RELEASE, verb=Verb.RESTORE, inverse_of=taken.id, cause="fine")
    await house.restraint.take(BEN, back, house.moment)
    await house.admitted(2, "2027-01-10T00:00:00Z")

    shut = await house.openings.open_due(RELEASE), await house.missing()
    await house.admitted(1, "2027-01-11T00:00:00Z")

    assert shut == ("", ["4 of 5 calls since 2027-01-05T00:00:00Z"])
    assert await house.openings.open_due(RELEASE) == "general"


async def test_a_stage_under_a_misuse_budget_opens_by_a_count_whose_worst_lies_within_it(house: House) -> None:
    budget = "{misuse_budget: {domain: cyber, at_most: 0.001, window_days: 7, zero_tolerance: [jailbreak]}}"
    await house.apply(a_gated_file(budget, "{capacity: {of: requests_per_minute, at_least: 100, max_age_days: 30}}"))

    async def counted(confirmed: int, **events: int) -> None:
        house.moment = at(house.moment.latest + 1)
        until = house.moment.latest
        content = {
            "evidence": "release-gateway/1", "suite": "monitoring", "run_at": text_from(until),
            "capacities": [{"of": "requests_per_minute", "value": 100}],
            "misuse": [{"domain": "cyber", "since": text_from(until - 7 * DAY), "until": text_from(until),
                        "requests": 10_000, "confirmed": confirmed, "events": events}],
        }  # fmt: skip
        files = {"counts.json": msgspec.json.encode(content)}
        submission = Submission(release=RELEASE, snapshot=OURS, files=files)
        await house.vouching.add(ANN, submission, read_evidence(files), house.moment)
        house.moment = at(house.moment.latest + 1)

    house.moment = AFTER
    opened = [await house.openings.open_due(RELEASE)]
    for confirmed, events in ((5, {"jailbreak": 0}), (2, {}), (2, {"jailbreak": 1}), (2, {"jailbreak": 0})):
        await counted(confirmed, **events)
        opened.append(await house.openings.open_due(RELEASE))

    seen = await house.missing()
    house.moment = at(house.moment.latest + 7 * DAY)
    await counted(2, jailbreak=0)
    opened.append(await house.openings.open_due(RELEASE))

    assert opened == ["", "", "", "", "", "general"]
    assert len(seen) == 1 and "jailbreak was seen 1 time, and is not tolerated once" in seen[0]
