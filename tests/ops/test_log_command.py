"""`muster log`: one form whether it ends or follows, and what is said of lateness and of refusals that repeat."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from models import database
from models.database import Connection
from ops.commands import log
from tests.models.test_log_page import write
from tests.ops.test_cli import Muster, muster  # noqa: F401 - a fixture

AT = datetime(2026, 11, 25, 8, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.usefixtures("muster")


@pytest.fixture
def staff(connection: Connection) -> str:
    """A list whose log has a change that came late, one without a person, and a refusal that was sent seven times."""
    list_id: str = Muster().json("list", "create", "Staff")["list_id"]
    with database.transaction(connection, [list_id]) as cursor:
        write(cursor, list_id, id=1, at=AT, applied_at=AT + 39 * SECOND, user_name="ada@north.example")
        write(cursor, list_id, id=2, at=AT + SECOND, applied_at=AT + 1.012 * SECOND, detail="nobody")
        write(
            cursor, list_id, id=3, at=AT + 2 * SECOND, operation="request", result="rejected", repeats=7,
            detail="token revoked",
        )  # fmt: skip
    return list_id


def shown(*options: str) -> list[str]:
    """The lines, with one space between columns."""
    result = Muster().run("log", "Staff", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    return [re.sub(" +", " ", line) for line in result.stdout.splitlines()]


def test_an_entry_tells_how_long_it_took_and_how_often_it_came(staff: str) -> None:
    assert shown() == [
        "AT TOOK OPERATION RESULT TIMES PERSON DETAIL",
        "2026-11-25 08:00:02 - request rejected × 7 - token revoked",
        "2026-11-25 08:00:01 12 ms update applied - nobody",
        "2026-11-25 08:00:00 39.0 s update applied ada@north.example",
    ]


def test_following_has_the_same_form_oldest_first_and_ends_without_a_word(
    staff: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads, *entries = shown()
    monkeypatch.setattr("time.sleep", interrupted)

    assert shown("--follow") == [heads, *reversed(entries)]


def interrupted(_: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("options", "count"), [((), 10), (("--limit", "12"), 12), (("--limit", "0"), 0)])
def test_following_begins_with_the_last_ten_or_as_many_as_are_asked_for(
    staff: str, connection: Connection, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], count: int
) -> None:
    with database.transaction(connection, [staff]) as cursor:
        for number in range(4, 20):
            write(cursor, staff, id=number, at=AT + number * SECOND)
    monkeypatch.setattr("time.sleep", interrupted)

    heads, *entries = shown("--follow", *options)

    assert heads.startswith("AT")
    assert len(entries) == count


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0004, "0 ms"), (0.012, "12 ms"), (0.9996, "1.0 s"), (39, "39.0 s"), (150, "2.5 min"), (7_200, "2.0 h"),
     (260_000, "3.0 d")],
)  # fmt: skip
def test_a_span_is_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert log.span(timedelta(seconds=seconds)) == words
