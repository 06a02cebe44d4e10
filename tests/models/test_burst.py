"""Bursts of what connections send, and the rhythm that is learned of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from models import burst, database, watch
from models import connection as connections
from models.burst import Burst, Minute, Rhythm
from models.database import Connection
from tests.models.test_log_page import new_list, write

BEGAN = datetime(2026, 11, 25, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def list_id(connection: Connection) -> str:
    """A connected list."""
    with database.transaction(connection) as cursor:
        made = new_list(cursor, "Staff")
        connections.connect(cursor, made, "userName", "test")
        return made


def minute(list_id: str, ago: timedelta, lasting: timedelta = 5 * SECOND, **counts: int) -> Minute:
    """One that began so long ago."""
    first = datetime.now(UTC) - ago
    each = [0] * 60
    each[first.second] = counts.get("requests", 1)
    answers = {"answer_seconds": 0.5, "slowest_seconds": 0.1}
    return Minute(
        list_id, first.replace(second=0, microsecond=0), first, first + lasting,
        **{"requests": 1, **counts, **answers, "per_second": each},  # type: ignore[arg-type]
    )  # fmt: skip


def folded(connection: Connection, list_id: str, minutes: Sequence[Minute]) -> list[Burst]:
    with database.transaction(connection, [list_id]) as cursor:
        burst.note(cursor, minutes)
        return burst.fold(cursor, list_id)


def test_what_processes_have_counted_is_added_up(connection: Connection, list_id: str) -> None:
    one = minute(list_id, timedelta(minutes=30), requests=10, changes=8, failed=1)
    other = minute(list_id, timedelta(minutes=30) - SECOND, requests=5, changes=5)
    other.minute = one.minute

    (ended,) = folded(connection, list_id, [one, other])

    assert (ended.requests, ended.changes, ended.failed) == (15, 13, 1)
    assert (ended.started_at, ended.ended_at) == (one.first_at, other.last_at)
    assert ended.answer_seconds == 1.0
    assert ended.peak_per_second == 10


def test_a_pause_of_two_minutes_ends_a_burst(connection: Connection, list_id: str) -> None:
    minutes = [minute(list_id, timedelta(minutes=ago), requests=ago) for ago in (30, 29, 28, 20, 19)]

    ended = folded(connection, list_id, minutes)

    assert [one.requests for one in ended] == [87, 39]
    assert [round(one.duration / SECOND) for one in ended] == [125, 65]


def test_a_burst_goes_on_over_several_looks_and_its_minutes_are_gone(connection: Connection, list_id: str) -> None:
    first = folded(connection, list_id, [minute(list_id, timedelta(minutes=3), requests=3)])
    with database.transaction(connection, [list_id]) as cursor:
        left = cursor.execute("select count(*) from traffic").fetchone()
        lists = burst.due(cursor)
    second = folded(connection, list_id, [minute(list_id, timedelta(minutes=3) - 30 * SECOND, requests=4)])
    connection.execute("update burst set ended_at = ended_at - interval '5 minutes'")
    with database.transaction(connection, [list_id]) as cursor:
        late = burst.due(cursor)
    (ended,) = folded(connection, list_id, [])

    assert (first, second, left, lists, late) == ([], [], (0,), [], [list_id])
    assert ended.requests == 7
    assert not ended.open


def test_a_burst_that_nobody_ended_makes_room_for_the_next(connection: Connection, list_id: str) -> None:
    """As after an outage of the workers."""
    folded(connection, list_id, [minute(list_id, timedelta(minutes=3), requests=3)])
    connection.execute(
        "update burst set started_at = started_at - interval '9 minutes', ended_at = ended_at - interval '9 minutes'"
    )

    (ended,) = folded(connection, list_id, [minute(list_id, timedelta(minutes=3), requests=4)])

    assert (ended.requests, ended.open) == (3, False)
    open_ones = connection.execute("select requests from burst where open").fetchall()
    assert open_ones == [(4,)]


def test_how_fast_it_was_applied_is_told_of_its_own_entries(connection: Connection, list_id: str) -> None:
    now = datetime.now(UTC)
    begun = now - timedelta(minutes=30)
    with database.transaction(connection, [list_id]) as cursor:
        for number, milliseconds in enumerate((10, 20, 900)):
            at = begun + (number + 1) * SECOND
            write(cursor, list_id, id=number, at=at, applied_at=at + timedelta(milliseconds=milliseconds))
        write(cursor, list_id, id=9, at=begun - timedelta(hours=1), applied_at=now)

    (ended,) = folded(connection, list_id, [minute(list_id, timedelta(minutes=30), changes=3)])

    assert (ended.applied_typical, ended.applied_slowest) == (timedelta(milliseconds=20), timedelta(milliseconds=900))
    with database.transaction(connection, [list_id]) as cursor:
        found = burst.latest(cursor, list_id)
    assert found == ended


FORTY = timedelta(minutes=40)


@pytest.mark.parametrize(
    ("gaps", "period"),
    [
        ([40, 40, 40], FORTY),
        ([40, 41, 39, 40, 80], FORTY),  # one was missed
        ([40, 40], None),  # too few
        ([3, 90, 12, 45, 7], None),  # whenever somebody changes something
        ([4, 4, 4, 4], None),  # no cycle of an identity provider
    ],
)
def test_a_rhythm_is_learned_where_there_is_one(gaps: list[int], period: timedelta | None) -> None:
    starts = [BEGAN]
    for gap in gaps:
        starts.append(starts[-1] + timedelta(minutes=gap))

    found = burst.rhythm_of(starts)

    assert found == (Rhythm(period, starts[-1] + period) if period else None)


def figures(connection: Connection) -> dict[str, float]:
    with database.transaction(connection) as cursor:
        return {one.name: one.value for one in watch.ours(cursor)}


@pytest.mark.parametrize(("late", "quiet"), [(timedelta(minutes=19), 0), (timedelta(minutes=21), 1)])
def test_a_connection_is_quiet_when_an_expected_burst_does_not_come(
    connection: Connection, list_id: str, late: timedelta, quiet: int
) -> None:
    ago = [FORTY * number + FORTY + late for number in range(4)]
    folded(connection, list_id, [minute(list_id, one) for one in reversed(ago)])

    assert figures(connection)["connections_quiet"] == quiet
    with database.transaction(connection, [list_id]) as cursor:
        burst.note(cursor, [minute(list_id, timedelta(seconds=30))])
    assert figures(connection)["connections_quiet"] == 0


def test_a_connection_that_fails_for_the_most_part_is_at_risk_until_a_good_burst(
    connection: Connection, list_id: str
) -> None:
    folded(connection, list_id, [minute(list_id, timedelta(hours=2), requests=2000, failed=900)])
    risk = figures(connection)["connections_at_risk"]
    folded(connection, list_id, [minute(list_id, timedelta(hours=1), requests=100, failed=2)])

    assert (risk, figures(connection)["connections_at_risk"]) == (1, 0)


def test_the_oldest_bursts_make_room(connection: Connection, list_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burst, "KEPT", 3)

    folded(connection, list_id, [minute(list_id, timedelta(hours=hours)) for hours in range(6, 0, -1)])

    assert connection.execute("select count(*) from burst").fetchone() == (3,)
