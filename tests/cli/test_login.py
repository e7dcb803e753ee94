"""How `gateway login --device` waits: as often as it is told, and less often whenever that is too often."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gateway.cli import login
from gateway.cli.authority import Declined

STARTED = {
    "device_code": "rsgd_x",
    "user_code": "BCDF-GHJK",
    "verification_uri": "https://gateway.example/oauth/device",
    "expires_in": 600,
    "interval": 5,
}
TOKENS = {"access_token": "a", "refresh_token": "r", "expires_in": 600}


def waits(monkeypatch: pytest.MonkeyPatch, *told: str) -> list[float]:
    """How long it waits before each question, when this is told in turn and then the tokens."""
    answers: Iterator[Any] = iter([*(Declined(error, error) for error in told), TOKENS])
    waited: list[float] = []

    def ask(path: str, form: Mapping[str, str]) -> Any:
        if path == "/oauth/device_authorization":
            return STARTED
        assert form["device_code"] == "rsgd_x"
        answer = next(answers)
        if isinstance(answer, Declined):
            raise answer
        return answer

    monkeypatch.setattr(login, "ask_as_command_line", ask)
    monkeypatch.setattr(login.time, "sleep", waited.append)
    monkeypatch.setattr(login, "login_of", lambda answer: answer)
    assert login._on_another_device("control") == TOKENS
    return waited


def test_whoever_is_told_to_come_later_comes_later_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits(monkeypatch, "authorization_pending", "authorization_pending") == [5, 5, 5]
    assert waits(monkeypatch, "slow_down", "authorization_pending") == [5, 10, 10]
    assert waits(monkeypatch, "temporarily_unavailable", "temporarily_unavailable") == [5, 10, 15], "429 is no end"


def test_whoever_is_told_no_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Declined) as declined:
        waits(monkeypatch, "authorization_pending", "access_denied")

    assert declined.value.error == "access_denied"
