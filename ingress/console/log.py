"""The provisioning log: the table on the Sync tab, one entry's drawer, its retry, how long it is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from ingress.console import log_export, log_words, pages, stream
from ingress.console.desk import Call, Desk, Form, ListId, at_desk, in_thread, is_poll
from ingress.console.log_filters import filters_of, name_of, query
from models import audit, burst, journal, log_page, log_retention, log_stats, person_page, retry
from models.errors import Refused
from models.log_entry import Key

EntryId = FromPath[int]
LATE = timedelta(seconds=5)  # what waits longer for a worker is told


def context(desk: Desk, request: Call) -> dict[str, Any]:
    """What `_log_card.html` and `_log.html` show: the entries that the query string asks for."""
    filters = filters_of(request)
    given = request.query_params
    older, newer = Key.parse(given.get("older")), Key.parse(given.get("newer"))
    found = log_page.page(desk.cursor, desk.list.id, filters, older, newer)
    if newer and found.newer is None:
        # The newest entries are reached: a whole page of them, and not what was left over.
        found = log_page.page(desk.cursor, desk.list.id, filters)
    if not desk.session.may_change:
        found = replace(found, entries=[log_words.seen_by_viewer(one) for one in found.entries])
    return {
        "log": found, "log_filters": filters, "log_query": query, "log_name": name_of(desk.list.fields),
        "log_since": log_page.newest(desk.cursor, desk.list.id), "log_words": log_words,
        "log_days": log_retention.days(desk.cursor, desk.list.id), "log_values": desk.session.may_change,
        "log_person": _person(desk, filters.person_id),
    }  # fmt: skip


def _person(desk: Desk, person_id: str) -> str | None:
    """What the one person is called to whom the log is narrowed."""
    if not person_id:
        return None
    try:
        one = person_page.find(desk.cursor, desk.list.id, person_id)
    except Refused:
        return "a person who is not in the list"
    return str(one.uid)


def stats_context(desk: Desk) -> dict[str, Any]:
    """What `_log_stats.html` shows: the last day in numbers."""
    unapplied = journal.unapplied(desk.cursor, desk.list.id)
    return {
        "day": log_stats.day(desk.cursor, desk.list.id),
        "managed": person_page.counts(desk.cursor, desk.list.id),
        "most_attention": log_stats.MOST_ATTENTION,
        "burst": burst.latest(desk.cursor, desk.list.id),
        "rhythm": burst.rhythm(desk.cursor, desk.list.id),
        "unapplied": unapplied,
        "most_unapplied": journal.MOST_COUNTED,
        "late": unapplied.oldest is not None and datetime.now(UTC) - unapplied.oldest > LATE,
    }


@get("/lists/{list_id:str}/sync/log")
@in_thread
def log(request: Call, list_id: ListId) -> Response[str]:
    """The table for htmx; a browser without it gets the Sync tab with the same filters."""
    with at_desk(request, list_id) as desk:
        shown = f"/lists/{list_id}/sync{query(filters_of(request), **_edges(request))}"
        if not pages.is_fragment(request):
            return pages.go(request, shown)
        answer = pages.page(desk, "_log.html", **context(desk, request))
    if not is_poll(request):
        answer.headers["HX-Push-Url" if _edges(request) else "HX-Replace-Url"] = shown
    return answer


def _edges(request: Call) -> dict[str, str]:
    given = request.query_params
    return {name: given[name] for name in ("older", "newer") if given.get(name)}


@get("/lists/{list_id:str}/sync/log/new")
@in_thread
def news(request: Call, list_id: ListId) -> Response[str]:
    """How many entries have come, for a page that must not move under its reader."""
    with at_desk(request, list_id) as desk:
        filters = filters_of(request)
        since = Key.parse(request.query_params.get("since"))
        count = log_page.count_since(desk.cursor, list_id, filters, since) if since else 0
        return pages.page(
            desk, "_log_new.html",
            count=count, most=log_page.MOST_COUNTED, link=f"/lists/{list_id}/sync{query(filters)}",
        )  # fmt: skip


@get("/lists/{list_id:str}/sync/stats")
@in_thread
def stats(request: Call, list_id: ListId) -> Response[str]:
    """The numbers again."""
    with at_desk(request, list_id) as desk:
        if not pages.is_fragment(request):
            return pages.go(request, f"/lists/{list_id}/sync")
        return pages.page(desk, "_log_stats.html", **stats_context(desk))


@get("/lists/{list_id:str}/sync/log/{entry_id:int}")
@in_thread
def entry(request: Call, list_id: ListId, entry_id: EntryId) -> Response[str]:
    """One entry whole."""
    with at_desk(request, list_id) as desk:
        return _entry(request, desk, entry_id)


def _entry(
    request: Call, desk: Desk, entry_id: int, error: str | None = None, done: str | None = None
) -> Response[str]:
    found = log_page.find(desk.cursor, desk.list.id, entry_id)
    name = name_of(desk.list.fields)(found.entry)
    sees = desk.session.may_change  # viewers see which fields, not what is in them
    shown = found.entry if sees else log_words.seen_by_viewer(found.entry)
    return pages.dialog(
        request, desk, "log_entry.html", "drawer", 409 if error else 200,
        e=shown, name=name, token_label=found.token_label, words=log_words, tab="sync", error=error, done=done,
        body=log_words.pretty(found.body) if sees else None, sees=sees,
        retries=sees and retry.can_be_retried(desk.cursor, desk.list.id, entry_id),
    )  # fmt: skip


@post("/lists/{list_id:str}/sync/log/{entry_id:int}/retry")
@in_thread
def retry_entry(request: Call, list_id: ListId, entry_id: EntryId, data: Form) -> Response[str]:
    """Apply an entry once more, now that its cause is mended (L4)."""
    with at_desk(request, list_id, data) as desk:
        try:
            with desk.cursor.connection.transaction():
                lanes = retry.retry(desk.cursor, list_id, entry_id)
        except Refused as refusal:
            return _entry(request, desk, entry_id, error=refusal.detail)
        audit.record(desk.cursor, desk.session, list_id, "log.retry", str(entry_id))
        done = "It is being applied again. This entry shows how it went as soon as it is done."
        answer = _entry(request, desk, entry_id, done=done)
    desk.office.bell.ring(lanes)
    return answer if pages.is_fragment(request) else pages.go(request, f"/lists/{list_id}/sync/log/{entry_id}")


@get("/lists/{list_id:str}/sync/retention")
@in_thread
def retention(request: Call, list_id: ListId) -> Response[str]:
    """Ask how long the log is to be kept."""
    with at_desk(request, list_id, change=True) as desk:
        return _retention(request, desk)


def _retention(request: Call, desk: Desk, error: str | None = None) -> Response[str]:
    return pages.dialog(
        request, desk, "log_retention.html", "dialog", 422 if error else 200,
        choices=log_retention.CHOICES, kept=log_retention.days(desk.cursor, desk.list.id), error=error, tab="sync",
    )  # fmt: skip


@post("/lists/{list_id:str}/sync/retention")
@in_thread
def keep(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Set it; the sweep deletes what is older, a little at a time."""
    with at_desk(request, list_id, data) as desk:
        wanted = str(data.get("days", ""))
        before = log_retention.days(desk.cursor, list_id)
        try:
            log_retention.keep(desk.cursor, list_id, int(wanted) if wanted.isdecimal() and len(wanted) < 5 else 0)
        except Refused as refusal:
            return _retention(request, desk, refusal.detail)
        audit.record(desk.cursor, desk.session, list_id, "log.retention", f"{before} to {wanted} days")
    return pages.go(request, f"/lists/{list_id}/sync")


ROUTES = [log, news, stats, entry, retry_entry, retention, keep, *log_export.ROUTES, *stream.ROUTES]
