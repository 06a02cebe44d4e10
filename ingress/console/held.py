"""Held deactivations: whose they are, released or discarded by an operator; and the guard that holds them (V9)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post

from ingress.console import pages, words
from ingress.console.desk import Call, Desk, Form, ListId, at_desk, in_thread
from ingress.console.people import by_label, names
from models import audit, guard, hold, person_page
from models.errors import Refused, Taken
from models.guard import Guard
from models.hold import Chosen
from models.text import UUID

OVERDUE = timedelta(days=7)
ACTS = {"hold.release": "Released", "hold.discard": "Discarded"}
TOLD_FOR = timedelta(seconds=30)  # what was released or discarded last


def card_context(desk: Desk) -> dict[str, Any]:
    """What `_held_card.html` shows on the Sync tab."""
    holds = hold.summary(desk.cursor, desk.list.id)
    return {
        "holds": holds,
        "holds_overdue": holds.oldest is not None and datetime.now(UTC) - holds.oldest > OVERDUE,
        "guard": guard.of_list(desk.cursor, desk.list.id),
    }


@get("/lists/{list_id:str}/sync/held")
@in_thread
def held(request: Call, list_id: ListId) -> Response[str]:
    """Everybody whose deactivation is held, oldest first."""
    with at_desk(request, list_id) as desk:
        given = request.query_params
        after, before = _number(given.get("after")), _number(given.get("before"))
        act = audit.lately(desk.cursor, list_id, list(ACTS), TOLD_FOR)
        return pages.page(
            desk, "held.html", found=hold.page(desk.cursor, list_id, after, before),
            done=f"{ACTS[act[0]]}: {act[1]}" if act else None,
            names=partial(names, by_label(desk.list.fields)), link=partial(_link, list_id), **card_context(desk),
        )  # fmt: skip


def _link(list_id: str, edge: str, key: int) -> str:
    return f"/lists/{list_id}/sync/held?{urlencode({edge: key})}"


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19 else None


@get("/lists/{list_id:str}/sync/held/release")
@in_thread
def confirm_release(request: Call, list_id: ListId) -> Response[str]:
    """What a release does, before it is done."""
    with at_desk(request, list_id, change=True) as desk:
        return _confirm(request, desk, "release")


@get("/lists/{list_id:str}/sync/held/discard")
@in_thread
def confirm_discard(request: Call, list_id: ListId) -> Response[str]:
    """What discarding does, before it is done."""
    with at_desk(request, list_id, change=True) as desk:
        return _confirm(request, desk, "discard")


def _confirm(request: Call, desk: Desk, verb: str) -> Response[str]:
    everybody = "all" in request.query_params
    people = [] if everybody else _checked(request.query_params.getall("person", []))
    # "All" is what the operator was told of: what a wave adds meanwhile is not part of the answer.
    holds = hold.summary(desk.cursor, desk.list.id)
    if not holds.count:
        raise Taken("No deactivation is held any more: reload the page.")
    one = person_page.find(desk.cursor, desk.list.id, people[0]) if len(people) == 1 else None
    return pages.dialog(
        request, desk, "held_confirm.html", "alertdialog", verb=verb, people=people, tab="sync",
        up_to=holds.newest_seq, count=holds.count if everybody else len(people),
        who=names(by_label(desk.list.fields), one).name if one else None,
    )  # fmt: skip


def _checked(people: Sequence[str]) -> list[str]:
    if not people:
        raise Refused("Choose people first: tick the boxes before their names.")
    if not all(UUID.fullmatch(one) for one in people):
        raise Refused("This page is out of date: reload it.")
    return list(dict.fromkeys(people))


def _chosen(data: Form) -> Chosen:
    up_to, told = _number(data.get("up_to")), _number(data.get("count"))
    if data.get("all") and up_to is not None and told is not None:
        return Chosen(up_to=up_to, at_most=told)
    people = data.get("person", [])
    return Chosen(_checked(people if isinstance(people, list) else [people]))


@post("/lists/{list_id:str}/sync/held/release")
@in_thread
def release(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Deactivate these people after all."""
    with at_desk(request, list_id, data) as desk:
        count, lanes = hold.release(desk.cursor, list_id, _chosen(data), desk.session.email)
        audit.record(desk.cursor, desk.session, list_id, "hold.release", words.plural(count, "person", "people"))
        bell = desk.office.bell
    bell.ring(lanes)
    return pages.go(request, f"/lists/{list_id}/sync/held")


@post("/lists/{list_id:str}/sync/held/discard")
@in_thread
def discard(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Leave these people active."""
    with at_desk(request, list_id, data) as desk:
        count = hold.discard(desk.cursor, list_id, _chosen(data), desk.session.email)
        audit.record(desk.cursor, desk.session, list_id, "hold.discard", words.plural(count, "person", "people"))
    return pages.go(request, f"/lists/{list_id}/sync/held")


@get("/lists/{list_id:str}/sync/guard")
@in_thread
def guard_dialog(request: Call, list_id: ListId) -> Response[str]:
    """The guard's settings."""
    with at_desk(request, list_id, change=True) as desk:
        present = guard.of_list(desk.cursor, list_id)
        return _settings(request, desk, present.enabled, str(present.percent), str(present.at_least))


def _settings(
    request: Call, desk: Desk, enabled: bool, percent: str, at_least: str, error: str | None = None
) -> Response[str]:
    return pages.dialog(
        request, desk, "held_guard.html", "dialog", 422 if error else 200, enabled=enabled, percent=percent,
        at_least=at_least, error=error, holds=hold.summary(desk.cursor, desk.list.id), tab="sync",
    )  # fmt: skip


@post("/lists/{list_id:str}/sync/guard")
@in_thread
def save_guard(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Switch the guard on or off, and set what is a wave."""
    with at_desk(request, list_id, data) as desk:
        enabled, percent, at_least = "enabled" in data, str(data.get("percent", "")), str(data.get("at_least", ""))
        try:
            chosen = Guard(enabled, _whole("The share", percent), _whole("The number of people", at_least))
            with desk.cursor.connection.transaction():
                guard.save(desk.cursor, list_id, chosen)
        except Refused as refusal:
            return _settings(request, desk, enabled, percent, at_least, refusal.detail)
        state = f"{'on' if enabled else 'off'}: {chosen.percent} %, at least {chosen.at_least}"
        audit.record(desk.cursor, desk.session, list_id, "guard.save", state)
    return pages.go(request, f"/lists/{list_id}/sync")


def _whole(what: str, text: str) -> int:
    number = _number(text.strip())
    if number is None:
        raise Refused(f"{what} is a whole number: '{text[:40]}' is none.")
    return number


ROUTES = [held, confirm_release, confirm_discard, release, discard, guard_dialog, save_guard]
