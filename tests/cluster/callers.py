"""What callers of a cluster ask, at its balancer or at one of its gateways."""

from tests.fakes.cluster import ClusterHouse

ROOMY = "requests_per_minute: 1000000, tokens_per_day: 1000000000"
"""Conditions that no test comes near."""


def call(house: ClusterHouse, url: str, model: str, token: str = "") -> int:
    """Status of a short call at one address."""
    asked = {"model": model, "messages": [{"role": "user", "content": "Me."}], "max_tokens": 5}
    with house.http(token or "developer") as client:
        return client.post(f"{url}/v1/chat/completions", json=asked).status_code
