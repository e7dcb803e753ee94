"""Every part of one gateway: built here, once, top to bottom, started in that order and torn down in reverse."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import structlog
from sqlalchemy import Connection

from gateway import __version__
from gateway.access.admissions import Admissions
from gateway.access.awaited import Awaited
from gateway.access.census import Counting
from gateway.access.changing import Changing
from gateway.access.chasing import ReviewChaser
from gateway.access.concurrences.recording import Concurrences
from gateway.access.current import UNCERTAINTY_MAX_US, Current
from gateway.access.entrance import Entrance
from gateway.access.explaining import Explaining
from gateway.access.feed import GATEWAY, Feed
from gateway.access.foresight import Foresight
from gateway.access.gate import Gate
from gateway.access.grants import Holdings
from gateway.access.in_force import all_in_force
from gateway.access.judges.store import keep_policies
from gateway.access.judging import Judging
from gateway.access.leaving import withdraw_agreement
from gateway.access.limits import take_limits
from gateway.access.looking import keep_looking
from gateway.access.opening import Opener
from gateway.access.overdue import StageChaser
from gateway.access.places.asking import Places
from gateway.access.reach import Reach
from gateway.access.recording import closed_after_crash
from gateway.access.refusals import Refusals
from gateway.access.requests.chasing import RequestChaser
from gateway.access.requests.requesting import Requests
from gateway.access.review import Review
from gateway.access.reviewing import Reviewing
from gateway.access.snapshot import InForce
from gateway.access.usable import Usable
from gateway.chosen import issuers_of, judge_of, policies_of, providers_of
from gateway.clock import NEVER, SECOND, elapsed_us
from gateway.control.areas import Areas
from gateway.control.searching import Searching
from gateway.database.engine import open_database
from gateway.database.leisure import Leisure
from gateway.health import Readiness
from gateway.hub.resolve import ResolveDoor
from gateway.hub.weights import Weights
from gateway.identity.break_glass import BreakGlass
from gateway.identity.directory import Directory
from gateway.identity.keyring import Issued
from gateway.identity.logins.logging_in import LoggingIn
from gateway.identity.people.arriving import Limits
from gateway.identity.people.cookies import Cookies
from gateway.identity.people.registry import Registry
from gateway.identity.people.signing_in import SigningIn
from gateway.identity.peppers import Peppers, open_peppers
from gateway.identity.tokens.authority import Authority
from gateway.identity.tokens.believing import Believed
from gateway.identity.tokens.own import OwnIssuer
from gateway.identity.tokens.signing_keys import SigningKeys
from gateway.inference import fields
from gateway.inference.connector.exchanges import Connector
from gateway.inference.connector.upstreams import Upstream
from gateway.inference.door import ModelsDoor
from gateway.inference.relay import Relay
from gateway.ledger.acts import latest_by
from gateway.ledger.entries import Event
from gateway.ledger.index import Follower
from gateway.ledger.recovery import Recovery
from gateway.ledger.search import Search
from gateway.ledger.signing import open_signing_key
from gateway.ledger.store import Act, Ledger, Touch
from gateway.ledger.writer import Writer
from gateway.lookups import Lookup
from gateway.metrics import Metrics
from gateway.oauth.browsers import SessionBrowsers
from gateway.oauth.door import OAuthDoor
from gateway.releases.catalogue import Catalogue
from gateway.releases.evidence.incidents import Incidents
from gateway.releases.evidence.vouching import Vouching
from gateway.releases.openings import Openings
from gateway.releases.overdue.noting import OverdueReviews
from gateway.releases.restraint import Restraint
from gateway.settings import Settings

log = structlog.get_logger()

RECORD_DEADLINE_S = 0.9
"""With the judge's own limit, a caller hears within two seconds that nothing passes."""

FIRST_POLLS = 20
"""Readings of the clock to try at the start, on a machine too busy to be answered in time."""

