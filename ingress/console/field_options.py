"""The options of a dropdown, on a page of their own."""

from litestar import Response, get, post

from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, ListId, at_desk, in_thread
from ingress.console.fields import Key, version_of
from models import audit, job
from models.errors import Refused, Taken
from models.fields import options, removal, schema, values
from models.fields.rewriting import NOTHING, Following


@get("/lists/{list_id:str}/fields/{key:str}/options")
@in_thread
def shown(request: Call, list_id: ListId, key: Key) -> Response[str]:
    """Each option with how many people have it."""
    with at_desk(request, list_id, change=True) as desk:
        return _page(desk, key)


def _page(desk: Desk, key: str, refusal: Refused | None = None) -> Response[str]:
    present = schema.read(desk.cursor, desk.list.id)
    field = present.dropdown(key)
    having = values.having(desk.cursor, desk.list.id, key)
    status = 200 if refusal is None else refusal.status if isinstance(refusal, Taken) else 422
    return pages.page(
        desk, "field_options.html", status, field=field, version=present.version, having=having, tab="fields",
        attribute=removal.mapped(desk.cursor, desk.list.id).get(key),
        gone={name: count for name, count in having.items() if name not in field.options},
        error=refusal.detail if refusal else None, job=job.latest(desk.cursor, desk.list.id, job.FIELDS),
    )  # fmt: skip


@post("/lists/{list_id:str}/fields/{key:str}/options")
@in_thread
def change(request: Call, list_id: ListId, key: Key, data: Form) -> Response[str]:
    """Add, rename, move or remove one."""
    typed = {name: str(value) for name, value in data.items()}
    with at_desk(request, list_id, data) as desk:
        try:
            with desk.cursor.connection.transaction():
                following = _act(desk, key, typed, version_of(data))
        except Refused as refusal:
            return _page(desk, key, refusal)
        field = schema.read(desk.cursor, list_id).dropdown(key)
        what = f"{typed.get('act', '')} {typed.get('option', '')} {typed.get('name', '')}"
        audit.record(desk.cursor, desk.session, list_id, "field.options", f"{field.label}: {' '.join(what.split())}")
    request.app.state.office.bell.schema(list_id, following)
    return pages.go(request, f"/lists/{list_id}/fields/{key}/options")


def _act(desk: Desk, key: str, typed: dict[str, str], version: int) -> Following:
    cursor, list_id, act, option = desk.cursor, desk.list.id, typed.get("act"), typed.get("option", "")
    if act == "add":
        return options.add(cursor, list_id, key, typed.get("name", "").split(","), version)
    if act == "rename":
        return options.rename(cursor, list_id, key, option, typed.get("name", ""), version)
    if act in ("up", "down"):
        present = schema.read(cursor, list_id).dropdown(key).options
        position = present.index(option) + (-1 if act == "up" else 1) if option in present else 0
        if 0 <= position < len(present):
            options.move(cursor, list_id, key, option, position, version)
    elif act in ("keep", "clear"):
        return options.remove(cursor, list_id, key, option, act == "keep", version)[1]
    else:
        raise Refused("say what is to be done with the option: rename, move, keep or clear")
    return NOTHING


@get("/lists/{list_id:str}/fields/{key:str}/options/remove")
@in_thread
def ask_removal(request: Call, list_id: ListId, key: Key) -> Response[str]:
    """What becomes of who has an option that goes."""
    with at_desk(request, list_id, change=True) as desk:
        present = schema.read(desk.cursor, list_id)
        field, option = present.dropdown(key), request.query_params.get("option", "")
        if option not in field.options:
            raise Refused(f"{field.label} has no such option (any more): look again")
        return pages.dialog(
            request, desk, "field_option_remove.html", "alertdialog", field=field, option=option, tab="fields",
            version=present.version, people=values.having(desk.cursor, list_id, key).get(option, 0),
        )  # fmt: skip


ROUTES = [shown, change, ask_removal]
