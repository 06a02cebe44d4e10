"""The networks from which a list's identity provider may come."""

from typing import Any

from litestar import Response, get, post

from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, ListId, at_desk, in_thread
from models import audit, connection, token
from models import networks as allowed
from models.errors import Refused

MOST_SHOWN = 5  # addresses that tokens were last used from


@get("/lists/{list_id:str}/sync/networks")
@in_thread
def ask_networks(request: Call, list_id: ListId) -> Response[str]:
    """The networks, to be changed."""
    with at_desk(request, list_id, change=True) as desk:
        details = connection.details(desk.cursor, list_id)
        return _form(request, desk, "\n".join(details.networks if details else []))


def _form(request: Call, desk: Desk, typed: str, error: str | None = None) -> Response[str]:
    used = [one.last_used_address for one in token.listing(desk.cursor, desk.list.id) if one.last_used_address]
    return pages.dialog(
        request, desk, "networks.html", "dialog", 422 if error else 200,
        typed=typed, error=error, used=[*dict.fromkeys(used)][:MOST_SHOWN], tab="sync",
    )  # fmt: skip


@post("/lists/{list_id:str}/sync/networks")
@in_thread
def save_networks(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Let it in from these alone."""
    with at_desk(request, list_id, data) as desk:
        typed = str(data.get("networks", ""))
        try:
            kept = allowed.save(desk.cursor, list_id, [typed])
        except Refused as refusal:
            return _form(request, desk, typed, refusal.detail)
        audit.record(desk.cursor, desk.session, list_id, "connection.networks", allowed.told(kept))
    return pages.go(request, f"/lists/{list_id}/sync")


ROUTES: list[Any] = [ask_networks, save_networks]