TOKEN_KEYS_S = 0.5
"""How often the file of token keys is looked at."""

RECOVERY_S = 10.0
"""How often the calls of processes that died are looked for."""


class Installation:
    """Every part of one gateway, built in the order of the house; `running` starts and stops them."""

    bootstrap: Issued | None = None
    """The provider's first key, where this start has made it."""

    def __init__(
        self,
        settings: Settings,
        upstreams: Mapping[str, Upstream],
        show: Callable[[Issued], None] | None = None,
    ) -> None:
        """`show` is called with the provider's first key as soon as a first start has made it durable."""
        self.settings = settings
        self._show = show
        self.metrics = Metrics()
        self.current = Current(settings.revision_stale_s)
        self.database = open_database(settings.database)
        self.leisure = Leisure(settings.database)

        self.ledger = Ledger(self.database, self.current.clock.now)
        self.writer = Writer(self.ledger, take_limits, deadline_s=RECORD_DEADLINE_S, metrics=self.metrics)
        self.recovery = Recovery(self.ledger, take_limits, closed_after_crash)
        self.search = Search(self.leisure)
        self.searching = Searching()
        self.follower = Follower(self.database, lambda: self.writer.busy)

        self.signing_key = open_signing_key(settings.signing_key_path)
        peppers = open_peppers(settings.peppers_path)
        self.issuer = OwnIssuer(settings.issuer, SigningKeys(settings.token_keys_path), settings.token_s * SECOND)
        self.issuers = issuers_of(settings, self.metrics)
        self.directory = Directory(
            self.database, self.ledger, peppers, self.leisure, believed=Believed([self.issuer, *self.issuers])
        )
        self.authority = Authority(self.directory, self.ledger, self.issuer)
        self._let_people_in(peppers)
        self.entrance = Entrance(
            self.directory,
            self.current,
            self.metrics.turned_away,
            cookies=self.cookies,
            break_glass=BreakGlass(self.ledger, self.metrics.break_glass_used),
        )
        self.weight_files = Weights(settings.weights_path)
        self.catalogue = Catalogue(
            self.leisure,
            self.ledger,
            frozenset(upstreams),
            shelf=self.weight_files.lying,
            only_reviewed=settings.changes == "reviewed",
        )
        self.openings = Openings(self.database, self.ledger)
        self.vouching = Vouching(self.database, self.ledger)
        self.incidents = Incidents(self.database, self.ledger)
        self.restraint = Restraint(self.leisure, self.ledger, settings.narrowing_review_h)

        self.policies = policies_of(settings)
        self.judge = judge_of(settings, self.policies)
        self.judging = Judging(self.judge, self.metrics)
        self.changing = Changing(self.leisure, self.ledger, self.judge, asks_sign_in=bool(self.providers))
        self.requests = Requests(self.leisure, self.ledger, self.judge)
        self.reviewing = Reviewing(self.leisure, self.ledger, self.judge)
        self.foresight = Foresight(self.leisure, self.judging)
        self.admissions = Admissions(self.database, self.ledger, self.leisure)
        self.reach = Reach(self.leisure)
        self.explaining = Explaining(self.leisure, self.ledger, self.current, self.judging)
        self.counting = Counting(self.leisure, self.explaining)
        self.holdings: Lookup[str, Holdings] = Lookup(self.admissions.holdings, keeps=50_000)
        self.refusals = Refusals(settings.access_request_url)
        self.places = Places(self.database, self.ledger)
        self.concurrences = Concurrences(self.leisure, self.ledger)
        self.gate = Gate(
            self.current,
            self.directory,
            self.judging,
            self.holdings,
            self.writer,
            places=self.places,
            refusals=self.refusals,
            metrics=self.metrics,
        )
        self.usable = Usable(self.gate, self.current)
        self.review = Review(self.gate, self.directory, self.current, self.writer)
        self._look_again()
        self.feed = Feed(self.ledger, self.current, self.judging, self._in_force, (self.directory.drop, self._forget))

        self.connector = Connector(upstreams)
        self._open_doors(peppers.pseudonym)
        self.readiness = Readiness(self.current, self.judge, self.writer)

    def _let_people_in(self, peppers: Peppers) -> None:
        """The register of people, and their way in by the identity providers that the operator declared."""
        settings = self.settings
        self.people = Registry(self.directory, withdraw_agreement)
        self.providers = providers_of(settings, self.metrics)
        self.cookies = Cookies(settings.issuer)
        limits = Limits(settings.session_idle_s * SECOND, settings.session_s * SECOND)
        self.signing_in = SigningIn(self.providers, self.people, peppers, settings.issuer, limits)

    def _look_again(self) -> None:
        """Whatever comes due without anybody asking: stages that open, and what people were to do by a date."""
        self.opener = Opener(self.current, self.openings)
        self.awaited = Awaited(self.leisure, self.current)
        self.review_chaser = ReviewChaser(self.current, self.leisure, self.ledger)
        self.request_chaser = RequestChaser(self.current, self.leisure, self.ledger)
        self.stage_chaser = StageChaser(self.current, OverdueReviews(self.leisure, self.ledger))

    def _open_doors(self, pseudonym: Callable[[str, str], str]) -> None:
        relay = Relay(
            self.gate,
            self.connector,
            self.refusals,
            self.metrics,
            pseudonym=pseudonym,
            body_bytes_max=self.settings.request_bytes_max,
            extra_fields=fields.operators(self.settings.extra_fields),
        )
        self.models = ModelsDoor(self.entrance, self.usable, self.refusals, relay, self.metrics)
        self.oauth = self._where_to_sign_in()
        self.weights = ResolveDoor(self.entrance, self.gate, self.weight_files, self.metrics)

    def _where_to_sign_in(self) -> OAuthDoor:
        """Machines always do; the command line signs people in only where a provider was declared."""
        if not self.providers:
            return OAuthDoor(self.authority, self.current, self.metrics)
        logging_in = LoggingIn(self.database, self.directory, self.issuer)
        browsers = SessionBrowsers(self.directory, self.people, self.cookies, self.providers)
        return OAuthDoor(self.authority, self.current, self.metrics, logging_in, browsers)

    def areas(self) -> Areas:
        """What the control door reaches into."""
        return Areas(
            entrance=self.entrance,
            directory=self.directory,
            authority=self.authority,
            people=self.people,
            signing_in=self.signing_in,
            cookies=self.cookies,
            catalogue=self.catalogue,
            openings=self.openings,
            vouching=self.vouching,
            incidents=self.incidents,
            restraint=self.restraint,
            reach=self.reach,
            explaining=self.explaining,
            counting=self.counting,
            changing=self.changing,
            reviewing=self.reviewing,
            foresight=self.foresight,
            admissions=self.admissions,
            requests=self.requests,
            places=self.places,
            concurrences=self.concurrences,
            current=self.current,
            usable=self.usable,
            refusals=self.refusals,
            search=self.search,
            searching=self.searching,
            database=self.leisure,
        )

    @asynccontextmanager
    async def running(self, _app: object = None) -> AsyncIterator[None]:
        """Start every part, and stop them in reverse."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.close)
            stack.push_async_callback(self.leisure.close)
            stack.callback(self.weight_files.close)
            await self.judge.start()
            stack.push_async_callback(self.judge.stop)
            stack.push_async_callback(self.explaining.stop)
            await self.tell_the_time()
            await self.writer.start()
            stack.push_async_callback(self.writer.stop)
            await self.recovery.run(elapsed_us(), alone=self.database.dialect == "sqlite")
            _, moment = self.current.now()
            await self.record_start()
            self.bootstrap = await self.directory.bootstrap(moment)
            if self.bootstrap is not None and self._show is not None:
                self._show(self.bootstrap)  # before anything else can fail or be told to stop: it exists nowhere else
            await self.feed.poll()
            await self.follower.start()
            stack.push_async_callback(self.follower.stop)
            stack.push_async_callback(self.connector.close)
            stack.push_async_callback(self.directory.flush_last_used)
            self._follow_with_metrics()
            feeding = self.feed.run(self.review, self.settings.revision_poll_ms / 1000)
            chasers = (self.request_chaser, self.review_chaser, self.stage_chaser)
            watching = (self.opener.run(), self.awaited.run(), *(chaser.run() for chaser in chasers))
            asking = [issuer.keys.run(self.directory.tokens.drop_all) for issuer in self.issuers]
            asking += [provider.keys.run(lambda: None) for provider in self.providers.values()]
            following = keep_looking(self._follow_token_keys, TOKEN_KEYS_S, "token_keys_unread")
            for work in (feeding, *watching, self.directory.run(), following, *asking):
                _in_background(stack, work)
            if self.database.dialect != "sqlite":
                _in_background(stack, keep_looking(self._recover, RECOVERY_S, "recovery_failed"))
            yield

    async def tell_the_time(self) -> None:
        """Ask what is in force until an answer came fast enough to know the time by; the last answer has to do."""
        for _ in range(FIRST_POLLS):
            await self.feed.poll()
            if self.current.clock.now().uncertainty <= UNCERTAINTY_MAX_US:
                return

    async def record_start(self) -> None:
        """Say in the ledger that this process begins, and that other policies judge where they do; keep those."""
        policy = self.judge.policy
        detail = {"version": __version__, "judge": self.settings.judge, "policy": policy}
        started = Act(event=Event.GATEWAY_STARTED, subject=self.ledger.process, detail={**detail})

        def work(connection: Connection) -> tuple[None, list[Act]]:
            keep_policies(connection, self.policies, self.ledger.now().latest)
            judged_by = latest_by(connection, NEVER, Event.POLICY_CHANGED) or ""
            if judged_by == policy:
                return None, [started]
            changed, touched = {"previous": judged_by}, (Touch("policy", policy),)
            other = Act(event=Event.POLICY_CHANGED, subject=policy, detail={**changed}, touches=touched)
            return None, [started, other]

        await self.ledger.administer(GATEWAY, work)

    async def _follow_token_keys(self) -> None:
        """Notice that keys were rotated: what was signed by one that is gone is believed no more."""
        if self.issuer.keys.follow(self.current.clock.now()):
            self.directory.tokens.drop_all()

    async def _recover(self) -> None:
        """Close what other processes left open when they died."""
        await self.recovery.run(elapsed_us(), alone=False)

    async def _in_force(self) -> Mapping[str, InForce]:
        return await self.database.read(all_in_force)

    def _forget(self, kind: str, subject: str) -> None:
        if kind == "organisation":
            self.holdings.drop(subject)

    def _follow_with_metrics(self) -> None:
        self.metrics.follow(
            passages_open=lambda: len(self.gate.passages),
            writer_queue=lambda: self.writer.backlog,
            revision=lambda: self.current.snapshot.revision,
            revision_age_s=lambda: (self.current.age_us() or 0) / SECOND,
            clock_uncertainty_s=lambda: self.current.clock.now().uncertainty / SECOND,
            clock_steps=lambda: self.current.clock.steps,
            stages_waiting=self.awaited.stages,
            change_waiting_s=self.awaited.change_s,
            reviews_overdue=lambda: self.review_chaser.overdue,
            requests_open=lambda: self.request_chaser.standing.requests_open,
            requests_late=lambda: self.request_chaser.standing.requests_late,
            grants_to_recertify=lambda: self.request_chaser.standing.grants_to_recertify,
            stage_reviews_overdue=self.stage_chaser.count,
        )


def _in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
