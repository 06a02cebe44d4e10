"""The key of a `muster up`: made once, and another one where the environment names it."""

from pathlib import Path

import pytest

from ops.secret_key import handed_on
from ops.settings import WrongSetting
from ops.vault import Vault, new_key


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MUSTER_SECRET_KEY", "MUSTER_SECRET_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_a_key_is_made_once(tmp_path: Path) -> None:
    first = handed_on(tmp_path)
    key = (tmp_path / "secret_key").read_text()

    assert first == handed_on(tmp_path) == {"MUSTER_SECRET_KEY_FILE": str(tmp_path / "secret_key")}
    assert (tmp_path / "secret_key").read_text() == key
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert Vault([key.strip()]).has_key
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_key_that_was_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secret_key.new").write_text("half")

    handed_on(tmp_path)

    assert Vault([(tmp_path / "secret_key").read_text().strip()]).has_key


@pytest.mark.parametrize("by_file", [False, True])
def test_what_the_environment_names_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_file: bool) -> None:
    key, file = f"{new_key()},{new_key()}", tmp_path / "mine"
    file.write_text(f"{key}\n")
    told = {"MUSTER_SECRET_KEY_FILE": str(file)} if by_file else {"MUSTER_SECRET_KEY": key}
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    assert handed_on(tmp_path) == told
    assert not (tmp_path / "secret_key").exists()


def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret_key").write_text("nearly~a~key")
    with pytest.raises(WrongSetting, match="secret_key") as of_folder:
        handed_on(tmp_path)
    monkeypatch.setenv("MUSTER_SECRET_KEY", "nearly~a~key")
    with pytest.raises(WrongSetting, match="number 1 is no key") as of_environment:
        handed_on(tmp_path)

    assert "nearly" not in str(of_folder.value) + str(of_environment.value)
