"""The log's pages against a plain reading of the same entries, with every filter there is."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from models import database, log_page, log_retention, log_stats, master_list, organisation, person
from models.database import Connection, Cursor
from models.errors import Refused, Unknown
from models.log_entry import Entry, Key, Page
from models.log_page import ATTENTION, NEEDING_ATTENTION, OPERATIONS, PERIODS, RESULTS, Filters
from models.text import new_id

ENTRIES = 400


@dataclass
class Made:
    """A list with people and entries, and what was written as plain rows, newest first."""

    connection: Connection
    list_id: str
    people: dict[str, str]  # id by name
    rows: list[dict[str, Any]]

    def page(self, filters: Filters, **more: Any) -> Page:
        with database.transaction(self.connection, [self.list_id]) as cursor:
            return log_page.page(cursor, self.list_id, filters, **more)

    def walk(self, filters: Filters, count: int = 7) -> list[Page]:
        """Every page, oldest last."""
        pages = [self.page(filters, count=count)]
        while pages[-1].older:
            pages.append(self.page(filters, older=pages[-1].older, count=count))
        return pages

    def plain(self, filters: Filters) -> list[int]:
        """The same by reading everything."""
        since = PERIODS[filters.period]
        results = NEEDING_ATTENTION if filters.result == ATTENTION else (filters.result,)
        return [
            row["id"]
            for row in self.rows
            if (not since or row["at"] >= datetime.now(UTC) - since)
            and filters.operation in ("", row["operation"])
            and (not filters.result or row["result"] in results)
            and filters.person_id in ("", row["person_id"])
        ]


def new_list(cursor: Cursor, name: str) -> str:
    list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), name)
    master_list.ensure_fields(cursor, list_id, [("First Name", "text"), ("Last Name", "text")])
    database.allow(cursor, [list_id])
    return list_id


def write(cursor: Cursor, list_id: str, **row: Any) -> dict[str, Any]:
    """An entry, of an update that was applied unless it says otherwise."""
    columns = {
        "list_id": list_id, "at": datetime.now(UTC), "id": 1, "resource": "user", "operation": "update",
        "result": "applied", "request_id": new_id().replace("-", ""), "person_id": None, **row,
    }  # fmt: skip
    cursor.execute(
        f"insert into log_entry ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})",
        tuple(columns.values()),
    )
    return columns


@pytest.fixture
def made(connection: Connection) -> Made:
    """Four hundred entries of sixty days about three people, some at one moment; beside a list that is another's."""
    chance = random.Random(11)
    with database.transaction(connection) as cursor:
        list_id, other = new_list(cursor, "Staff"), new_list(cursor, "Students")
        database.allow(cursor, [list_id, other])
        people = {
            name: person.add(cursor, list_id, f"{name.lower()}.okafor", {"first_name": name, "last_name": "Okafor"})
            for name in ("Ada", "Bo", "Chidi")
        }
        moments = [datetime.now(UTC) - timedelta(days=60) * chance.random() ** 3 for _ in range(ENTRIES // 2)]
        rows = [
            write(
                cursor, list_id, at=moments[number % len(moments)], id=number,
                operation=chance.choice(OPERATIONS), result=chance.choice(RESULTS),
                person_id=chance.choice([*people.values(), None]),
            )
            for number in range(1, ENTRIES + 1)
        ]  # fmt: skip
        for number in range(20):
            write(cursor, other, id=10_000 + number, user_name="ada")
    rows.sort(key=lambda row: (row["at"], row["id"]), reverse=True)
    return Made(connection, list_id, people, rows)


def ids(entries: Sequence[Entry]) -> list[int]:
    return [entry.id for entry in entries]


def test_a_walk_with_any_filters_shows_what_a_plain_reading_shows(made: Made) -> None:
    choices = product(("", *OPERATIONS), ("", ATTENTION, *RESULTS), PERIODS, ("", made.people["Ada"]))
    for operation, result, period, who in choices:
        filters = Filters(operation, result, period, who)
        pages = made.walk(filters, count=50)

        assert [one for page in pages for one in ids(page.entries)] == made.plain(filters), filters


@pytest.mark.parametrize(
    "filters", [Filters(period="all"), Filters("update", ATTENTION, "all"), Filters(search="okafor")]
)
def test_the_way_back_shows_the_same_pages(made: Made, filters: Filters) -> None:
    pages = made.walk(filters)
    back = [pages[-1]]
    while back[-1].newer:
        back.append(made.page(filters, newer=back[-1].newer, count=7))

    whole = [ids(page.entries) for page in pages]
    # From the end the pages are full, and the first may be short; what they show in all is the same.
    assert [one for page in reversed(back) for one in ids(page.entries)] == [one for page in whole for one in page]
    assert pages[0].newer is None
    assert pages[-1].older is None
    assert len(pages) > 2


@pytest.mark.parametrize(
    ("search", "names"), [("ada", ["Ada"]), ("OKAFOR bo", ["Bo"]), ("okafor", ["Ada", "Bo", "Chidi"]), ("ok%for", [])]
)
def test_a_search_finds_the_entries_of_people_by_any_of_their_words(made: Made, search: str, names: list[str]) -> None:
    wanted = {made.people[name] for name in names}
    pages = made.walk(Filters(period="all", search=search), count=100)

    expected = [row["id"] for row in made.rows if row["person_id"] in wanted]
    assert [one for page in pages for one in ids(page.entries)] == expected


def test_a_search_finds_strangers_requests_and_ids(made: Made) -> None:
    with database.transaction(made.connection, [made.list_id]) as cursor:
        write(cursor, made.list_id, id=900, user_name="Zoe@north.example", request_id="0badcafe99aa")
        cursor.execute("update person set identity_id = id where list_id = %s", (made.list_id,))

    def found(search: str, **more: Any) -> list[int]:
        return ids(made.page(Filters(search=search, **more), count=ENTRIES).entries)

    assert found("zoe@") == [900]
    assert found("ZO") == [900]
    assert found("oe@") == []
    assert found("0BADCAFE") == [900]
    assert found("0bad") == []
    assert found("zoe", operation="create") == []
    assert found("zoe", result="applied") == [900]
    ada = made.people["Ada"]
    assert found(ada, period="all") == made.plain(Filters(period="all", person_id=ada))
    assert found("ada", period="all", person_id=made.people["Bo"]) == []
    assert found("ADA.okafor", period="all", person_id=ada) == made.plain(Filters(period="all", person_id=ada))


def test_a_search_that_means_too_many_people_says_so(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.log_search.MOST_PEOPLE", 2)

    assert made.page(Filters(search="okafor")).partial
    assert not made.page(Filters(search="chidi")).partial


def test_new_entries_are_counted_as_far_as_they_match(made: Made) -> None:
    with database.transaction(made.connection, [made.list_id]) as cursor:
        since = log_page.newest(cursor, made.list_id)
        assert since is not None
        for number in range(3):
            write(cursor, made.list_id, id=950 + number, operation="create")
        counts = [log_page.count_since(cursor, made.list_id, Filters(one), since) for one in ("", "create", "update")]

    assert counts == [3, 3, 0]


def test_a_search_for_a_user_without_a_person_begins_with_the_newest(made: Made) -> None:
    with database.transaction(made.connection, [made.list_id]) as cursor:
        for number in range(20):
            at = datetime.now(UTC) - timedelta(minutes=20 - number)
            write(cursor, made.list_id, at=at, id=900 + number, user_name="Zoe@x", result="rejected")

    pages = made.walk(Filters(search="zoe"), count=6)

    assert [ids(page.entries) for page in pages][:2] == [list(range(919, 913, -1)), list(range(913, 907, -1))]
    assert sum(len(page.entries) for page in pages) == 20


def test_one_entry_is_found_in_its_own_list_only(made: Made) -> None:
    with database.transaction(made.connection, [made.list_id]) as cursor:
        entry = log_page.find(cursor, made.list_id, made.rows[0]["id"]).entry
        with pytest.raises(Unknown):
            log_page.find(cursor, made.list_id, 10_001)

    assert (entry.id, entry.at, entry.operation) == tuple(made.rows[0][name] for name in ("id", "at", "operation"))


@pytest.mark.parametrize(
    "text", ["", "x", "1.", ".1", "1.x", "-1.1", "²1.1", "9" * 60 + ".1", "99999999999999999999.1"]
)
def test_a_key_that_we_did_not_write_is_none(text: str) -> None:
    assert Key.parse(text) is None


def test_a_key_is_read_as_it_was_written() -> None:
    key = Key(datetime(2026, 3, 1, 8, 0, 0, 123457, tzinfo=UTC), 2**40)

    assert Key.parse(str(key)) == key


def test_the_day_is_counted_by_hour_and_kind(connection: Connection) -> None:
    now = datetime(2026, 11, 25, 14, 20, tzinfo=UTC)
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
        kinds = [
            ("create", "applied", "user", 0), ("create", "partly_applied", "user", 0), ("update", "applied", "user", 3),
            ("update", "no_change", "user", 3), ("reactivate", "applied", "user", 3), ("delete", "applied", "user", 22),
            ("deactivate", "applied", "user", 22), ("create", "rejected", "user", 22),
            ("create", "applied", "group", 1), ("create", "waiting", "user", 1), ("request", "rejected", "request", 1),
            ("create", "applied", "user", 24),
        ]  # fmt: skip
        for number, (operation, result, resource, hours) in enumerate(kinds):
            at = now - timedelta(hours=hours, minutes=1)
            applied = at + timedelta(milliseconds=10 * (number + 1)) if result == "applied" else None
            write(
                cursor, list_id, id=number, at=at, operation=operation, result=result, resource=resource,
                applied_at=applied,
            )  # fmt: skip
        day = log_stats.day(cursor, list_id, now)

    told = {
        (14 - hour.begin.hour) % 24: (hour.created, hour.updated, hour.deactivated, hour.rejected) for hour in day.hours
    }
    assert {hour: counts for hour, counts in told.items() if any(counts)} == {
        0: (2, 0, 0, 0), 3: (0, 2, 0, 0), 22: (0, 0, 2, 1), 1: (0, 0, 0, 1),
    }  # fmt: skip
    assert (len(day.hours), day.count("created"), day.attention, day.since) == (24, 2, 4, None)
    assert (day.typical, day.slowest) == (timedelta(milliseconds=50), timedelta(milliseconds=90))


def test_a_day_with_too_many_entries_says_since_when_it_counts(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_stats, "MOST", 10)
    now = datetime.now(UTC)
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
        for number in range(25):
            write(cursor, list_id, id=number, at=now - timedelta(minutes=number + 1))
        day = log_stats.day(cursor, list_id, now)

    assert (day.count("updated"), day.since) == (10, now - timedelta(minutes=10))


def test_what_is_older_than_it_is_kept_is_purged_slice_by_slice(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_retention, "SLICE", 4)
    now = datetime.now(UTC)
    with database.transaction(connection) as cursor:
        staff, students = new_list(cursor, "Staff"), new_list(cursor, "Students")
        database.allow(cursor, [staff, students])
        for number, age in enumerate((1, 29, 31, 32, 33, 34, 35, 36, 37, 38, 400)):
            result = "waiting" if age == 37 else "rejected" if age == 38 else "applied"
            write(cursor, staff, id=number, at=now - timedelta(days=age), waits=age == 36, result=result)
            write(cursor, students, id=100 + number, at=now - timedelta(days=age))
        # Entry 9 is of a row that was set aside, and can still be retried.
        cursor.execute(
            "insert into set_aside (list_id, seq, lane, resource, resource_id, operation, request_id, accepted_at,"
            " error) values (%s, 9, 0, 'user', gen_random_uuid(), 'update', 'r', now(), 'x')",
            (staff,),
        )
        log_retention.keep(cursor, staff, 30)
        log_retention.keep(cursor, students, 365)
        overdue = set(log_retention.overdue(cursor))
        more = [log_retention.purge(cursor, staff) for _ in range(3)]
        log_retention.purge(cursor, students)
        left = dict(cursor.execute("select list_id, array_agg(id order by id) from log_entry group by 1").fetchall())
        nothing = log_retention.overdue(cursor)

    assert overdue == {staff, students}
    assert more == [True, False, False]
    assert left == {staff: [0, 1, 7, 8, 9], students: list(range(100, 110))}
    assert nothing == []


def test_the_log_is_kept_for_one_of_four_spans(connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
        assert log_retention.days(cursor, list_id) == 90
        with pytest.raises(Refused, match="choose one"):
            log_retention.keep(cursor, list_id, 7)
        log_retention.keep(cursor, list_id, 180)

        assert log_retention.days(cursor, list_id) == 180


def test_months_that_are_over_and_empty_are_dropped(connection: Connection, owner_url: str) -> None:
    month = datetime.now(UTC).replace(day=1) - timedelta(days=31 * 14)
    name = f"log_entry_{month:%Y_%m}"
    with database.connect(owner_url) as owner:
        owner.execute(
            f"create table {name} partition of log_entry for values from ('{month:%Y-%m}-01') to ('{month:%Y-%m}-02')"
        )
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
        write(cursor, list_id, id=1, at=month.replace(day=1, hour=3))
        log_retention.drop_empty_months(cursor)
        kept = cursor.execute("select to_regclass(%s) is not null", (name,)).fetchone()
        log_retention.purge(cursor, list_id)
        log_retention.drop_empty_months(cursor)
        left = cursor.execute("select to_regclass(%s) is not null", (name,)).fetchone()

    assert (kept, left) == ((True,), (False,))
