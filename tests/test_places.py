"""How many connections a process takes, and what the one too many is told."""

import resource
from collections.abc import Iterator

import pytest
import uvloop
from structlog.testing import capture_logs

from gateway.places import KEPT_BACK, Places, places_within, raise_limit
from tests.fakes.connection import line_to
from tests.test_reading import asked, echo


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    """This process's limits of file descriptors, put back afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_of_file_descriptors_is_raised_as_far_as_it_may_be(limits: tuple[int, int]) -> None:
    lowered = min(limits[0], limits[1] - 1, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowered, limits[1]))

    granted = raise_limit()

    assert granted == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > lowered


def test_connections_and_what_they_need_fit_into_the_descriptors() -> None:
    assert [places_within(count) for count in (10, 256, 1024)] == [1, (256 - KEPT_BACK) // 2, (1024 - KEPT_BACK) // 2]


def test_that_there_is_no_place_is_said_once_until_there_is_again() -> None:
    counted: list[int] = []
    places = Places(4, lambda: counted.append(1))

    with capture_logs() as logs:
        had = [places.has_room(taken) for taken in (3, 4, 4, 3, 4, 2, 4)]

    assert had == [True, False, False, True, False, True, False]
    assert len(counted) == 4
    assert [line["event"] for line in logs] == ["connections_exhausted"] * 2


@pytest.mark.parametrize("most", [0, 1])
def test_a_connection_for_which_there_is_no_place_is_told_so_and_closed(most: int) -> None:
    async def ask() -> bytes:
        async with line_to(echo, places=Places(most)) as line:
            if most:
                await line.say(asked("/"))
                return await line.hear(b"host>")
            return await line.hear()

    answer = uvloop.run(ask())

    assert answer.startswith(b"HTTP/1.1 200 " if most else b"HTTP/1.1 503 ")
    assert most or (b"connection: close" in answer and b'"too_many_connections"' in answer)
