"""How many requests a token may send, and an address that tries tokens which open nothing."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ingress.buckets import TooFast
from ingress.rates import Rates
from ingress.strangers import Strangers
from models.token import Holder
from ops import metrics
from tests.valkey import running_valkey

NOWHERE = "redis://127.0.0.1:1/0"
HOLDER = Holder("token", "aaaaaaaaaa", "sct_abcdefgh")
MOST, PROCESSES, TRIES = 1200, 3, 800  # a minute; each process tries so often


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(Path(tmp_path_factory.mktemp("v"))) as server:
        yield server.url()


async def tried(rates: Rates, times: int, at_once: int = 50) -> int:
    """How many of so many requests, some at once, may be sent."""

    async def one() -> int:
        taken = 0
        for _ in range(times // at_once):
            with suppress(TooFast):
                await rates.take(HOLDER)
                taken += 1
        return taken

    return sum(await asyncio.gather(*(one() for _ in range(at_once))))


def test_processes_count_a_token_together_to_a_twentieth(valkey: str) -> None:
    async def everybody() -> tuple[int, float]:
        began = time.monotonic()
        taken = await asyncio.gather(*(tried(Rates(valkey, MOST), TRIES) for _ in range(PROCESSES)))
        return sum(taken), time.monotonic() - began

    taken, seconds = asyncio.run(everybody())

    assert MOST * 0.95 <= taken <= MOST + seconds * MOST / 60 + 1


def test_without_valkey_requests_pass_and_are_counted() -> None:
    before = metrics.TOKENS_UNLIMITED._value.get()

    assert asyncio.run(tried(Rates(NOWHERE, 1), 50)) == 50
    assert metrics.TOKENS_UNLIMITED._value.get() - before == 50


def test_without_a_rate_nothing_is_asked() -> None:
    before = metrics.TOKENS_UNLIMITED._value.get()

    assert asyncio.run(tried(Rates(NOWHERE, 0), 50)) == 50
    assert metrics.TOKENS_UNLIMITED._value.get() == before


def test_an_address_that_tries_too_often_waits_in_every_process_that_it_tries(valkey: str) -> None:
    one, other = Strangers(valkey, "test", 2), Strangers(valkey, "test", 2)
    one.check(b"first", "192.0.2.1")
    one.failed("192.0.2.1")
    other.failed("192.0.2.1")

    with pytest.raises(TooFast, match="wait") as refused:
        other.check(b"another", "192.0.2.1")
    assert 1 <= refused.value.retry_after <= 30
    other.check(b"another", "192.0.2.2")
    one.failed("192.0.2.1")
    with pytest.raises(TooFast):
        one.check(b"another", "192.0.2.1")


def test_what_has_opened_something_is_not_held_up_by_others_at_its_address(valkey: str) -> None:
    strangers = Strangers(valkey, "known", 1)
    strangers.know(b"good")
    strangers.failed("2001:db8::1")

    strangers.check(b"good", "2001:db8::2")
    with pytest.raises(TooFast):
        strangers.check(b"bad", "2001:db8::2")  # of the same customer's network


def test_those_who_come_by_ipv4_to_a_socket_of_ipv6_are_not_one_customer(valkey: str) -> None:
    strangers = Strangers(valkey, "mapped", 1)
    strangers.failed("::ffff:192.0.2.1")

    strangers.check(b"bad", "::ffff:192.0.2.2")
    with pytest.raises(TooFast):
        strangers.check(b"bad", "192.0.2.1")


def test_without_valkey_no_address_waits() -> None:
    before, strangers = metrics.STRANGERS_UNCOUNTED._value.get(), Strangers(NOWHERE, "test", 1)
    for _ in range(3):
        strangers.failed("192.0.2.1")

    strangers.check(b"bad", "192.0.2.1")
    assert metrics.STRANGERS_UNCOUNTED._value.get() - before == 3
