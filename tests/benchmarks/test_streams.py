"""The benchmark's own streams: what the paced server sends is what the client demands."""

import socket
import threading
from collections.abc import Iterator

import pytest

from benchmarks import streams
from benchmarks.contenders import Target
from benchmarks.paced import FRAME_BYTES, MARK, closing, frame
from benchmarks.peers.nginx import ANSWER_BYTES, fixed_answer


def stream_of(frames: int, end: bytes) -> bytes:
    body = frame() * frames + end
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


@pytest.fixture
def port() -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives one answer to every call: the one put into the list."""
    answer: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while connection.recv(65536):
                    connection.sendall(answer[0])

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], answer
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_the_upstreams_send_what_the_measurements_are_stated_for() -> None:
    sizes = len(frame()), len(frame(finish_reason="stop")), len(fixed_answer())

    assert sizes == (FRAME_BYTES, FRAME_BYTES, ANSWER_BYTES)
    assert frame().count(MARK.encode()) == 1
    assert MARK.encode() not in closing(100)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (stream_of(3, closing(3)), None),
        (stream_of(2, closing(3)), "2 frames of 3"),
        (stream_of(3, b""), "no end"),
        (stream_of(3, closing(3)).replace(b"200 OK", b"206 Some"), "status 206"),
        (stream_of(3, closing(3)).replace(b"200 OK", b"429 Later"), "status 429"),
    ],
)
def test_a_stream_counts_only_when_it_is_whole(port: tuple[int, list[bytes]], answer: bytes, fault: str | None) -> None:
    number, answers = port
    answers.append(answer)

    run = streams.load(Target(f"http://127.0.0.1:{number}", None), 1, 0.02, 3)

    assert run.streams >= 1
    assert all(fault is not None and said.endswith(fault) for said in run.faults)
    assert bool(run.faults) == (fault is not None)
