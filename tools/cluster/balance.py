"""Takes a gateway that takes connections and answers nothing out of nginx's list, and puts it back once it answers.

A gateway that says that it is not ready stays in: it refuses in the caller's own dialect, or serves to the end of its
drain. Only silence is worse than what it says.
"""

import http.client
import signal
import threading
from collections.abc import Mapping

from tools.cluster.layout import HOST, Layout
from tools.cluster.nginx import servers
from tools.cluster.parts import Part

EVERY_S = 0.5
ANSWER_S = 1.0
MISSES = 3
"""So many looks in a row without an answer, and a gateway is taken out."""


class Balance:
    """Looks at every gateway, and tells nginx."""

    def __init__(self, layout: Layout, nginx: Part) -> None:
        self._layout = layout
        self._nginx = nginx
        self._misses = dict.fromkeys(layout.ports.gateways, 0)
        self._out: set[int] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="balance", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            self._misses = {port: 0 if answers(port) else misses + 1 for port, misses in self._misses.items()}
            out = silent(self._misses)
            if out != self._out:
                self._out = out
                (self._layout.folder / "nginx" / "gateways.conf").write_text(servers(self._layout, out))
                self._nginx.send(signal.SIGHUP)


def silent(misses: Mapping[int, int]) -> set[int]:
    """The ports to be taken out."""
    return {port for port, count in misses.items() if count >= MISSES}


def answers(port: int) -> bool:
    """Whether the gateway there is not silent: it answers, whatever it says, or nobody listens, which nginx notices."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except TimeoutError:
        return False
    except OSError:
        return True
    except http.client.HTTPException:
        return True
    finally:
        connection.close()
    return True
