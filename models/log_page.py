"""The provisioning log as an operator looks through it: filtered, searched, page by page; one entry whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import log_search
from models.database import Cursor
from models.errors import Unknown
from models.log_entry import Detail, Entry, Key, Page
from models.search import Sql
from models.text import literal

PAGE = 25
MOST_COUNTED = 99  # new entries that are counted; beyond it "more than"
OPERATIONS = ("create", "update", "deactivate", "reactivate", "delete", "request")
RESULTS = ("applied", "partly_applied", "waiting", "rejected", "no_change")
# What somebody has to look at, as one choice of the filter by result.
ATTENTION = "attention"
NEEDING_ATTENTION = ("rejected", "waiting", "partly_applied")
PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "all": None}


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted of the log. Empty texts are no filter."""

    operation: str = ""
    result: str = ""
    period: str = "24h"
    person_id: str = ""
    search: str = ""

    @property
    def results(self) -> tuple[str, ...]:
        """The results that are wanted, or none for any."""
        return NEEDING_ATTENTION if self.result == ATTENTION else (self.result,) if self.result else ()

    @property
    def any(self) -> bool:
        """Whether something besides the period narrows the log."""
        return bool(self.operation or self.result or self.person_id or self.search)


_COLUMNS = (
    "e.id, e.at, e.resource, e.operation, e.result, e.waits, e.identity_id::text, e.person_id::text, e.user_name,"
    " e.uid, e.changes, e.detail, e.request_id, e.token_prefix, e.idp, e.repeats, e.applied_at, p.fields"
)
_JOINED = "log_entry e left join person p on p.list_id = e.list_id and p.id = e.person_id"


def page(
    cursor: Cursor, list_id: str, filters: Filters, older: Key | None = None, newer: Key | None = None,
    count: int = PAGE,
) -> Page:  # fmt: skip
    """The entries before a moment (`older`), or the ones that follow it (`newer`); by default the newest."""
    backwards = newer is not None
    found, partial = _keys(cursor, list_id, filters, newer or older, backwards, count + 1)
    more, keys = len(found) > count, found[:count]
    if backwards:
        keys.reverse()
    entries = _entries(cursor, list_id, keys)
    return Page(
        entries,
        keys[0] if keys and (more if backwards else older is not None) else None,
        keys[-1] if keys and (backwards or more) else None,
        partial,
    )


def _keys(
    cursor: Cursor, list_id: str, filters: Filters, edge: Key | None, backwards: bool, limit: int
) -> tuple[list[Key], bool]:
    """The keys of the entries that match, nearest first, beyond an edge."""
    wanted = _condition(filters, edge, backwards)
    order = "at, id" if backwards else "at desc, id desc"
    partial = False
    if filters.search or filters.person_id:
        found = log_search.look_up(cursor, list_id, filters.person_id, filters.search)
        strangers = _strangers(list_id, found.user_name, filters, edge, backwards, limit)
        source, partial = log_search.entries_about(list_id, found, wanted, strangers, order, limit), found.partial
    elif filters.operation or filters.result:
        source = _along_kinds(list_id, filters, edge, backwards, order, limit)
    else:
        source = Sql(f"select at, id from log_entry where list_id = %s{wanted.text}", (list_id, *wanted.parameters))
    cursor.execute(f"select at, id from ({source.text}) k order by {order} limit %s", (*source.parameters, limit))
    return [Key(*row) for row in cursor.fetchall()], partial


def _condition(filters: Filters, edge: Key | None, backwards: bool) -> Sql:
    span = _span(filters, edge, backwards)
    text, parameters = span.text, list(span.parameters)
    if filters.operation:
        text += " and operation = %s"
        parameters.append(filters.operation)
    if filters.result:
        text += " and result = any(%s)"
        parameters.append(list(filters.results))
    return Sql(text, tuple(parameters))


