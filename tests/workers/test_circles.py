"""UIDs that change hands in a circle or a chain: all have what their IdP says, whichever row is applied first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations, count, permutations
from typing import Any

import pytest

from models import circle, database, guard, person
from models.change import Accepted
from models.circle import Key
from models.guard import Guard
from models.journal import LANES, Event, Lane, lane_of
from models.person import Person
from models.provisioning_log import LogEntry, Wait
from models.text import new_id
from tests.workers.conftest import MakeRoster, Roster
from tests.workers.test_provision import employee
from workers import applying, circles
from workers.provision import Settled

_numbers = count(1)


def create(staff: Roster, lane: int, number: str, **attributes: Any) -> str:
    """A user whose rows lie in this lane."""
    identity_id = next(one for one in iter(new_id, "") if lane_of(staff.list_id, one).number == lane)
    document = {"userName": f"user{next(_numbers)}", "active": True, **employee(number), **attributes}
    assert isinstance(staff.accept("create", document, identity_id), Accepted)
    return identity_id


def made(staff: Roster, size: int, inactive: Sequence[int] = ()) -> list[str]:
    """People E0, E1 …, each of a lane of its own, applied."""
    ids = [create(staff, number, f"E{number}", externalId=f"X{number}") for number in range(size)]
    for number in inactive:
        staff.update(ids[number], active=False)
    staff.drain()
    return ids


def drain(staff: Roster, order: Sequence[int]) -> None:
    """Drain lane by lane, then until nothing is left; it has to come to an end."""
    for number in order:
        staff.drain(Lane(staff.list_id, number))
    drains = 0
    while staff.pending() and drains < 20:
        staff.drain(*(Lane(staff.list_id, number) for number in range(LANES)))
        drains += 1
    assert not staff.pending()


def move_in_a_circle(staff: Roster, ids: Sequence[str], **attributes: Any) -> None:
    """Have each take the number of the next. The last one begins, who takes the first one's, who is inactive."""
    for number in reversed(range(len(ids))):
        staff.update(ids[number], **employee(f"E{(number + 1) % len(ids)}"), **attributes)


def waiting(staff: Roster) -> int:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        cursor.execute(
            "select count(*) from identity where list_id = %s and waiting_reason is not null", (staff.list_id,)
        )
        return int((cursor.fetchone() or (0,))[0])


def uids(staff: Roster) -> dict[str, str]:
    return {str(one["identity_id"]): one["uid"] for one in staff.people()}


def assert_moved(staff: Roster, ids: Sequence[str], wanted: Sequence[str]) -> None:
    """Everybody has this UID, nobody waits, and the log tells it."""
    assert uids(staff) == dict(zip(ids, wanted, strict=True))
    assert waiting(staff) == 0
    told = [(one["before"], one["after"]) for one in told_of(staff) if one["field"] == "UID" and one["before"]]
    assert sorted(told) == [(f"E{number}", one) for number, one in enumerate(wanted)]
    assert {result for _, result, _ in staff.log()} == {"applied"}


def told_of(staff: Roster) -> list[dict[str, Any]]:
    rows = staff.connection.execute("select changes from log_entry where list_id = %s", (staff.list_id,)).fetchall()
    return [change for (changes,) in rows for change in changes]


INACTIVE = [inactive for some in (1, 2, 3) for inactive in combinations(range(3), some) if inactive[0] == 0]
CIRCLES = [(2, (0,)), (2, (0, 1)), *((3, inactive) for inactive in INACTIVE), (4, (0,)), (4, (0, 2))]


