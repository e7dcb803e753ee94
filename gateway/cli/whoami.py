"""`gateway whoami`: who I am, what I may use now and from when, what I have used."""

from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.credential import login_file
from gateway.cli.environment import key_set
from gateway.cli.showing import ago, show_facts, show_json, wants_json, with_json
from gateway.spelling import counted


@click.command(name="whoami")
@with_json
def command() -> None:
    """Show who you are, what you may use now and from when, and what you have used."""
    me = ask("GET", "/me")
    if wants_json():
        return show_json(me)
    show_facts(_who(me))
    if key_set() and login_file().path.exists():
        click.echo("GATEWAY_KEY is set and goes before your sign-in: `unset GATEWAY_KEY` to act as that.", err=True)
    for release in me["releases"]:
        click.echo()
        show_facts(_facts(release))
    if me["requests"]:
        click.echo()
        show_facts((f"request {each['id']}", _asked(each)) for each in me["requests"])
    return None


def _who(me: Any) -> list[tuple[str, Any]]:
    """Who asks: somebody who signed in by their session, everybody else by the key or the token presented."""
    person, key = me["person"], me["key"]
    known = [("organisation", me["organisation"]), ("roles", me["roles"])]
    scopes = ("scopes", "not narrowed" if key["scopes"] is None else key["scopes"])
    if person is None:
        return [*known, ("key", key["id"]), *_token(key), ("expires", ago(key["expires_at"])), scopes]
    known = [("person", f"{person['name']} ({person['user_name']} at {person['provider']})"), *known]
    if person["session"] is None:
        return [*known, ("key", key["id"]), ("expires", ago(key["expires_at"])), scopes]
    signed_in = [("signed in", ago(person["signed_in_at"])), ("ends at the latest", ago(person["ends_at"]))]
    return [*known, *signed_in, ("session", person["session"]), scopes]


def _asked(request: Any) -> str:
    reason = f": {request['reason']}" if request["reason"] else ""
    answer = "; next: gateway request show" if request["state"] == "needs_info" else ""
    return f"{request['release']}, {request['state']}{reason}{answer}"


def _token(key: Any) -> list[tuple[str, Any]]:
    """What is told of a caller that presented a token: whose client it is, at which issuer."""
    if key["token"] is None:
        return []
    return [("token", key["token"]), ("issuer", key["issuer"]), ("client", key["client"])]


def _facts(release: Any) -> list[tuple[str, Any]]:
    used, limits = release["used"], release["limits"] or {}
    facts = [
        ("model", release["release"]),
        ("  open now", _open_now(release)),
        ("  usable now", release["components"]),
    ]
    for missing in release["missing"]:
        opens = "; the next stage waits for its requirements" if missing["waits_for_requirements"] else ""
        opens = f"; opens {ago(missing['opens_at'])}" if missing["opens_at"] else opens
        facts.append((f"  {missing['component']}", f"{missing['code']}: {missing['next_step']}{opens}"))
    facts += [(f"  terms {t['name']}", "accepted" if t["accepted"] else "not accepted") for t in release["terms"]]
    if release["waits_at"]:
        facts.append(("  in line", f"number {release['waits_at']} of those who wait"))
    if release["grant_ends_at"]:
        facts.append(("  grant until", ago(release["grant_ends_at"])))
    if release["recertify_by"]:
        facts.append(("  look again by", ago(release["recertify_by"])))
    facts.append(("  last minute", _of(used["requests_last_minute"], limits.get("requests_per_minute"), "request")))
    facts.append(("  today", counted(used["requests_today"], "request")))
    facts.append(("  tokens today", _of(used["tokens_today"], limits.get("tokens_per_day"), "token")))
    return facts


def _open_now(release: Any) -> str:
    if release["stage"] is None:
        return "no stage"
    closes = f", closes {ago(release['closes_at'])}" if release["closes_at"] else ""
    return f"{release['stage']} ({release['access']}){closes}"


def _of(used: int, limit: int | None, unit: str) -> str:
    return counted(used, unit) if limit is None else f"{used} of {counted(limit, unit)}"
