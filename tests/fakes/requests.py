"""A release that takes requests for access, and answers that fit its form."""

from gateway.releases.components import Component
from tests.fakes.premises import Premises

GATED = "acme/gated"
SECRET = "canary-5c1f of Ms Example"
"""What people wrote, and nobody else may read."""

ANSWERS: dict[str, str | int | bool] = {"purpose": "To test a ward's triage.", "sector": "health-canary", "users": 40}

FORM = """\
requests:
  form:
    - {name: purpose, kind: text, label: "What do you want it for?", help: A sentence or two.}
    - {name: sector, kind: choice, choices: [health-canary, finance]}
    - {name: users, kind: number, at_least: 1, at_most: 1000}
    - {name: resells, kind: yes-no, required: false}
    - {name: site, kind: url, required: false}
"""


def asking_release(more: str = "", *, audience: str = "grant: required", form: bool = True) -> str:
    """Limited to whom a grant admits; `more` is the inside of a flow mapping that tells how requests are reviewed."""
    rules = {"grant_days": "60", "recertify_every_days": "30"}
    flow = [f"  {name}: {value}" for name, value in rules.items()]
    flow += [f"  {each.strip()}" for each in _apart(more)]
    asked = FORM + "\n".join(flow) + "\n" if form else ""
    return f"""\
release: {GATED}
serves: {{inference: {{upstream: simulated, model: gated}}}}
audiences: {{testers: {{{audience}}}}}
{asked}stages:
  - {{name: trusted, opens: 2024-01-01T00:00:00Z, access: limited, to: [testers], offers: [inference.text]}}
"""


async def usable(house: Premises, who: str, release: str = GATED) -> str:
    """yes, or the code of the refusal."""
    caller = house.callers[who]
    standing = (await house.areas.usable.standings(caller, release))[Component.TEXT]
    return "yes" if standing.decision.allow else standing.decision.reasons[0].value


def _apart(flow: str) -> list[str]:
    """The entries of a flow mapping, whose lists may hold commas."""
    entries, depth, current = [], 0, ""
    for character in flow:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            entries.append(current)
            current = ""
        else:
            current += character
    return [each for each in [*entries, current] if each.strip()]
