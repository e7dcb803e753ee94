"""What a command does on the installation where it runs."""

import subprocess
import sys
from pathlib import Path

SAYS = """\
from pathlib import Path
import structlog
from gateway.cli.here import settings_here
print(settings_here(Path("data")).data)
structlog.get_logger().warning("odd")
"""


def test_what_is_logged_beside_a_commands_answer_is_no_part_of_it() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SAYS],
        cwd=Path(__file__).parents[2],
        env={},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ran.stdout == "data\n"
    assert "odd" in ran.stderr
