"""A person as kept: known by what a declared provider calls them, and never by a name that another may get later."""

import re
import secrets

import msgspec

from gateway.clock import Instant
from gateway.errors import Unauthenticated

PREFIX = "person_"
"""How the id of a person begins: no key's has an underscore."""

NAME_MAX = 255
_ID = re.compile(rf"{PREFIX}[0-9a-f]{{24}}")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One human being, however many sessions and keys they hold."""

    id: str
    organisation: str
    issuer: str
    """The provider that knows them, by the name under which the operator declared it."""
    subject: str | None
    """What that provider calls them, for ever; None until a person who was provisioned first signs in."""
    user_name: str
    """For people to read. Unique with one provider, whatever its letters' case."""
    external_id: str | None = None
    """What whoever provisioned them calls them."""
    display_name: str = ""
    created_at: Instant
    created_by: str
    """Public id of the key that provisioned them; empty where they came by signing in."""
    changed_at: Instant
    disabled_at: Instant | None = None
    disabled_cause: str | None = None
    is_disabled_by_hand: bool = False
    is_deactivated: bool = False
    """By whoever keeps the list of their provider's people."""
    removed_at: Instant | None = None
    """When they were taken off the list that a provider keeps; their names are erased, and nothing brings them back."""
    formerly: str | None = None
    """Under which id this human was first known here, where the list has entered them anew: they stay one party."""

    @property
    def active(self) -> bool:
        """Whether they may come in at all."""
        return self.disabled_at is None

    @property
    def is_barred(self) -> bool:
        """Whether somebody disabled them by hand, which no list undoes; so it is where nobody wrote down who did."""
        return self.disabled_at is not None and (self.is_disabled_by_hand or not self.is_deactivated)

    @property
    def is_listed_active(self) -> bool:
        """Whether whoever keeps the list would have them in."""
        return self.disabled_at is None or not self.is_deactivated

    @property
    def party(self) -> str:
        """Id of the human, however often the list has entered them."""
        return self.formerly or self.id

    def check_stands(self) -> None:
        """Raise Unauthenticated where the person was disabled."""
        if not self.active:
            raise off_the_list()


def off_the_list() -> Unauthenticated:
    """What somebody is told who may come in no more."""
    return Unauthenticated(
        "You have been taken off the list of people who may come in here.",
        code="person_disabled",
        next_step="Ask whoever keeps your organisation's accounts.",
    )


def nobody_vouches() -> Unauthenticated:
    """What somebody is told whose identity provider was taken out of the operator's declaration."""
    return Unauthenticated(
        "The identity provider that knows you is declared here no more.",
        code="provider_not_declared",
        next_step="Ask whoever runs the gateway.",
    )


def new_person_id() -> str:
    """The id of somebody who was not known before."""
    return PREFIX + secrets.token_hex(12)


def is_person_id(text: str) -> bool:
    """Whether a person could have this id."""
    return _ID.fullmatch(text) is not None
