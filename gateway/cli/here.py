"""The installation where a command runs, for commands that look at it or change it without asking a gateway."""

from pathlib import Path

from gateway.logs import set_up_logs
from gateway.settings import Settings


def settings_here(data: Path | None, checkpoints: Path | None = None) -> Settings:
    """The settings that `gateway serve` would have; what is given goes before the environment's. Raises GatewayError.

    What is logged from here on goes to standard error: a command's standard output is its answer.
    """
    settings = Settings.from_environment(
        data=None if data is None else str(data), checkpoints=None if checkpoints is None else str(checkpoints)
    )
    set_up_logs("warning", settings.log_format)
    return settings
