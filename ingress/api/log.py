"""The provisioning log: what the identity provider sent and what became of it; retry, and how long it is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import LATER, PERSON_ID, WHEN
from models import audit, log_page, log_retention, retry
from models.errors import Unknown
from models.log_entry import Entry, Key
from models.log_page import Filters

NOUN = "Provisioning log"
PATH = "/lists/{list_id}/log"
ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class LogQuery(Paged, kw_only=True, forbid_unknown_fields=True):
    """Which entries are wanted."""

    operation: Annotated[
        Literal["create", "update", "deactivate", "reactivate", "delete", "request"] | None,
        Meta(description="What was asked for."),
    ] = None
    result: Annotated[
        Literal["applied", "partly_applied", "waiting", "rejected", "no_change", "attention"] | None,
        Meta(description="What became of it; `attention` is what somebody has to look at."),
    ] = None
    period: Annotated[Literal["24h", "7d", "30d", "all"], Meta(description="How far back.")] = "24h"
    person: Annotated[
        Annotated[str, Meta(pattern=ID, max_length=36)] | None, Meta(description="About whom: a person's id.")
    ] = None
    q: Annotated[str, Meta(description="Words: a name, an address, a UID, a request id.", max_length=200)] = ""


class LogEntry(Struct, kw_only=True):
    """One entry."""

    id: int
    at: datetime
    resource: str
    operation: str
    result: str
    waits: Annotated[bool, Meta(description="Whether it is applied by itself once its reason is gone.")]
    person_id: str | None
    user_name: str | None
    uid: str | None
    changes: Annotated[list[Any], Meta(description="Each field with its value before and after.")]
    detail: Annotated[str | None, Meta(description="Why, where it was not simply applied.")]
    request_id: str
    token_prefix: str | None
    idp: str | None
    repeats: Annotated[int, Meta(description="How often the same was refused.")]
    applied_at: datetime | None


class LogEntryDetail(LogEntry, kw_only=True):
    """One entry whole."""

    body: Annotated[str | None, Meta(description="What was sent, without secrets.")]
    can_be_retried: bool


class LogEntries(Struct, kw_only=True):
    """A page of the log, newest first."""

    items: list[LogEntry]
    next_cursor: Next = None
    partial: Annotated[bool, Meta(description="Whether more was found by the search than is looked through.")] = False


class Retention(Struct, kw_only=True, forbid_unknown_fields=True):
    """How long the log is kept."""

    days: Annotated[Literal[30, 90, 180, 365], Meta(description="Entries that are older are deleted.")]


FACTS: dict[str, Any] = {
    "id": 48213, "at": WHEN, "resource": "user", "operation": "update", "result": "applied", "waits": False,
    "person_id": PERSON_ID, "user_name": "mila@north.example", "uid": "EMP001",
    "changes": [{"field": "Job Title", "before": "Teacher", "after": "Registrar"}], "detail": None,
    "request_id": "4f1c0a9d2b7e4c3f8a6d5e0b1c2d3e4f", "token_prefix": "sct_a1B2c3D4", "idp": "entra", "repeats": 1,
    "applied_at": LATER,
}  # fmt: skip
DETAIL = LogEntryDetail(**FACTS, body='{"title":"Registrar"}', can_be_retried=False)


@operation("GET", PATH, NOUN, LogEntries(items=[LogEntry(**FACTS)], next_cursor="WyJsb2ciLCIxLjIiXQ"))
def list_log(at: Desk, query: LogQuery) -> LogEntries:
    """Look through the log.

    Newest first, of the last 24 hours unless `period` says otherwise.
    """
    older = Key.parse(cursors.read("log", query.cursor, str))
    filters = Filters(
        query.operation or "", query.result or "", query.period, query.person or "", query.q.strip()
    )  # fmt: skip
    found = log_page.page(at.cursor, at.list.id, filters, older, None, query.limit)
    following = cursors.write("log", str(found.older) if found.older else None)
    items = [LogEntry(**_facts(one)) for one in found.entries]
    return LogEntries(items=items, next_cursor=following, partial=found.partial)


def _facts(one: Entry) -> Mapping[str, Any]:
    return {name: getattr(one, name) for name in LogEntry.__struct_fields__} | {"changes": list(one.changes)}


@operation("GET", PATH + "/{entry_id}", NOUN, DETAIL)
def get_log_entry(at: Desk, entry_id: str) -> LogEntryDetail:
    """Read an entry."""
    number = _number(entry_id)
    found = log_page.find(at.cursor, at.list.id, number)
    retriable = retry.can_be_retried(at.cursor, at.list.id, number)
    return LogEntryDetail(**_facts(found.entry), body=found.body, can_be_retried=retriable)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Unknown("this entry is not in the log (any more)")
    return int(text)


@operation("POST", PATH + "/{entry_id}/retry", NOUN, DETAIL, status=202, problems=("conflict",))
def retry_log_entry(at: Desk, entry_id: str) -> LogEntryDetail:
    """Retry an entry.

    Applies what it is about once more, as the identity provider says it now; the entry shows how it went.
    """
    number = _number(entry_id)
    found: LogEntryDetail = get_log_entry.handler(at, entry_id)
    lanes = retry.retry(at.cursor, at.list.id, number)
    audit.record(at.cursor, at.caller, at.list.id, "log.retry", str(number))
    at.after.append(lambda: at.office.bell.ring(lanes))
    return found


@operation("GET", "/lists/{list_id}/log-retention", NOUN, Retention(days=90))
def get_log_retention(at: Desk) -> Retention:
    """Read how long the log is kept."""
    return Retention(days=log_retention.days(at.cursor, at.list.id))  # type: ignore[arg-type]


@operation("PUT", "/lists/{list_id}/log-retention", NOUN, Retention(days=180), {"days": 180})
def keep_log(at: Desk, body: Retention) -> Retention:
    """Set how long the log is kept.

    What is older is deleted, a little at a time.
    """
    before = log_retention.days(at.cursor, at.list.id)
    log_retention.keep(at.cursor, at.list.id, body.days)
    audit.record(at.cursor, at.caller, at.list.id, "log.retention", f"{before} to {body.days} days")
    return body


OPERATIONS = [list_log, get_log_entry, retry_log_entry, get_log_retention, keep_log]