@pytest.mark.parametrize("back", [False, True], ids=["stay-away", "come-back"])
@pytest.mark.parametrize(("size", "inactive"), CIRCLES)
def test_a_circle_of_which_some_are_inactive(
    make_roster: MakeRoster, size: int, inactive: tuple[int, ...], back: bool
) -> None:
    orders = list(permutations(range(size)))
    for order in [*(orders if size < 4 else orders[::5]), ()]:  # without an order, in one drain
        staff = make_roster("employeeNumber")
        ids = made(staff, size, inactive)
        move_in_a_circle(staff, ids, **({"active": True} if back else {}))

        drain(staff, order)

        assert_moved(staff, ids, [f"E{(number + 1) % size}" for number in range(size)])
        away = set() if back else {f"E{(number + 1) % size}" for number in inactive}
        assert {one["uid"] for one in staff.people() if not one["active"]} == away


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_circle_of_which_one_had_no_number_for_a_moment(make_roster: MakeRoster, order: tuple[int, ...]) -> None:
    staff = make_roster("employeeNumber")
    ids = made(staff, 3)
    staff.update(ids[0], **employee(None))
    staff.drain()  # the person keeps the number
    move_in_a_circle(staff, ids)

    drain(staff, order)

    assert uids(staff) == {one: f"E{(number + 1) % 3}" for number, one in enumerate(ids)}
    assert waiting(staff) == 0


@pytest.mark.parametrize("inactive", [(), (0,), (1,), (2,), (0, 2)])
def test_a_chain_whose_last_one_frees_a_number(make_roster: MakeRoster, inactive: tuple[int, ...]) -> None:
    for order in [*permutations(range(3)), ()]:
        staff = make_roster("employeeNumber")
        ids = made(staff, 3, inactive)
        for number in (2, 1, 0):
            staff.update(ids[number], **employee(f"E{number + 1}"))

        drain(staff, order)

        assert_moved(staff, ids, ["E1", "E2", "E3"])


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_whoever_waits_for_one_of_a_circle_is_not_in_its_way(make_roster: MakeRoster, order: tuple[int, ...]) -> None:
    staff = make_roster("employeeNumber")
    ids = made(staff, 4, inactive=(0, 3))
    staff.update(ids[3], **employee("E1"))  # as the first of the circle is to have
    move_in_a_circle(staff, ids[:3])

    drain(staff, order)

    assert uids(staff) == dict(zip(ids, ["E1", "E2", "E0", "E3"], strict=True))
    assert waiting(staff) == 1


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_circle_of_which_one_was_deleted_and_made_again(make_roster: MakeRoster, order: tuple[int, ...]) -> None:
    staff = make_roster("employeeNumber")
    ids = made(staff, 3)
    staff.delete(ids[0])
    for number in (2, 1):
        staff.update(ids[number], **employee(f"E{(number + 1) % 3}"))
    again = create(staff, 3, "E1", externalId="X0")

    drain(staff, order)

    assert uids(staff) == {again: "E1", ids[1]: "E2", ids[2]: "E0"}
    assert waiting(staff) == 0


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_circle_of_which_ones_deactivation_is_held(make_roster: MakeRoster, order: tuple[int, ...]) -> None:
    staff = make_roster("employeeNumber")
    ids = made(staff, 3)
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        guard.save(cursor, staff.list_id, Guard(enabled=True, percent=1, at_least=1))
    staff.update(ids[0], active=False)
    staff.drain()
    move_in_a_circle(staff, ids)

    drain(staff, order)

    assert uids(staff) == {one: f"E{(number + 1) % 3}" for number, one in enumerate(ids)}
    held = staff.connection.execute("select uid, active from person where held_seq is not null").fetchall()
    assert held == [("E1", True)]


