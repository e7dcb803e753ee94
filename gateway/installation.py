"""Every part of one gateway: built here, once, top to bottom, for lifetime.py to start and to stop."""

from collections.abc import Callable, Mapping

import structlog

from gateway.access.admissions import Admissions
from gateway.access.affected import Affecting
from gateway.access.awaited import Awaited
from gateway.access.census import Counting
from gateway.access.changing import Changing
from gateway.access.chasing import ReviewChaser
from gateway.access.concurrences.recording import Concurrences
from gateway.access.current import Current
from gateway.access.entrance import Entrance
from gateway.access.explaining import Explaining
from gateway.access.feed import Feed
from gateway.access.foresight import Foresight
from gateway.access.gate import Gate
from gateway.access.grants import Holdings
from gateway.access.in_force import all_in_force
from gateway.access.judging import Judging
from gateway.access.leaving import withdraw_agreement
from gateway.access.limits import take_limits
from gateway.access.opening import Opener
from gateway.access.overdue import StageChaser
from gateway.access.places.asking import Places
from gateway.access.places.lapsing import PlaceChaser
from gateway.access.reach import Reach
from gateway.access.recording import closed_after_crash
from gateway.access.refusals import Refusals
from gateway.access.requests.chasing import RequestChaser
from gateway.access.requests.requesting import Requests
from gateway.access.review import Review
from gateway.access.reviewing import Reviewing
from gateway.access.snapshot import InForce
from gateway.access.stage_judging import stage_judging
from gateway.access.usable import Usable
from gateway.access.weighing import Weighing
from gateway.bundles import read_bundle_token
from gateway.chosen import issuers_of, judge_of, policies_of, providers_of, traces_of
from gateway.clock import SECOND
from gateway.control.areas import Areas
from gateway.control.searching import Searching
from gateway.database.engine import open_database
from gateway.database.leisure import Leisure
from gateway.drain import Drain
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
from gateway.identity.people.turned_away import TurningAway
from gateway.identity.peppers import Peppers, open_peppers
from gateway.identity.provisioning.roster import Roster
from gateway.identity.tokens.authority import Authority
from gateway.identity.tokens.believing import Believed
from gateway.identity.tokens.own import OwnIssuer
from gateway.identity.tokens.rates import SignInRates, TokenRates
from gateway.identity.tokens.signing_keys import SigningKeys
from gateway.inference import fields
from gateway.inference.connector.exchanges import Connector
from gateway.inference.connector.upstreams import Upstream
from gateway.inference.door import ModelsDoor
from gateway.inference.relay import Relay
from gateway.ledger.checkpoints.publishing import Checkpoints
from gateway.ledger.index import Follower
from gateway.ledger.recovery import Recovery
from gateway.ledger.search import Search
from gateway.ledger.signing import open_signing_key
from gateway.ledger.store import Ledger
from gateway.ledger.writer import Writer
from gateway.lookups import Lookup
from gateway.metrics import Metrics
from gateway.oauth.browsers import START, SessionBrowsers
from gateway.oauth.door import OAuthDoor
from gateway.releases.catalogue import Catalogue
from gateway.releases.evidence.incidents import Incidents
from gateway.releases.evidence.vouching import Vouching
from gateway.releases.openings import Openings
from gateway.releases.overdue.noting import OverdueReviews
from gateway.releases.restraint import Restraint
from gateway.scim.door import ScimDoor
from gateway.settings import Settings
from gateway.traces.observing import TracedWriter

log = structlog.get_logger()

