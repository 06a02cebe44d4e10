"""A list's bearer tokens: made and shown once, listed by prefix, revoked (product rules T1 to T3)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Response, get, post

from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, Id, ListId, at_desk, in_thread
from models import audit, token
from models.errors import Refused, Unknown
from models.text import UUID, new_id
from models.token import BearerToken

LIFETIMES = (("", "No expiry"), ("30", "30 days"), ("90", "90 days"), ("180", "180 days"), ("365", "1 year"))
WARNINGS = (3, 14, 30)  # days before an expiry
BUSY = timedelta(minutes=15)  # a token that was used so lately is in use


def context(desk: Desk) -> dict[str, Any]:
    """What the list of tokens shows."""
    found, now = token.listing(desk.cursor, desk.list.id), datetime.now(UTC)
    live = [one for one in found if is_live(one, now)]
    return {
        "live_tokens": live,
        "ended_tokens": [one for one in found if not is_live(one, now)],
        "expiring": {one.id: warning(one, now) for one in live},
        "token_used": any(one.last_used_at for one in found),
    }


def is_live(one: BearerToken, now: datetime) -> bool:
    """Whether the IdP gets in with it."""
    return one.revoked_at is None and (one.expires_at is None or one.expires_at > now)


def warning(one: BearerToken, now: datetime) -> int | None:
    """How many days before its expiry a token is, as a step of the warnings; None while it is far."""
    if one.expires_at is None:
        return None
    return next((days for days in WARNINGS if one.expires_at - now <= timedelta(days=days)), None)


@get("/lists/{list_id:str}/sync/tokens/new")
@in_thread
def new_token(request: Call, list_id: ListId) -> Response[str]:
    """Ask for a label and an expiry."""
    with at_desk(request, list_id, change=True) as desk:
        return _form(request, desk)


def _form(request: Call, desk: Desk, typed: str = "", error: str | None = None) -> Response[str]:
    return pages.dialog(
        request, desk, "token_new.html", "dialog", 422 if error else 200,
        typed=typed, error=error, lifetimes=LIFETIMES, token_id=new_id(), tab="sync", **context(desk),
    )  # fmt: skip


@post("/lists/{list_id:str}/sync/tokens")
@in_thread
def issue(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Make a token and show it: in this answer alone, which nobody stores (T1, T3)."""
    with at_desk(request, list_id, data) as desk:
        label = str(data.get("label", "")).strip()
        try:
            ends = until(str(data.get("days", "")))
            with desk.cursor.connection.transaction():
                # The form has chosen the id: sent twice, by a double click or a reload, it makes one token.
                chosen = str(data.get("id", ""))
                token_id = chosen if UUID.fullmatch(chosen) else None
                issued = token.issue(desk.cursor, list_id, label, ends, desk.session.email, token_id)
        except Refused as refusal:
            return _form(request, desk, label, refusal.detail)
        audit.record(desk.cursor, desk.session, list_id, "token.issue", issued.prefix)
        return pages.dialog(
            request, desk, "token_reveal.html", "dialog", 201,
            raw=issued.token, base_url=desk.base_url, tab="sync", **context(desk),
        )  # fmt: skip


def until(days: str) -> datetime | None:
    """When a lifetime of so many days, as chosen in a form, is over."""
    if days not in dict(LIFETIMES):
        raise Refused("Choose one of the lifetimes.")
    return datetime.now(UTC) + timedelta(days=int(days)) if days else None


@get("/lists/{list_id:str}/sync/tokens/{token_id:uuid}/revoke")
@in_thread
def revoke_dialog(request: Call, list_id: ListId, token_id: Id) -> Response[str]:
    """What revoking means, before it is done."""
    with at_desk(request, list_id, change=True) as desk:
        one = _one(desk, str(token_id))
        now = datetime.now(UTC)
        busy = one.last_used_at is not None and now - one.last_used_at < BUSY
        live = [each for each in token.listing(desk.cursor, list_id) if is_live(each, now)]
        return pages.dialog(
            request, desk, "revoke.html", "alertdialog",
            one=one, busy=busy, is_last=len(live) == 1 and live[0].id == one.id, tab="sync",
        )  # fmt: skip


@post("/lists/{list_id:str}/sync/tokens/{token_id:uuid}/revoke")
@in_thread
def revoke(request: Call, list_id: ListId, token_id: Id, data: Form) -> Response[str]:
    """Cut a token off; the next request with it is refused, in every process (I7)."""
    with at_desk(request, list_id, data) as desk:
        one = _one(desk, str(token_id))
        if one.revoked_at is None:
            token.revoke(desk.cursor, one.prefix, list_id)
            audit.record(desk.cursor, desk.session, list_id, "token.revoke", one.prefix)
        if not pages.is_fragment(request):
            return pages.go(request, f"/lists/{list_id}/sync")
        return pages.page(desk, "_tokens.html", toast=f"Token {one.prefix}… revoked", **context(desk))


def _one(desk: Desk, token_id: str) -> BearerToken:
    found = next((one for one in token.listing(desk.cursor, desk.list.id) if one.id == token_id), None)
    if found is None:
        raise Unknown("this token does not belong to this list")
    return found


ROUTES = [new_token, issue, revoke_dialog, revoke]
