"""The Sessions tab: copies of a list's people, taken, closed, archived, opened again, deleted (S1)."""

from typing import Any

from litestar import Response, get, post

from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, Id, ListId, at_desk, in_thread
from models import audit
from models.errors import Refused, Taken
from models.mapping import Field
from models.sessions import taking
from models.sessions.taking import ARCHIVED, CLOSED, OPEN, Filter, Session

# What is done to a session: the state that it has then, and what stands in its dialog.
ACTS = {"close": CLOSED, "archive": ARCHIVED, "reopen": OPEN, "delete": taking.DELETING}


@get("/lists/{list_id:str}/sessions")
@in_thread
def sessions(request: Call, list_id: ListId) -> Response[str]:
    """All sessions, newest first; archived ones where they are asked for."""
    with at_desk(request, list_id) as desk:
        archived = request.query_params.get("archived") == "1"
        return pages.page(
            desk, "list_sessions.html", found=taking.listing(desk.cursor, list_id, archived), archived=archived,
            told=lambda one: told(one.filter, one.fields),
        )  # fmt: skip


def told(wanted: Filter, fields: tuple[Field, ...]) -> str:
    """Whom a session is of, in words."""
    label = next((field.label for field in fields if field.key == wanted.field), "")
    parts = [
        {"all": "Everybody", "active": "Active people", "inactive": "Inactive people"}[wanted.status],
        f"who match “{wanted.search}”" if wanted.search else "",
        (f"with {label} “{wanted.value}”" if wanted.value else f"without {label}") if label else "",
    ]
    return " ".join(filter(None, parts))


@get("/lists/{list_id:str}/sessions/new")
@in_thread
def new_session(request: Call, list_id: ListId) -> Response[str]:
    """Whom the copy is to be of."""
    with at_desk(request, list_id, change=True) as desk:
        return _new(request, desk, {}, None)


@post("/lists/{list_id:str}/sessions/new")
@in_thread
def take(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Copy them."""
    with at_desk(request, list_id, data) as desk:
        typed = {name: str(value) for name, value in data.items()}
        wanted = Filter(
            typed.get("status", "all"), typed.get("search", "").strip(), typed.get("field") or None,
            typed.get("value", "").strip(),
        )  # fmt: skip
        try:
            with desk.cursor.connection.transaction():
                session_id = taking.take(desk.cursor, list_id, typed.get("name", ""), desk.session.email, wanted)
        except Refused as refusal:
            return _new(request, desk, typed, refusal)
        found = taking.find(desk.cursor, list_id, session_id)
        audit.record(desk.cursor, desk.session, list_id, "session.take", f"{found.name}, {found.taken} people")
    return pages.go(request, f"/lists/{list_id}/sessions/{session_id}")


def _new(request: Call, desk: Desk, typed: dict[str, str], refusal: Refused | None) -> Response[str]:
    status = 200 if refusal is None else 409 if isinstance(refusal, Taken) else 422
    fields = [field for field in desk.list.fields if not field.uid]
    return pages.dialog(
        request, desk, "list_session_new.html", "dialog", status, typed=typed, fields=fields, tab="sessions",
        error=refusal.detail if refusal else None,
    )  # fmt: skip


@get([f"/lists/{{list_id:str}}/sessions/{{session_id:uuid}}/{act}" for act in ACTS])
@in_thread
def ask(request: Call, list_id: ListId, session_id: Id) -> Response[str]:
    """What an act does, before it is done."""
    with at_desk(request, list_id, change=True) as desk:
        found = taking.find(desk.cursor, list_id, str(session_id))
        return _dialog(request, desk, found)


def _dialog(request: Call, desk: Desk, found: Session, refusal: Refused | None = None) -> Response[str]:
    context: dict[str, Any] = {"error": refusal.detail if refusal else None, "tab": "sessions"}
    return pages.dialog(
        request, desk, "list_session_act.html", "alertdialog", 409 if refusal else 200, one=found,
        act=request.url.path.rpartition("/")[2], **context,
    )  # fmt: skip


@post([f"/lists/{{list_id:str}}/sessions/{{session_id:uuid}}/{act}" for act in ACTS])
@in_thread
def perform(request: Call, list_id: ListId, session_id: Id, data: Form) -> Response[str]:
    """Close, archive, open again, or delete for good."""
    act, job_id = request.url.path.rpartition("/")[2], None
    with at_desk(request, list_id, data) as desk:
        found, by = taking.find(desk.cursor, list_id, str(session_id)), desk.session.email
        try:
            with desk.cursor.connection.transaction():
                if act == "delete":
                    job_id = taking.delete(desk.cursor, list_id, found.id, by)
                else:
                    taking.change_state(desk.cursor, list_id, found.id, ACTS[act], by)
        except Refused as refusal:
            return _dialog(request, desk, found, refusal)
        audit.record(desk.cursor, desk.session, list_id, f"session.{act}", found.name)
    if job_id is not None:
        request.app.state.office.bell.session(list_id, job_id)
    gone = act in ("archive", "delete")
    return pages.go(request, f"/lists/{list_id}/sessions" + ("" if gone else f"/{session_id}"))


ROUTES = [sessions, new_session, take, ask, perform]
