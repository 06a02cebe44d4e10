"""Choosing how a list is pulled from its directory: the page that connects it, and changes that later (D2)."""

from dataclasses import replace
from functools import partial
from typing import Any

from litestar import Response, get, post

from ingress.asking import ask
from ingress.console import directory_choice, pages
from ingress.console.desk import Call, Desk, Form, ListId, at_desk, in_thread
from ingress.console.directory_choice import Choice
from models import connection
from models.directory import connections, syncs, syncs_edit
from models.errors import PlanTooLow, Refused
from models.organisation import DIRECTORY, require
from ops import graph_look

CHOICES = (
    ("employeeNumber", "Employee Number", "employeeId", "EMP001", "Organisations with stable employee or student IDs"),
    ("userName", "Username", "userPrincipalName", "jsmith@example.com", "When employee numbers aren’t available"),
    ("email", "Email", "mail", "jane@example.com", "Simple setups where email is the primary identifier"),
)


@get("/lists/{list_id:str}/sync/directory")
@in_thread
def choose(request: Call, list_id: ListId) -> Response[str]:
    """The form: of a list that is not connected yet, or with what is in force."""
    with at_desk(request, list_id, change=True) as desk:
        present = syncs.of_list(desk.cursor, list_id)
        if desk.list.state is not None and not (desk.list.is_connected and present):
            return pages.go(request, f"/lists/{list_id}/sync")
        if present is None:
            require(desk.session.plan, DIRECTORY)
            return _page(desk, Choice(str(request.query_params.get("connection", ""))))
        return _page(desk, directory_choice.of_sync(present))


def _page(desk: Desk, choice: Choice, error: Refused | None = None, told: str = "", status: int = 200) -> Response[str]:
    """`told` is why a search found nothing."""
    if error is not None:
        status = 403 if isinstance(error, PlanTooLow) else 422
    found = connections.listing(desk.cursor, desk.session.organisation_id)
    is_change = desk.list.provider == DIRECTORY
    if is_change:
        choice = replace(choice, unique_identifier=connection.unique_identifier(desk.cursor, desk.list.id))
    return pages.page(
        desk, "directory_connect.html", status, choice=choice, choices=CHOICES, told=told, connections=found,
        intervals=directory_choice.intervals(), zones=_zones(choice), error=error.detail if error else None,
        is_change=is_change,
    )  # fmt: skip


def _zones(choice: Choice) -> tuple[str, ...]:
    zones = directory_choice.ZONES
    return zones if choice.time_zone in zones else (choice.time_zone, *zones)


@post("/lists/{list_id:str}/sync/directory")
@in_thread
def save(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Connect the list, or pull it another way from the next run on."""
    with at_desk(request, list_id, data) as desk:
        choice = directory_choice.of_form(data)
        try:
            with desk.cursor.connection.transaction():
                _put_in_force(desk, choice)
        except Refused as refusal:
            return _page(desk, choice, refusal)
    return pages.go(request, f"/lists/{list_id}/sync")


def _put_in_force(desk: Desk, choice: Choice) -> None:
    syncs_edit.put_in_force(
        desk.cursor, desk.session, desk.list, choice.connection_id, choice.unique_identifier, choice.scope,
        choice.schedule,
    )  # fmt: skip


@post("/lists/{list_id:str}/sync/directory/groups")
@in_thread
def groups(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Search for groups, choose one, or take one back; everything else stays as it was typed."""
    choice, error, status = directory_choice.of_form(data), "", 200
    if data.get("add"):
        choice = choice.with_group(str(data["add"]))
    elif data.get("remove"):
        choice = choice.without_group(str(data["remove"]))
    else:
        choice, error, status = _searched(request, list_id, data, choice)
    with at_desk(request, list_id, data) as desk:
        if not pages.is_fragment(request):
            return _page(desk, choice, told=error, status=status)
        return pages.page(desk, "_directory_groups.html", status, choice=choice, told=error)


def _searched(request: Call, list_id: str, data: Form, choice: Choice) -> tuple[Choice, str, int]:
    """What Microsoft found, asked while no connection to the database is held."""
    if not choice.connection_id:
        return choice, "Choose a directory connection first.", 422
    with at_desk(request, list_id, data) as desk:
        one = connections.find(desk.cursor, desk.session.organisation_id, choice.connection_id)
        office = desk.office
    told = ask(office, one, partial(graph_look.search_groups, text=choice.search))
    found_of = "" if told.answer is None else choice.connection_id
    return replace(choice, found=told.answer, found_of=found_of), told.error, told.status


ROUTES: list[Any] = [choose, save, groups]
