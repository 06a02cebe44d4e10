"""What is looked up is found by its index under the serving role too: row-level security lets leakproof operators alone
look before it has. (How many pages that takes, of a large list as of a small one, is in `test_flat.py`.)"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from ingress.batches import OPTIONS
from ingress.lookup import SCAN_OPTIONS
from ingress.scim import query, schema
from ingress.scim.conditions import Compiler
from models import database, identity, log_page, log_search, person, person_page, provisioning_log
from models.database import Cursor
from models.log_page import Filters
from models.search import Search
from ops import filling
from ops.embedded import Postgres
from ops.generating import user_name
from tests.conftest import _empty
from tests.models.test_log_page import new_list, write
from workers.app import DRAIN_OPTIONS

USERS, ENTRIES = 6_000, 6_000
MOST = 400  # entries of an index, of a list that has 6,000 and more
NAME = user_name(4321)
CUSTOM = "-c plan_cache_mode=force_custom_plan"
Ask = Callable[[Cursor, str], object]
# Scans of an index, or of all of its parts, and the entries that they found, in the running transaction.
SCANS = (
    "select coalesce(sum(pg_stat_get_xact_numscans(i.oid)), 0)::int,"
    " coalesce(sum(pg_stat_get_xact_tuples_returned(i.oid)), 0)::int from (select %(index)s::regclass::oid as oid"
    " union select relid from pg_partition_tree(%(index)s::regclass)) i"
)


@pytest.fixture(scope="module")
def list_id(postgres: Postgres, database_url: str, owner_url: str) -> Iterator[str]:
    """A list among others, filled once."""
    with database.connect(database_url) as opened:
        for name in ("Others", "Staff"):
            with database.transaction(opened) as cursor:
                made = new_list(cursor, name)
                for number in range(300):
                    write(cursor, made, id=number + 1, operation="create", user_name=f"Stranger.{number}")
            filling.fill(database_url, owner_url, made, USERS, ENTRIES)
    yield made
    _empty(postgres.url("postgres"))


def filtered(cursor: Cursor, list_id: str, text: str, of: schema.Schema = schema.USER) -> None:
    condition = Compiler(list_id, of, lambda *_: True).condition(query.parse(text))
    found = Search(list_id, {"user": condition}).page(cursor, 10)
    assert len(found) == 1, text


def people(cursor: Cursor, list_id: str, search: str, status: str = "all") -> None:
    assert person_page.page(cursor, list_id, status, search, None, None).rows


def entries(cursor: Cursor, list_id: str, **filters: str) -> None:
    assert log_page.page(cursor, list_id, Filters(**{"period": "all"} | filters)).entries


def about(cursor: Cursor, list_id: str) -> None:
    found = log_page.page(cursor, list_id, Filters(period="all", operation="update")).entries
    entries(cursor, list_id, person_id=next(one.person_id for one in found if one.person_id))


def request(cursor: Cursor, list_id: str) -> None:
    [entry] = log_page.page(cursor, list_id, Filters(period="all"), count=1).entries
    entries(cursor, list_id, search=entry.request_id)


@pytest.mark.parametrize(
    ("index", "options", "ask"),
    [
        ("identity_user_name", OPTIONS, lambda c, one: identity.by_keys(c, "user_name_key", {(one, NAME)})),
        ("identity_user_name", SCAN_OPTIONS, partial(filtered, text=f'userName eq "{NAME}"')),
        ("identity_user_name", SCAN_OPTIONS, partial(filtered, text=f'userName sw "{NAME}"')),
        ("identity_external_id", SCAN_OPTIONS, partial(filtered, text='externalId eq "fill-7"')),
        ("identity_email_pkey", SCAN_OPTIONS, partial(filtered, text=f'emails.value eq "{NAME}"')),
        ("identity_pkey", SCAN_OPTIONS, lambda c, one: identity.by_keys(c, "id", {(one, one_id(c, one))})),
        ("person_uid", DRAIN_OPTIONS, lambda c, one: person.lock_matching(c, [], [], [(one, NAME)])),
        ("person_anchor", DRAIN_OPTIONS, lambda c, one: person.lock_matching(c, [], [(one, "fill-7")], [])),
        ("person_holder", DRAIN_OPTIONS, lambda c, one: person.lock_matching(c, [(one, one_id(c, one))], [], [])),
        ("person_text", CUSTOM, partial(people, search=NAME)),
        ("person_text", CUSTOM, partial(people, search=NAME.partition("@")[0])),
        ("person_text", CUSTOM, lambda c, one: log_search.look_up(c, one, "", NAME)),
        ("person_inactive", CUSTOM, partial(people, search="", status="inactive")),
        ("log_entry_pkey", CUSTOM, entries),
        ("log_entry_kind", CUSTOM, partial(entries, operation="create")),
        ("log_entry_kind", CUSTOM, partial(entries, result="rejected")),
        ("log_entry_person", CUSTOM, about),
        ("log_entry_stranger", CUSTOM, partial(entries, search="stranger.17")),
        ("log_entry_request", CUSTOM, request),
        ("log_entry_id", CUSTOM, lambda c, one: log_page.find(c, one, 17)),
        ("log_entry_waits", DRAIN_OPTIONS, lambda c, one: provisioning_log.latest_wait(c, one, one_id(c, one))),
    ],
)
def test_the_index_is_used(
    database_url: str, list_id: str, index: str, options: str, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_page, "NEAR", 100)  # of a list that is small for a test
    with database.connect(database_url, options=options) as opened, database.transaction(opened, [list_id]) as cursor:
        before = cursor.execute(SCANS, {"index": index}).fetchone()
        ask(cursor, list_id)
        after = cursor.execute(SCANS, {"index": index}).fetchone()

    assert before == (0, 0)
    assert after is not None
    scans, found = after
    assert scans > 0
    assert found <= MOST, "the index is walked along the list"


def one_id(cursor: Cursor, list_id: str) -> str:
    """Somebody's."""
    with cursor.connection.cursor() as beside:
        [(found,)] = beside.execute("select id from identity where list_id = %s limit 1", (list_id,)).fetchall()
        return str(found)
