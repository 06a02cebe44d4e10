"""Directory connections of an organisation: credentials of Microsoft Graph, tested and kept sealed (D1)."""

from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post

from ingress.asking import Told, ask
from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, Id, at_desk, in_thread
from ingress.storing import store
from models import audit, master_list
from models.directory import connections
from models.directory.connections import DirectoryConnection, Wanted
from models.errors import PlanTooLow, Refused
from models.organisation import DIRECTORY, DIRECTORY_PLANS, require
from ops import graph, graph_look
from ops.graph_look import Seen

HOME = "/settings/directories"


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test came to: the connection's name, what it can see, or the sentence."""

    name: str
    told: Told[Seen]


@get(HOME)
@in_thread
def directories(request: Call) -> Response[str]:
    """Every connection, and the lists that use it."""
    with at_desk(request) as desk:
        return _listing(desk)


def _listing(desk: Desk, tested: Tested | None = None) -> Response[str]:
    return pages.page(
        desk, "directories.html", tested.told.status if tested else 200, tested=tested, **_offered(desk),
        found=connections.listing(desk.cursor, desk.session.organisation_id),
    )  # fmt: skip


def _offered(desk: Desk) -> dict[str, Any]:
    return {
        "clouds": graph.clouds(desk.office.settings.graph_simulator),
        "has_key": desk.office.vault.has_key,
        "directory_allowed": desk.session.plan in DIRECTORY_PLANS,
    }


@get(f"{HOME}/new")
@in_thread
def new_directory(request: Call) -> Response[str]:
    """The form of a new connection; with `list` it is for a list that is then connected."""
    with at_desk(request, change=True) as desk:
        require(desk.session.plan, DIRECTORY)
        return _form(desk, Wanted("", "", ""), list_id=str(request.query_params.get("list", "")))


@get(f"{HOME}/{{connection_id:uuid}}")
@in_thread
def directory(request: Call, connection_id: Id) -> Response[str]:
    """The form of one that is there."""
    with at_desk(request, change=True) as desk:
        return _form(desk, _present(desk, str(connection_id)), str(connection_id))


def _present(desk: Desk, connection_id: str) -> Wanted:
    one = connections.find(desk.cursor, desk.session.organisation_id, connection_id)
    return Wanted(one.name, one.tenant_id, one.client_id, one.cloud)


def _form(
    desk: Desk, wanted: Wanted, connection_id: str = "", list_id: str = "", error: str = "", status: int = 200,
    saved: bool = False,
) -> Response[str]:  # fmt: skip
    """`saved`: what is shown is stored, and the error is that of a test."""
    return pages.page(
        desk, "directory_form.html", status, wanted=wanted, connection_id=connection_id, list_id=list_id, error=error,
        saved=saved, **_offered(desk),
    )  # fmt: skip


@post(f"{HOME}/new")
@in_thread
def add_directory(request: Call, data: Form) -> Response[str]:
    """Keep a new connection, and test it where that is asked for."""
    return _save(request, data, "")


@post(f"{HOME}/{{connection_id:uuid}}")
@in_thread
def change_directory(request: Call, connection_id: Id, data: Form) -> Response[str]:
    """Change one; its secret only where a new one was typed."""
    return _save(request, data, str(connection_id))


def _save(request: Call, data: Form, connection_id: str) -> Response[str]:
    list_id = str(data.get("list", ""))
    with at_desk(request, form=data) as desk:
        if list_id:
            master_list.of_organisation(desk.cursor, desk.session.organisation_id, list_id)
        if connection_id:
            _present(desk, connection_id)
        wanted = Wanted(*(str(data.get(name, "")) for name in ("name", "tenant_id", "client_id", "cloud")))
        try:
            with desk.cursor.connection.transaction():
                saved_id = store(
                    desk.office, desk.cursor, desk.session, desk.session.plan, wanted, str(data.get("secret", "")),
                    connection_id,
                )  # fmt: skip
        except Refused as refusal:
            status = refusal.status if isinstance(refusal, PlanTooLow) or refusal.status == 503 else 422
            return _form(desk, wanted, connection_id, list_id, refusal.detail, status)
        one = connections.find(desk.cursor, desk.session.organisation_id, saved_id)
    after = f"/lists/{list_id}/sync/directory?connection={saved_id}" if list_id else HOME
    if data.get("act") != "test":
        return pages.go(request, after)
    told = ask(desk.office, one, graph_look.test, anew=True)
    with at_desk(request, form=data) as desk:
        if told.answer is None:
            return _form(desk, wanted, saved_id, list_id, told.error, told.status, saved=True)
        return pages.go(request, after) if list_id else _listing(desk, Tested(one.name, told))


@post(f"{HOME}/{{connection_id:uuid}}/test")
@in_thread
def test_directory(request: Call, connection_id: Id, data: Form) -> Response[str]:
    """Sign in as a run will, and tell how many users and groups can be seen."""
    with at_desk(request, form=data) as desk:
        one = connections.find(desk.cursor, desk.session.organisation_id, str(connection_id))
    told = ask(desk.office, one, graph_look.test, anew=True)
    with at_desk(request, form=data) as desk:
        return _listing(desk, Tested(one.name, told))


@get(f"{HOME}/{{connection_id:uuid}}/remove")
@in_thread
def confirm_remove(request: Call, connection_id: Id) -> Response[str]:
    """What removing means, before it is done."""
    with at_desk(request, change=True) as desk:
        return _confirm(request, desk, _found(desk, connection_id))


def _found(desk: Desk, connection_id: Id) -> DirectoryConnection:
    return connections.find(desk.cursor, desk.session.organisation_id, str(connection_id))


def _confirm(request: Call, desk: Desk, one: DirectoryConnection, status: int = 200) -> Response[str]:
    return pages.dialog(request, desk, "directory_remove.html", "alertdialog", status, one=one)


@post(f"{HOME}/{{connection_id:uuid}}/remove")
@in_thread
def remove_directory(request: Call, connection_id: Id, data: Form) -> Response[str]:
    """Forget a connection that no list uses."""
    with at_desk(request, form=data) as desk:
        one = _found(desk, connection_id)
        if one.used_by:
            return _confirm(request, desk, one, 409)
        connections.remove(desk.cursor, desk.session.organisation_id, one.id)
        audit.record(desk.cursor, desk.session, None, "directory.remove", one.name)
    return pages.go(request, HOME)


ROUTES: list[Any] = [
    directories, new_directory, add_directory, directory, change_directory, test_directory, confirm_remove,
    remove_directory,
]  # fmt: skip
