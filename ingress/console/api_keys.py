"""API keys of the organisation: made and shown once, listed by prefix, revoked."""

from datetime import UTC, datetime
from typing import Any

from litestar import Response, get, post

from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, Id, at_desk, in_thread
from ingress.console.tokens import LIFETIMES, until
from models import api_key, audit
from models.api_key import READ, ApiKey
from models.errors import Refused, Unknown
from models.text import UUID, new_id

HOME = "/settings/api-keys"


def context(desk: Desk) -> dict[str, Any]:
    """What the list of keys shows."""
    found, now = api_key.listing(desk.cursor, desk.session.organisation_id), datetime.now(UTC)
    live = [one for one in found if one.revoked_at is None and (one.expires_at is None or one.expires_at > now)]
    return {"live_keys": live, "ended_keys": [one for one in found if one not in live]}


@get(HOME)
@in_thread
def keys(request: Call) -> Response[str]:
    """Every key of the organisation."""
    with at_desk(request) as desk:
        return pages.page(desk, "api_keys.html", **context(desk))


@get(f"{HOME}/new")
@in_thread
def new_key(request: Call) -> Response[str]:
    """Ask for a label, a scope and an expiry."""
    with at_desk(request, change=True) as desk:
        return _form(request, desk)


def _form(request: Call, desk: Desk, typed: str = "", scope: str = READ, error: str | None = None) -> Response[str]:
    return pages.dialog(
        request, desk, "api_key_new.html", "dialog", 422 if error else 200,
        typed=typed, scope=scope, error=error, lifetimes=LIFETIMES, key_id=new_id(),
    )  # fmt: skip


@post(f"{HOME}/new")
@in_thread
def create(request: Call, data: Form) -> Response[str]:
    """Make a key and show it: in this answer alone, which nobody stores."""
    with at_desk(request, form=data) as desk:
        label, scope, chosen = (str(data.get(name, "")) for name in ("label", "scope", "id"))
        try:
            ends = until(str(data.get("days", "")))
            with desk.cursor.connection.transaction():
                # The form has chosen the id: sent twice, by a double click or a reload, it makes one key.
                key_id = chosen if UUID.fullmatch(chosen) else None
                session = desk.session
                issued = api_key.create(desk.cursor, session.organisation_id, label, scope, ends, session.who, key_id)
        except Refused as refusal:
            return _form(request, desk, label, scope, refusal.detail)
        audit.record(desk.cursor, desk.session, None, "api_key.create", f"{issued.prefix} {scope}")
        return pages.dialog(
            request, desk, "api_key_reveal.html", "dialog", 201, raw=issued.token, root=desk.root, **context(desk)
        )


@get(f"{HOME}/{{key_id:uuid}}/revoke")
@in_thread
def confirm_revoke(request: Call, key_id: Id) -> Response[str]:
    """What revoking means, before it is done."""
    with at_desk(request, change=True) as desk:
        return pages.dialog(request, desk, "api_key_revoke.html", "alertdialog", one=_one(desk, str(key_id)))


@post(f"{HOME}/{{key_id:uuid}}/revoke")
@in_thread
def revoke(request: Call, key_id: Id, data: Form) -> Response[str]:
    """Cut a key off; the next request with it is refused, in every process."""
    with at_desk(request, form=data) as desk:
        one = _one(desk, str(key_id))
        if one.revoked_at is None:
            api_key.revoke(desk.cursor, one.prefix, desk.session.organisation_id)
            audit.record(desk.cursor, desk.session, None, "api_key.revoke", one.prefix)
    return pages.go(request, HOME)


def _one(desk: Desk, key_id: str) -> ApiKey:
    found = api_key.listing(desk.cursor, desk.session.organisation_id)
    one = next((each for each in found if each.id == key_id), None)
    if one is None:
        raise Unknown("this key does not belong to your organisation")
    return one


ROUTES: list[Any] = [keys, new_key, create, confirm_revoke, revoke]
