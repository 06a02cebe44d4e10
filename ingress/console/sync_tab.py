"""The Sync tab: what fills a list, in each of its states, and how it is connected and disconnected."""

import threading
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from random import randrange
from typing import Any

from litestar import Response, get, post

from ingress.console import directory_tab, held, log, pages, words
from ingress.console.desk import Call, Desk, Form, ListId, at_desk, in_thread
from ingress.console.guides import PUSH_GUIDES, QUESTIONS
from ingress.console.tokens import context as tokens_context
from models import audit, burst, connection, health, token
from models.connection import Details
from models.errors import PlanTooLow, Refused
from models.organisation import DIRECTORY, DIRECTORY_PLANS, NEEDS_BUSINESS, SCIM_PLANS
from ops.simulators.directory import IDPS, run
from ops.simulators.idp import Idp
from ops.simulators.wire import Refusal

SIMULATED_USERS = 25
SIMULATED_TOKEN_LASTS = timedelta(hours=1)
_simulating = threading.Lock()
CHOICES = (
    ("employeeNumber", "Employee Number", "EMP001", "Organisations with stable employee or student IDs"),
    ("userName", "Username", "jsmith", "When employee numbers aren’t available"),
    ("email", "Email", "jane@example.com", "Simple setups where email is the primary identifier"),
)


@get("/lists/{list_id:str}/sync")
@in_thread
def sync_tab(request: Call, list_id: ListId) -> Response[str]:
    """The page, for whichever state the list is in."""
    with at_desk(request, list_id) as desk:
        details = connection.details(desk.cursor, list_id)
        if pages.is_fragment(request):
            # A page that waits for the end of a disconnection asks whether it has come.
            return pages.go(request, f"/lists/{list_id}/sync") if details is None else pages.html("", 204)
        if details is None:
            return pages.page(desk, "sync_none.html", **_plans(desk))
        if details.state != "connected":
            return pages.page(desk, "sync_disconnecting.html", details=details)
        if details.provider == DIRECTORY:
            return directory_tab.page(request, desk, details)
        return pages.page(desk, "sync.html", **_connected(request, desk, details))


def _plans(desk: Desk) -> dict[str, Any]:
    return {"scim_allowed": desk.session.plan in SCIM_PLANS, "directory_allowed": desk.session.plan in DIRECTORY_PLANS}


def _connected(request: Call, desk: Desk, details: Details) -> dict[str, Any]:
    longest, rhythm = health.longest_gap(desk.cursor, desk.list.id), burst.rhythm(desk.cursor, desk.list.id)
    quiet = health.quiet_for(details, longest, rhythm)
    return {
        "details": details,
        "base_url": desk.base_url,
        "plan_lost": desk.session.plan not in SCIM_PLANS,
        "guides": PUSH_GUIDES,
        "simulated": [(name, words.idp_name(name)) for name in IDPS] if desk.session.demo else [],
        "questions": QUESTIONS,
        "silent": words.span(quiet) if quiet else None,
        **tokens_context(desk),
        **held.card_context(desk),
        **log.context(desk, request),
        **(log.stats_context(desk) if details.last_request_at else {}),
    }


@get("/lists/{list_id:str}/sync/first")
@in_thread
def first_request(request: Call, list_id: ListId) -> Response[str]:
    """The stepper of a fresh connection, asked again every few seconds until the first request is there."""
    with at_desk(request, list_id) as desk:
        details = connection.details(desk.cursor, list_id)
        if details is None or details.last_request_at:
            return pages.go(request, f"/lists/{list_id}/sync")
        return pages.page(desk, "_stepper.html", details=details, base_url=desk.base_url, **tokens_context(desk))


@get("/lists/{list_id:str}/sync/connect")
@in_thread
def connect_dialog(request: Call, list_id: ListId) -> Response[str]:
    """Ask for the unique identifier."""
    with at_desk(request, list_id, change=True) as desk:
        return _connect_dialog(request, desk)


