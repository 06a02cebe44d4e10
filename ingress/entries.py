"""Refused requests as their log entries begin (product rule L2)."""

from datetime import UTC, datetime
from typing import Any

from ingress import idp
from ingress.http import Request
from ingress.scim import intake, redact
from ingress.scim.changes import KINDS, VERBS
from ingress.scim.endpoints import SEARCH
from ingress.scim.resources import name_in
from models.errors import Refused, Unauthorised
from models.provisioning_log import BODY_LIMIT, Refusal
from models.text import masked
from models.token import Holder


def of_request(request: Request, holder: Holder, refusal: Refused, detail: str) -> Refusal:
    """The entry of a request that was refused whole, with this sentence."""
    written = not isinstance(refusal, Unauthorised) and request.method in VERBS
    about = _about(request) if written else None
    parsed = _parsed(request.body) if written else None
    return Refusal(
        holder.list_id,
        holder.prefix,
        about or "request",
        refusal.operation or VERBS[request.method] if about else "request",
        _storable(detail),
        request.request_id,
        idp.guess(request.headers),
        # Only if it can be read, for an unread one may hide a password.
        _storable(redact.body(request.body, parsed)[:BODY_LIMIT]) if parsed is not None else None,
        datetime.now(UTC),
        identity_id=refusal.identity_id,
        user_name=refusal.user_name or name_in(parsed),
    )


def of_operation(
    request: Request, holder: Holder, refusal: Refused, resource: str, method: str, data: Any, request_id: str
) -> Refusal:
    """The entry of one operation of a bulk request."""
    return Refusal(
        holder.list_id,
        holder.prefix,
        resource,
        refusal.operation or VERBS.get(method, "request"),
        _storable(refusal.detail),
        request_id,
        idp.guess(request.headers),
        _storable(redact.text(data)[:BODY_LIMIT]) if data is not None else None,
        datetime.now(UTC),
        identity_id=refusal.identity_id,
        user_name=refusal.user_name or name_in(data),
    )


def _about(request: Request) -> str | None:
    """The resource type that a request would have written."""
    path = request.path
    kind = KINDS.get(path[0]) if path and path[-1] != SEARCH else None
    return kind.resource if kind is not None else None


def _storable(text: str) -> str:
    """A sentence that quotes what a client sent, maybe a token: Postgres takes neither NUL nor lone surrogates."""
    return masked(text.replace("\x00", "").encode("utf-8", "replace").decode())


def _parsed(body: bytes) -> Any:
    try:
        return intake.load(body)
    except Refused:
        return None
