"""What is asked all the time reads as many pages of a large list as of a small one."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from ingress.batches import OPTIONS
from ingress.lookup import SCAN_OPTIONS
from ingress.scim import query, schema
from ingress.scim.conditions import Compiler
from models import (
    acceptance,
    circle,
    database,
    identity,
    journal,
    log_page,
    log_search,
    person,
    person_page,
    provisioning_log,
    trouble,
)
from models.change import Accepted, Change, Request
from models.database import Cursor
from models.journal import Entry
from models.log_entry import Key
from models.log_page import Filters
from models.provisioning_log import LogEntry
from models.search import TRUE, Position, Search
from models.text import new_id
from ops import filling
from ops.embedded import Postgres
from ops.generating import user_name
from tests.conftest import _empty
from tests.models.test_log_page import new_list
from workers.app import DRAIN_OPTIONS

SMALL, LARGE = (2_000, 8_000), (20_000, 80_000)  # users and log entries; in the small one each page is full as well
TREES = 16  # pages, and half as many again: each index may be a level higher, of ten times as many users
# That any question may touch, the catalogue included: a walk over all lists is as long for the small one.
MOST = 3_000
BOTH = {"user": TRUE, "group": TRUE}
Ask = Callable[[Cursor, str, int], object]


class Counting(psycopg.Cursor[Any]):
    """Counts the pages that its statements touch, by carrying each out once more and taking that back."""

    pages = 0

    def execute(self, query: Any, params: Any = None, **more: Any) -> "Counting":
        with self.connection.transaction(force_rollback=True):
            super().execute(f"explain (analyze, buffers, timing off, format json) {query}", params, **more)
            row = self.fetchone()
        assert row
        plan = row[0][0]["Plan"] if not isinstance(row[0], str) else json.loads(row[0])[0]["Plan"]
        self.pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        super().execute(query, params, **more)
        return self


@pytest.fixture(scope="module")
def lists(postgres: Postgres, database_url: str, owner_url: str) -> Iterator[dict[str, int]]:
    """The small list and the large one, with how many users each has. Filled once: no question changes them."""
    made = {}
    with database.connect(database_url) as opened:
        for users, entries in (SMALL, LARGE):
            with database.transaction(opened) as cursor:
                list_id = new_list(cursor, f"{users}")
            filling.fill(database_url, owner_url, list_id, users, entries)
            made[list_id] = users
    yield made
    _empty(postgres.url("postgres"))


def pages(url: str, options: str, list_id: str, users: int, ask: Ask) -> int:
    """How many pages a question touches, on a connection of its own; it changes nothing."""
    with database.connect(url, "test", options=options) as opened, opened.transaction(force_rollback=True):
        database.allow(opened.cursor(), [list_id])
        with Counting(opened) as cursor:
            ask(cursor, list_id, users)
            return cursor.pages


def grown(lists: dict[str, int], url: str, options: str, asks: dict[str, Ask]) -> dict[str, tuple[int, int]]:
    """The questions that touch more pages of the large list, with how many of either."""
    (small, few), (large, many) = lists.items()
    found = {
        what: (pages(url, options, small, few, ask), pages(url, options, large, many, ask))
        for what, ask in asks.items()
    }
    assert all(one > 0 for one, _ in found.values()), found
    return {what: (one, other) for what, (one, other) in found.items() if other > min(one * 1.5 + TREES, MOST)}


def create(cursor: Cursor, list_id: str, users: int) -> None:
    document = {"userName": f"new.{users}", "externalId": "new", "emails": [{"value": "new@x"}], "active": True}
    change = Change(list_id, "create", Request("request"), lambda _: document)
    outcomes, _ = acceptance.accept(cursor, [change], {list_id: "userName"})
    assert isinstance(outcomes[0], Accepted)


def patch(cursor: Cursor, list_id: str, users: int) -> None:
    key = list_id, user_name(users // 2)
    found = identity.by_keys(cursor, "user_name_key", {key})[key]
    change = Change(
        list_id, "update", Request("request"), lambda present: {**(present or {}), "title": "Dean"}, found.id
    )
    outcomes, _ = acceptance.accept(cursor, [change], {list_id: "userName"})
    assert isinstance(outcomes[0], Accepted)


def test_what_ingress_asks_for_every_request(lists: dict[str, int], database_url: str) -> None:
    asks: dict[str, Ask] = {
        "look-up": lambda cursor, one, users: identity.by_keys(cursor, "user_name_key", {(one, user_name(users - 1))}),
        "create": create,
        "PATCH": patch,
    }

    assert grown(lists, database_url, OPTIONS, asks) == {}


def everybody(list_id: str) -> Search:
    return Search(list_id, {"user": TRUE})


def far(cursor: Cursor, list_id: str, users: int) -> None:
    (last,) = everybody(list_id).page(cursor.connection.cursor(), 1, skip=users - 20)
    found = everybody(list_id).page(cursor, 11, after=Position(last.value, last.id))
    assert len(found) == 11


def test_a_page_of_users_with_their_number(lists: dict[str, int], database_url: str) -> None:
    asks: dict[str, Ask] = {
        "how many": lambda cursor, one, users: everybody(one).count(cursor),
        "first page": lambda cursor, one, users: everybody(one).page(cursor, 10),
        "first page of users and groups": lambda cursor, one, users: Search(one, BOTH).page(cursor, 10),
        "a page by cursor, far down": far,
    }

    assert grown(lists, database_url, SCAN_OPTIONS, asks) == {}


def filtered(cursor: Cursor, list_id: str, users: int, text: str) -> None:
    node = query.parse(text.format(name=user_name(7)))
    search = Search(list_id, {"user": Compiler(list_id, schema.USER, lambda urn, name: True).condition(node)})
    assert search.count(cursor) == len(search.page(cursor, 10)) == 1


def test_filters_that_an_index_answers(lists: dict[str, int], database_url: str) -> None:
    texts = (
        'userName eq "{name}"', 'externalId eq "fill-7"', 'emails.value eq "{name}"', 'userName sw "{name}"',
        'emails[type eq "work"].value eq "{name}"',
    )  # fmt: skip

    assert grown(lists, database_url, OPTIONS, {text: partial(filtered, text=text) for text in texts}) == {}


def drain(cursor: Cursor, list_id: str, users: int) -> None:
    """A row of the journal, and what its drain reads and writes."""
    resource = new_id()
    document = json.dumps({"userName": "new"})
    lanes = journal.append(cursor, [Entry(list_id, resource, "create", document, None, None, "request", None)])
    assert journal.lock(cursor, lanes) == lanes
    events = journal.claim(cursor, lanes, 500)
    name = user_name(users // 3)
    (known,) = person.lock_matching(cursor, [(list_id, resource)], [(list_id, "fill-7")], [(list_id, user_name(7))])
    known.put["title"] = name
    person.write(cursor, [known, person.Person(list_id, new_id(), "new", "new", None, resource, True, {})])
    provisioning_log.supersede(cursor, [(list_id, resource, events[0].seq, "request")])
    provisioning_log.write(cursor, [LogEntry(event, "applied", person_id=known.id) for event in events])
    journal.settle(cursor, events)


def waits(cursor: Cursor, list_id: str, users: int) -> None:
    """A user begins to wait for a UID, which is freed."""
    key = list_id, user_name(users // 2)
    found = identity.by_keys(cursor, "user_name_key", {key})[key]
    identity.set_waiting(cursor, {(list_id, found.id): "uid_held"})
    assert len(identity.reapply_waiting(cursor, {key})) == 1


def test_what_a_drain_reads_and_writes(lists: dict[str, int], database_url: str) -> None:
    asks: dict[str, Ask] = {
        "drain": drain,
        "the entry that waits": lambda cursor, one, users: provisioning_log.latest_wait(cursor, one, new_id()),
        "who begins to wait": waits,
        "whom one waits for": lambda cursor, one, users: circle.ahead(cursor, {(one, user_name(users // 2))}),
    }

    assert grown(lists, database_url, DRAIN_OPTIONS, asks) == {}


def log(cursor: Cursor, list_id: str, users: int, **filters: str) -> None:
    first = log_page.page(cursor, list_id, Filters(**{"period": "all"} | filters))
    if first.older:
        log_page.page(cursor, list_id, Filters(**{"period": "all"} | filters), first.older)


def news(cursor: Cursor, list_id: str, users: int, days: int) -> None:
    since = Key(datetime.now(UTC) - timedelta(days=days), 1)
    log_page.count_since(cursor, list_id, Filters(), since)


def test_pages_of_the_log(lists: dict[str, int], database_url: str) -> None:
    asks: dict[str, Ask] = {
        "all time": log,
        "rejected": partial(log, result="rejected"),
        "deactivated": partial(log, operation="deactivate"),
        "rejected updates": partial(log, operation="update", result="rejected"),
        "the last week": partial(log, period="7d"),
        "what is new since an hour": partial(news, days=0),
        "what is new on a page that was left open for weeks": partial(news, days=40),
        "where it ends": lambda cursor, one, users: log_page.newest(cursor, one),
    }

    assert grown(lists, database_url, "-c plan_cache_mode=force_custom_plan", asks) == {}


def test_pages_of_people(lists: dict[str, int], database_url: str) -> None:
    def page(cursor: Cursor, list_id: str, users: int, status: str, after: bool) -> None:
        person_page.page(cursor, list_id, status, "", "d" if after else None, None)

    asks: dict[str, Ask] = {
        f"{status}{', further down' if after else ''}": partial(page, status=status, after=after)
        for status in ("all", "active", "inactive")
        for after in (False, True)
    }

    assert grown(lists, database_url, "-c plan_cache_mode=force_custom_plan", asks) == {}


def test_what_the_sweep_and_scrapes_ask(lists: dict[str, int], database_url: str) -> None:
    asks: dict[str, Ask] = {
        "late lanes": lambda cursor, one, users: trouble.note_late_lanes(cursor, 2.0),
        "backlog": lambda cursor, one, users: journal.backlog(cursor),
        "of a list": lambda cursor, one, users: journal.unapplied(cursor, one),
    }

    assert grown(lists, database_url, "", asks) == {}


def test_an_address_is_searched_for_by_what_stands_before_the_at_sign(lists: dict[str, int], database_url: str) -> None:
    def people(cursor: Cursor, list_id: str, users: int, text: str) -> None:
        page = person_page.page(cursor, list_id, "inactive", text, "a", None)
        assert [one.uid for one in page.rows] == [user_name(19)]

    def entries(cursor: Cursor, list_id: str, users: int, text: str) -> None:
        log_search.look_up(cursor, list_id, "", text)

    large = list(lists)[1], LARGE[0]
    for ask in (people, entries):
        whole, name = (
            pages(database_url, "-c plan_cache_mode=force_custom_plan", *large, partial(ask, text=text))
            for text in (user_name(19), user_name(19).partition("@")[0] + "@")
        )
        assert whole == name