def _connect_dialog(request: Call, desk: Desk, error: Refused | None = None) -> Response[str]:
    status = 200 if error is None else 403 if isinstance(error, PlanTooLow) else 422
    return pages.dialog(
        request,
        desk,
        "connect.html",
        "dialog",
        status,
        choices=CHOICES,
        error=error.detail if error else None,
        tab="sync",
    )


@post("/lists/{list_id:str}/sync/connect")
@in_thread
def connect(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Connect the list to SCIM, with the default mappings and their fields (C3)."""
    with at_desk(request, list_id, data) as desk:
        identifier = str(data.get("uid", ""))
        try:
            if not identifier:
                raise Refused("Choose a unique identifier: people are recognised by it.")
            with desk.cursor.connection.transaction():
                connection.connect(desk.cursor, list_id, identifier, desk.session.email)
        except Refused as refusal:
            return _connect_dialog(request, desk, refusal)
        audit.record(desk.cursor, desk.session, list_id, "connection.connect", identifier)
    return pages.go(request, f"/lists/{list_id}/sync")


@get("/lists/{list_id:str}/sync/disconnect")
@in_thread
def disconnect_dialog(request: Call, list_id: ListId) -> Response[str]:
    """What disconnecting means, before it is done."""
    with at_desk(request, list_id, change=True) as desk:
        details = connection.details(desk.cursor, list_id)
        return pages.dialog(
            request, desk, "disconnect.html", "alertdialog", details=details, tab="sync", **tokens_context(desk)
        )


@post("/lists/{list_id:str}/sync/disconnect")
@in_thread
def disconnect(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Cut the IdP off at once; people stay (C4)."""
    with at_desk(request, list_id, data) as desk:
        connection.disconnect(desk.cursor, list_id)
        audit.record(desk.cursor, desk.session, list_id, "connection.disconnect")
    return pages.go(request, f"/lists/{list_id}/sync")


@post("/lists/{list_id:str}/sync/simulate")
@in_thread
def simulate(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Let a simulated identity provider fill a list of the demonstration, over HTTP as a real one would."""
    idp = IDPS.get(str(data.get("idp", "")))
    is_free = _simulating.acquire(blocking=False)  # one at a time: it fills the thread of a request for a second
    try:
        with at_desk(request, list_id, data) as desk:
            if not desk.session.demo:
                raise Refused("Only lists of the demonstration can be filled by a simulated identity provider.")
            if idp is None:
                raise Refused("Choose one of the identity providers.")
            if not is_free:
                raise Refused("A simulated identity provider is at work already: try again in a few seconds.")
            if desk.session.plan not in SCIM_PLANS:
                raise PlanTooLow(NEEDS_BUSINESS)
            until = datetime.now(UTC) + SIMULATED_TOKEN_LASTS
            label = f"Simulated {words.idp_name(idp.name)}"
            issued = token.issue(desk.cursor, list_id, label, until, desk.session.email)
            audit.record(desk.cursor, desk.session, list_id, "list.simulate", idp.name)
            root = desk.base_url
        failures = _push(idp(), root, issued.token)
    finally:
        if is_free:
            _simulating.release()
    if failures:
        with at_desk(request, list_id, data) as desk:
            token.revoke(desk.cursor, issued.prefix, list_id)
        raise Refused(f"The simulated identity provider was refused, or did not reach {root}: {failures[0]}")
    return pages.go(request, f"/lists/{list_id}/sync")


def _push(idp: Idp, root: str, raw: str) -> list[str]:
    """Let it push; what failed, a sentence each."""
    try:
        done = run(idp, root, raw, SIMULATED_USERS, 0.3, 0.1, groups=2, seed=randrange(1000))
    except (Refusal, HTTPException, OSError) as error:
        return [str(error) or repr(error)]
    failures: list[str] = done["failures"]
    return failures


@get("/settings/plan")
@in_thread
def plan(request: Call) -> Response[str]:
    """What the organisation's plan includes."""
    with at_desk(request) as desk:
        return pages.page(desk, "plan.html", **_plans(desk))


ROUTES = [sync_tab, first_request, connect_dialog, connect, disconnect_dialog, disconnect, simulate, plan]
