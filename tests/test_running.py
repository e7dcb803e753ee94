"""What `gateway serve` refuses to start on."""

from pathlib import Path

import pytest

from gateway.errors import SettingsInvalid
from gateway.running import serve
from gateway.settings import Settings
from tests.fakes.house import open_house


@pytest.mark.parametrize("name", ["peppers_path", "signing_key_path"])
def test_what_belongs_to_a_database_in_use_is_missed_and_not_made_anew(tmp_path: Path, name: str) -> None:
    settings = Settings(data=tmp_path)
    with open_house(tmp_path):
        pass
    lost: Path = getattr(settings, name)
    lost.unlink()

    with pytest.raises(SettingsInvalid, match=lost.name):
        serve(settings)

    assert not lost.exists()
