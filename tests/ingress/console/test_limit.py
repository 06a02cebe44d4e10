"""How often somebody may try to sign in, counted in a real Valkey."""

from uuid import uuid4

import pytest

from ingress.console import limit
from ingress.console.limit import MOST, Limit
from ops.embedded import Valkey


@pytest.fixture
def account() -> str:
    """One that nobody has tried yet."""
    return f"{uuid4()}@north.example"


def tries(valkey: Valkey, account: str, address: str, count: int) -> list[bool]:
    """Which of so many tries one after the other are allowed."""
    return [Limit(valkey.url(), account, address).take() == 0 for _ in range(count)]


def test_a_few_tries_for_an_account_are_allowed(valkey: Valkey, account: str) -> None:
    assert tries(valkey, account, "192.0.2.1", MOST + 2) == [True] * MOST + [False] * 2
    assert tries(valkey, account, "192.0.2.2", 1) == [True]
    assert 0 < Limit(valkey.url(), account, "192.0.2.1").take() <= limit.WINDOW


def test_whoever_knows_the_password_begins_anew(valkey: Valkey, account: str) -> None:
    tries(valkey, account, "192.0.2.3", MOST - 1)
    known = Limit(valkey.url(), account, "192.0.2.3")
    known.take()
    known.give_back()

    assert tries(valkey, account, "192.0.2.3", MOST + 1) == [True] * MOST + [False]


def test_an_address_may_not_try_one_account_after_the_other(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "MOST_OF_ADDRESS", 3)

    allowed = [tries(valkey, f"{number}@x.example", f"2001:db8::{number}", 1)[0] for number in range(1, 6)]

    assert allowed == [True, True, True, False, False]  # one /64 is one address
    assert tries(valkey, "6@x.example", "2001:db8:0:1::1", 1) == [True]


def test_without_valkey_nobody_is_held_up(account: str) -> None:
    gone = Limit("redis://127.0.0.1:1/0", account, "192.0.2.1")
    gone.give_back()

    assert [gone.take() for _ in range(MOST + 1)] == [0] * (MOST + 1)