def _span(filters: Filters, edge: Key | None, backwards: bool) -> Sql:
    text, parameters = "", list[Any]()
    begin, edge = _between(filters, edge, backwards)
    if begin is not None:
        text += " and at >= %s"
        parameters.append(begin)
    if edge is not None:
        text += f" and (at, id) {'>' if backwards else '<'} (%s, %s)"
        # Without this the months beyond the edge would be looked into.
        text += f" and at {'>=' if backwards else '<='} %s"
        parameters += [*edge, edge.at]
    return Sql(text, tuple(parameters))


def _between(filters: Filters, edge: Key | None, backwards: bool) -> tuple[datetime | None, Key | None]:
    """The moment that the period begins at, and the edge where it narrows that."""
    length = PERIODS[filters.period]
    # A moment of ours and not now() - …: the planner leaves out the months before it.
    begin = datetime.now(UTC) - length if length is not None else None
    if edge is not None and backwards and begin is not None and edge.at < begin:
        # One beyond which the whole period lies would have all read that lies between: 7,106 pages, not 11.
        return begin, None
    return begin, edge


def _strangers(list_id: str, user_name: str, filters: Filters, edge: Key | None, backwards: bool, limit: int) -> Sql:
    """The keys of entries about nobody in the list, by the beginning of a user name: looked up by the tables' owner, as
    row-level security would forbid the index on its lower case to the serving role."""
    begin, edge = _between(filters, edge, backwards)
    results = list(filters.results) or None
    return Sql(
        "select at, id from muster_log_like(%s, %s, %s::timestamptz, %s::timestamptz, %s::bigint, %s, %s::text,"
        " %s::text[], %s)",
        (
            list_id, literal(user_name) + "%", begin, edge.at if edge else None, edge.id if edge else None, backwards,
            filters.operation or None, results, limit,
        ),
    )  # fmt: skip


def _along_kinds(list_id: str, filters: Filters, edge: Key | None, backwards: bool, order: str, limit: int) -> Sql:
    """Each wanted pair of operation and result has its stretch of one index, newest first."""
    span = _span(filters, edge, backwards)
    operations = [filters.operation] if filters.operation else list(OPERATIONS)
    return Sql(
        "select e.at, e.id from unnest(%s::text[]) o (operation) cross join unnest(%s::text[]) r (result)"
        " cross join lateral (select at, id from log_entry where list_id = %s and operation = o.operation"
        f" and result = r.result{span.text} order by {order} limit %s) e",
        (operations, list(filters.results or RESULTS), list_id, *span.parameters, limit),
    )


def _entries(cursor: Cursor, list_id: str, keys: Sequence[Key]) -> list[Entry]:
    cursor.execute(
        f"select {_COLUMNS} from unnest(%s::timestamptz[], %s::int8[]) k (at, id) cross join lateral"
        " (select * from log_entry where list_id = %s and at = k.at and id = k.id offset 0) e"
        " left join lateral (select fields from person where list_id = e.list_id and id = e.person_id offset 0) p"
        " on true order by e.at desc, e.id desc",
        ([key.at for key in keys], [key.id for key in keys], list_id),
    )
    return [Entry(*row) for row in cursor.fetchall()]


def find(cursor: Cursor, list_id: str, entry_id: int) -> Detail:
    """One entry."""
    cursor.execute(
        f"select e.body, (select label from bearer_token t where t.list_id = e.list_id and t.prefix = e.token_prefix),"
        f" {_COLUMNS} from {_JOINED} where e.list_id = %s and e.id = %s",
        (list_id, entry_id),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown("this entry is not in the log (any more): entries are kept as long as the list's setting says")
    return Detail(Entry(*row[2:]), row[0], row[1])


def newest(cursor: Cursor, list_id: str) -> Key | None:
    """Where the log ends."""
    cursor.execute("select at, id from log_entry where list_id = %s order by at desc, id desc limit 1", (list_id,))
    row = cursor.fetchone()
    return Key(*row) if row else None


def count_since(cursor: Cursor, list_id: str, filters: Filters, since: Key) -> int:
    """How many entries that match have come since: up to one more than `MOST_COUNTED`."""
    return len(_keys(cursor, list_id, filters, since, True, MOST_COUNTED + 1)[0])
