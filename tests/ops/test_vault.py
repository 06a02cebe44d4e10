"""Secrets that are kept sealed."""

import pytest

from ops.settings import WrongSetting, load
from ops.vault import Locked, Vault, new_key

SECRET = "8Q~a-client-secret"


def test_what_is_sealed_is_opened_by_its_key_alone() -> None:
    key = new_key()
    sealed = Vault([key]).seal(SECRET)

    assert SECRET.encode() not in sealed
    assert Vault([key]).open(sealed) == SECRET
    with pytest.raises(Locked, match="no key of MUSTER_SECRET_KEY opens it"):
        Vault([new_key()]).open(sealed)


def test_a_new_key_before_the_old_one_opens_both() -> None:
    old, new = new_key(), new_key()
    sealed = Vault([old]).seal(SECRET)

    renewed = Vault([new, old]).renew(sealed)

    assert Vault([new]).open(renewed) == SECRET


def test_without_a_key_nothing_is_kept() -> None:
    vault = Vault([])

    assert not vault.has_key
    with pytest.raises(Locked, match="MUSTER_SECRET_KEY is not set"):
        vault.seal(SECRET)
    with pytest.raises(Locked, match="MUSTER_SECRET_KEY is not set"):
        vault.open(b"")


def test_a_setting_that_is_no_key_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_SECRET_KEY", f"{new_key()}, almost-a-key")

    with pytest.raises(WrongSetting, match="number 2 is no key") as refused:
        load()

    assert "almost" not in str(refused.value)
