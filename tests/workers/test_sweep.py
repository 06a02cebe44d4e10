"""The sweep: what was rung in vain is found, what cannot be applied is nursed and given up."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress

import pytest
from psycopg import errors

from models import database, trouble
from models.database import Connection
from models.journal import Lane
from ops import metrics
from tests.workers.conftest import Roster
from workers import provision, sweep
from workers.sweep import Sweep


class SilentBell:
    """A bell whose rings are written down, and heard or not."""

    def __init__(self, heard: bool = True) -> None:
        self.rung: list[Lane] = []
        self.heard = heard

    def ring(self, lanes: Iterable[Lane], insist: bool = False) -> bool:
        self.rung += lanes
        return self.heard

    def forget(self, list_id: str) -> bool:
        return self.heard

    def remap(self, list_id: str, job_id: str) -> bool:
        return self.heard

    def session(self, list_id: str, job_id: str) -> bool:
        return self.heard

    def fields(self, list_id: str, job_id: str) -> bool:
        return self.heard


@pytest.fixture(autouse=True)
def everything_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "LATE_SECONDS", 0.0)


def passes(connection: Connection, made: Sweep, count: int) -> None:
    """That many passes, as if a second lay between them."""
    for _ in range(count):
        with suppress(ConnectionError):
            made.once(connection)
        connection.execute("update lane_trouble set rung_at = rung_at - interval '1 second'")


def test_late_lanes_are_rung_again_whatever_the_bell_says(staff: Roster, database_url: str) -> None:
    user = staff.create("ada")
    bell = SilentBell()

    passes(staff.connection, Sweep(database_url, bell), 1)  # type: ignore[arg-type]

    assert bell.rung == [staff.lane(user)]


def test_without_a_bell_the_sweep_applies_late_rows_itself(staff: Roster, database_url: str) -> None:
    staff.create("ada")

    passes(staff.connection, Sweep(database_url, SilentBell(heard=False)), 1)  # type: ignore[arg-type]

    assert [one["uid"] for one in staff.people()] == ["ada"]


def test_a_lane_that_does_not_move_is_taken_alone_and_its_oldest_row_given_up(
    staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = staff.create("bad")
    staff.update(bad, title="Nurse")
    lane = staff.lane(bad)
    bell = SilentBell()
    made = Sweep(database_url, bell)  # type: ignore[arg-type]
    attempts: list[bool] = []

    def die(*_: object, **options: bool) -> provision.Settled:
        attempts.append(options["single"])
        raise ConnectionError

    monkeypatch.setattr(sweep, "provision", die)
    passes(staff.connection, made, trouble.RINGS_BEFORE_SINGLE)
    rung = list(bell.rung)
    passes(staff.connection, made, trouble.SINGLES_BEFORE_ASIDE + 1)

    assert rung == [lane] * trouble.RINGS_BEFORE_SINGLE
    assert attempts == [True] * trouble.SINGLES_BEFORE_ASIDE
    assert [entry[:2] for entry in staff.log()] == [("create", "rejected")]
    monkeypatch.undo()
    staff.connection.execute("delete from lane_trouble")
    staff.drain()
    assert [entry[:2] for entry in staff.log()] == [("create", "rejected"), ("update", "applied")]


def test_normal_drains_leave_a_lane_in_trouble_alone(staff: Roster) -> None:
    user = staff.create("ada")
    lane = staff.lane(user)
    staff.connection.execute(
        "insert into lane_trouble (list_id, lane, oldest_seq, rings, single) values (%s, %s, 1, 4, true)", lane
    )

    assert staff.drain(lane).entries == []
    assert staff.pending()


def test_a_lane_is_counted_once_a_second_however_many_processes_sweep(staff: Roster) -> None:
    staff.create("ada")
    with database.transaction(staff.connection) as cursor:
        first = trouble.note_late_lanes(cursor, 0)
        second = trouble.note_late_lanes(cursor, 0)

    assert [len(first), len(second)] == [1, 0]


def test_lanes_that_wait_for_their_turn_are_not_taken_for_stuck(
    staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given more late lanes than workers have come to yet
    monkeypatch.setattr(trouble, "MOST_DOUBTED", 2)
    users = [staff.create(f"user{number}") for number in range(40)]
    lanes = list(dict.fromkeys(map(staff.lane, users)))
    bell = SilentBell()

    passes(staff.connection, Sweep(database_url, bell), trouble.RINGS_BEFORE_SINGLE + 1)  # type: ignore[arg-type]

    # Then all are rung, and only the oldest are taken from the workers and tried alone
    assert set(bell.rung) == set(lanes)
    alone = staff.connection.execute("select list_id, lane from lane_trouble where single order by oldest_seq")
    assert [Lane(*row) for row in alone] == lanes[:2]


def test_a_pass_looks_at_so_many_late_lanes_the_oldest_first(
    staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "MOST_LATE", 3)
    lanes = list(dict.fromkeys(staff.lane(staff.create(f"user{number}")) for number in range(40)))
    bell = SilentBell()

    passes(staff.connection, Sweep(database_url, bell), 1)  # type: ignore[arg-type]

    assert bell.rung == lanes[:3]


def test_the_sweep_lives_and_ends_with_its_process(staff: Roster, database_url: str) -> None:
    staff.create("ada")
    made = Sweep(database_url, SilentBell(heard=False), seconds=0.01)  # type: ignore[arg-type]

    made.start()
    end = time.monotonic() + 10
    while staff.pending() and time.monotonic() < end:
        time.sleep(0.01)
    made.stop()

    assert not staff.pending()


def test_a_pass_that_fails_is_counted_and_the_next_one_tries_again(
    staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, again = metrics.SWEEP_FAILURES._value.get(), threading.Event()

    def fail(*_: object) -> None:
        if metrics.SWEEP_FAILURES._value.get() > tried:
            again.set()
        raise ConnectionError

    monkeypatch.setattr(Sweep, "once", fail)
    made = Sweep(database_url, SilentBell(), seconds=0.01)  # type: ignore[arg-type]
    made.start()
    came_again = again.wait(10)
    made.stop()

    assert came_again


def test_a_person_who_is_locked_for_long_costs_nobody_a_row(staff: Roster, database_url: str) -> None:
    user = staff.create("locked", title="Nurse")
    staff.drain()
    staff.update(user, title="Doctor")
    made = Sweep(database_url, SilentBell())  # type: ignore[arg-type]
    staff.connection.execute("set lock_timeout = 50")
    with database.connect(database_url) as other, other.transaction():
        other.execute("select from person where uid = 'locked' for update")
        passes(staff.connection, made, trouble.RINGS_BEFORE_SINGLE + 2 * trouble.SINGLES_BEFORE_ASIDE)

    passes(staff.connection, made, 1)

    assert [entry[:2] for entry in staff.log()] == [("create", "applied"), ("update", "applied")]
    assert staff.people()[0]["fields"]["Job Title"] == "Doctor"


def test_a_full_disk_costs_nobody_a_row(staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    staff.create("ada")
    made = Sweep(database_url, SilentBell())  # type: ignore[arg-type]

    def refuse(*_: object, **__: object) -> provision.Settled:
        raise errors.DiskFull

    with monkeypatch.context() as full:
        full.setattr(sweep, "provision", refuse)
        for _ in range(trouble.RINGS_BEFORE_SINGLE + 2 * trouble.SINGLES_BEFORE_ASIDE):
            with suppress(errors.DiskFull):
                passes(staff.connection, made, 1)
            staff.connection.execute("update lane_trouble set rung_at = rung_at - interval '1 second'")
    passes(staff.connection, made, 1)

    assert [entry[:2] for entry in staff.log()] == [("create", "applied")]


def test_a_lane_that_another_drain_holds_is_not_an_attempt(staff: Roster, database_url: str) -> None:
    user = staff.create("ada")
    made = Sweep(database_url, SilentBell())  # type: ignore[arg-type]
    with database.connect(database_url) as other, other.transaction():
        other.execute("select pg_advisory_xact_lock(%s)", (database.lock_key("lane", *staff.lane(user)),))
        passes(staff.connection, made, trouble.RINGS_BEFORE_SINGLE + 2 * trouble.SINGLES_BEFORE_ASIDE)

    passes(staff.connection, made, 1)

    assert [entry[:2] for entry in staff.log()] == [("create", "applied")]