def test_two_drains_that_apply_the_last_rows_of_a_circle_at_once(
    make_roster: MakeRoster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither would see that the other begins to wait: the second one waits for the people whom the first has read."""
    staff = make_roster("employeeNumber")
    ids = made(staff, 4, inactive=(0,))
    move_in_a_circle(staff, ids)
    for number in (1, 3):
        staff.drain(Lane(staff.list_id, number))
    settled: list[Settled] = []
    write = person.write

    def write_while_another_drains(*arguments: Any) -> None:
        if not settled:
            settled.append(Settled())
            with database.connect(database_url) as second:
                second.execute("set lock_timeout = 50")
                settled[0] = Roster(second, staff.list_id).drain(Lane(staff.list_id, 2))
        write(*arguments)

    monkeypatch.setattr(person, "write", write_while_another_drains)
    staff.drain(Lane(staff.list_id, 0))

    assert settled[0].entries == []
    assert waiting(staff) == 3
    drain(staff, [2])
    assert_moved(staff, ids, ["E1", "E2", "E3", "E0"])


def test_a_long_chain_is_looked_at_and_not_locked(make_roster: MakeRoster, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = make_roster("employeeNumber")
    ids = made(staff, 5)
    for number in reversed(range(5)):
        staff.update(ids[number], **employee(f"E{number + 1}"))
    locked: list[int] = []
    lock = person.lock_matching

    def noted(*arguments: Any) -> list[Person]:
        found = lock(*arguments)
        locked.append(len(found))
        return found

    monkeypatch.setattr(person, "lock_matching", noted)
    staff.drain(Lane(staff.list_id, 0))

    assert locked == [2]
    drain(staff, [])
    assert_moved(staff, ids, [f"E{number + 1}" for number in range(5)])


def test_nothing_more_is_asked_where_nobody_wants_the_uid_of_one_who_moves_on(
    make_roster: MakeRoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = make_roster("employeeNumber")
    ids = made(staff, 3)
    asked: list[set[Key]] = []
    ahead = circle.ahead

    def noted(cursor: database.Cursor, uid_keys: set[Key]) -> dict[Key, Key]:
        asked.append(uid_keys)
        return ahead(cursor, uid_keys)

    monkeypatch.setattr(circle, "ahead", noted)
    staff.update(ids[0], title="Nurse")
    staff.update(ids[0], **employee("E7"))
    staff.update(ids[1], **employee("E0"))
    staff.update(ids[2], active=False)
    create(staff, 4, "E2")
    drain(staff, [])
    assert asked == []

    staff.update(ids[0], **employee("E8"))
    staff.update(ids[1], **employee("E7"))
    drain(staff, [1, 0])
    assert asked == [{(staff.list_id, "e8")}]


@pytest.mark.parametrize(
    ("steps", "ends", "on_circles"),
    [
        ("", "a", ""),
        ("ab", "b", ""),
        ("aa", "", "a"),
        ("ab ba", "", "ab"),
        ("ab bc cb", "", "bc"),
        ("ab bc dc", "c", ""),
        ("ab bc ca de ef", "f", "abc"),
    ],
)
def test_steps_are_followed_to_their_end_or_round_a_circle(steps: str, ends: str, on_circles: str) -> None:
    followed = circles.follow({("", one[0]): ("", one[1]) for one in steps.split()}, [("", "a"), ("", "d")])

    assert tuple("".join(sorted(key for _, key in keys - {("", "d")})) for keys in followed) == (ends, on_circles)


@pytest.mark.parametrize(
    ("person_id", "uid", "changes", "told"),
    [
        ("P", "E0", [], []),
        ("P", "E1", [], [("E0", "E1")]),
        ("P", "E1", [("e1", "E1")], [("E0", "E1")]),  # moved on as the former holder wrote it
        ("Q", "E1", [], []),  # taken over: of another person nothing is told
        (None, "E1", [], []),
    ],
)
def test_an_entry_that_waited_tells_where_its_persons_uid_came_from(
    person_id: str | None, uid: str, changes: list[tuple[str, str]], told: list[tuple[str, str]]
) -> None:
    event = Event("staff", 0, 1, "user", "I", "reapply", {}, None, None, "reapply", None, datetime.now(UTC))
    happened = [{"field": "UID", "before": before, "after": after} for before, after in changes]
    entry = LogEntry(event, person_id=person_id, uid=uid, changes=happened)

    since = applying.since(Wait(1, "request", [], "P", "E0"), entry)

    assert [(one["before"], one["after"]) for one in since] == told