RECORD_DEADLINE_S = 0.9
"""With the judge's own limit, a caller hears within two seconds that nothing passes."""


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
        self.show = show
        self.metrics = Metrics()
        self.drain = Drain(settings.drain_s)
        self.current = Current(settings.revision_stale_s)
        self.database = open_database(settings.database)
        self.leisure = Leisure(settings.database)

        self.ledger = Ledger(self.database, self.current.clock.now)
        self._record()
        self.recovery = Recovery(self.ledger, take_limits, closed_after_crash)
        self.search = Search(self.leisure)
        self.searching = Searching()
        self.follower = Follower(self.database, lambda: self.writer.busy)

        self.signing_key = open_signing_key(settings.signing_key_path)
        self.checkpoints = Checkpoints(self.leisure, self.signing_key)
        peppers = open_peppers(settings.peppers_path)
        self._know_who_asks(peppers)
        self.weight_files = Weights(settings.weights_path)
        self.catalogue = Catalogue(
            self.leisure,
            self.ledger,
            frozenset(upstreams),
            shelf=self.weight_files.lying,
            only_reviewed=settings.changes == "reviewed",
        )
        self.vouching = Vouching(self.database, self.ledger)
        self.incidents = Incidents(self.database, self.ledger)
        self.restraint = Restraint(self.leisure, self.ledger, settings.narrowing_review_h)

        self.policies = policies_of(settings)
        self.judge = judge_of(settings, self.policies)
        self.judging = Judging(self.judge, self.metrics)
        self.openings = Openings(
            self.database, self.ledger, stage_judging(self.judge, asks_sign_in=bool(self.providers))
        )
        self.changing = Changing(self.leisure, self.ledger, self.judge, asks_sign_in=bool(self.providers))
        self.requests = Requests(self.leisure, self.ledger, self.judge)
        self.reviewing = Reviewing(self.leisure, self.ledger, self.judge)
        self.foresight = Foresight(self.leisure, self.judging)
        self.admissions = Admissions(self.database, self.ledger, self.leisure)
        self.reach = Reach(self.leisure)
        self.affecting = Affecting(self.leisure, self.judging)
        self.explaining = Explaining(self.leisure, self.ledger, self.current, self.judging)
        self.counting = Counting(self.leisure, self.explaining)
        self.holdings: Lookup[str, Holdings] = Lookup(self.admissions.holdings, keeps=50_000)
        self.refusals = Refusals(settings.access_request_url)
        self.places = Places(self.database, self.ledger)
        self.concurrences = Concurrences(self.leisure, self.ledger)
        self.weighing = Weighing(self.current, self.directory, self.judging, self.holdings)
        self.gate = Gate(
            self.weighing,
            self.writer,
            places=self.places,
            refusals=self.refusals,
            metrics=self.metrics,
        )
        self.usable = Usable(self.weighing, self.current)
        self.review = Review(self.gate.passages, self.weighing, self.directory, self.current, self.writer)
        self._look_again()
        self.feed = Feed(self.ledger, self.current, self.judging, self._in_force, (self.directory.drop, self._forget))

        self.connector = Connector(upstreams)
        self._open_doors(peppers.pseudonym)
        self.readiness = Readiness(self.current, self.judge, self.writer, self.drain)

    def _record(self) -> None:
        """What writes the ledger, and lets calls be traced by what it is handed."""
        self.traces = traces_of(self.settings, self.ledger.process, self.metrics)
        writer = Writer if self.traces is None else TracedWriter
        self.writer = writer(self.ledger, take_limits, deadline_s=RECORD_DEADLINE_S, metrics=self.metrics)

    def _know_who_asks(self, peppers: Peppers) -> None:
        """Keys, tokens and whoever may issue them; people; and the one way in for all of them."""
        settings = self.settings
        self.issuer = OwnIssuer(settings.issuer, SigningKeys(settings.token_keys_path), settings.token_s * SECOND)
        self.issuers = issuers_of(settings, self.metrics)
        self.providers = providers_of(settings, self.metrics)
        self.directory = Directory(
            self.database,
            self.ledger,
            peppers,
            self.leisure,
            believed=Believed([self.issuer, *self.issuers]),
            providers=self.providers,
            withdraw=withdraw_agreement,
        )
        self.token_rates = TokenRates(settings.token_requests_per_client, settings.token_requests_per_source)
        self.sign_in_rates = SignInRates(settings.sign_in_requests_per_source)
        self.authority = Authority(self.directory, self.ledger, self.issuer, self.token_rates)
        self._let_people_in(peppers)
        self.entrance = Entrance(
            self.directory,
            self.current,
            self.metrics.turned_away,
            cookies=self.cookies,
            sign_in_at=START if self.providers else "",
            break_glass=BreakGlass(self.ledger, self.metrics.break_glass_used),
        )

    def _let_people_in(self, peppers: Peppers) -> None:
        """The register of people, and their way in by the identity providers that the operator declared."""
        settings = self.settings
        self.people = Registry(self.directory, withdraw_agreement)
        listing = [name for name, provider in self.providers.items() if provider.takes_a_list]
        self.roster = Roster(self.directory, listing, self.people.leave)
        self.cookies = Cookies(settings.issuer)
        limits = Limits(settings.session_idle_s * SECOND, settings.session_s * SECOND)
        self.turning_away = TurningAway(peppers)
        self.signing_in = SigningIn(
            self.providers, self.people, peppers, settings.issuer, limits, count=self.metrics.sign_in_ended
        )

    def _look_again(self) -> None:
        """Whatever comes due without anybody asking: stages that open, and what people were to do by a date."""
        self.opener = Opener(self.current, self.openings)
        self.awaited = Awaited(self.leisure, self.current)
        self.review_chaser = ReviewChaser(self.current, self.leisure, self.ledger)
        self.request_chaser = RequestChaser(self.current, self.leisure, self.ledger)
        self.place_chaser = PlaceChaser(self.current, self.leisure, self.ledger)
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
        self.scim = ScimDoor(self.entrance, self.roster, self.current, self.metrics, self.issuer.url)
        self.weights = ResolveDoor(self.entrance, self.gate, self.weight_files, self.metrics)

    def _where_to_sign_in(self) -> OAuthDoor:
        """Machines always do; the command line signs people in only where a provider was declared."""
        if not self.providers:
            return OAuthDoor(self.authority, self.current, self.metrics)
        logging_in = LoggingIn(self.database, self.directory, self.issuer, self.token_rates)
        browsers = SessionBrowsers(self.directory, self.people, self.cookies, self.turning_away, self.providers)
        return OAuthDoor(
            self.authority, self.current, self.metrics, logging_in, browsers, sign_in_rates=self.sign_in_rates
        )

    def areas(self) -> Areas:
        """What the control door reaches into."""
        return Areas(
            entrance=self.entrance,
            directory=self.directory,
            authority=self.authority,
            people=self.people,
            signing_in=self.signing_in,
            turning_away=self.turning_away,
            sign_in_rates=self.sign_in_rates,
            cookies=self.cookies,
            catalogue=self.catalogue,
            openings=self.openings,
            vouching=self.vouching,
            incidents=self.incidents,
            restraint=self.restraint,
            reach=self.reach,
            affecting=self.affecting,
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
            checkpoints=self.checkpoints,
            database=self.leisure,
        )

    @property
    def bundle_token(self) -> bytes | None:
        """What OPA servers show to be given the policies; None where nobody is."""
        return read_bundle_token(self.settings.bundle_token_file)

    async def _in_force(self) -> Mapping[str, InForce]:
        return await self.database.read(all_in_force)

    def _forget(self, kind: str, subject: str) -> None:
        if kind == "organisation":
            self.holdings.drop(subject)
