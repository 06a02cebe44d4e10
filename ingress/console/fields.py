"""The Fields tab: a list's fields, and what can be done to each."""

from collections.abc import Callable
from typing import Any, TypeAlias

from litestar import Response, get, post
from litestar.params import FromPath

from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, ListId, at_desk, in_thread
from models import audit, job, master_list, person_page
from models.errors import Refused, Taken
from models.fields import removal, retype, schema, values
from models.fields.retype import DoNotFit
from models.fields.rewriting import NOTHING, Following
from models.mapping import Field

Key: TypeAlias = FromPath[str]
Done: TypeAlias = tuple[Following, str]  # and words for the audit
Act: TypeAlias = Callable[[Desk, Field, int], Done]


@get("/lists/{list_id:str}/fields")
@in_thread
def fields(request: Call, list_id: ListId) -> Response[str]:
    """The table, in the order of the fields."""
    with at_desk(request, list_id) as desk:
        return pages.page(desk, "fields.html", **_table(desk))


def _table(desk: Desk) -> dict[str, Any]:
    present = schema.read(desk.cursor, desk.list.id)
    return {
        "schema": present,
        "counted": values.counts(desk.cursor, desk.list.id, present.fields, present.version),
        "mapped": removal.mapped(desk.cursor, desk.list.id),
        "job": job.latest(desk.cursor, desk.list.id, job.FIELDS),
    }


@get("/lists/{list_id:str}/fields/progress")
@in_thread
def progress(request: Call, list_id: ListId) -> Response[str]:
    """How far the newest change of values is; asked for again by itself while it runs."""
    with at_desk(request, list_id) as desk:
        return pages.page(desk, "_fields_progress.html", job=job.latest(desk.cursor, list_id, job.FIELDS))


@get("/lists/{list_id:str}/fields/new")
@in_thread
def new_field(request: Call, list_id: ListId) -> Response[str]:
    """The form of a new field."""
    with at_desk(request, list_id, change=True) as desk:
        return _new(request, desk, {}, None)


@post("/lists/{list_id:str}/fields/new")
@in_thread
def add_field(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Add it at the end."""
    with at_desk(request, list_id, data) as desk:
        typed = {name: str(value) for name, value in data.items()}
        try:
            described = master_list.new_field(
                typed.get("label", ""), typed.get("type", ""), _options(typed), typed.get("required") == "1"
            )
            with desk.cursor.connection.transaction():
                schema.add(desk.cursor, list_id, described)
        except Refused as refusal:
            return _new(request, desk, typed, refusal.detail)
        audit.record(desk.cursor, desk.session, list_id, "field.add", described.label)
    request.app.state.office.bell.schema(list_id)
    return pages.go(request, f"/lists/{list_id}/fields")


def _new(request: Call, desk: Desk, typed: dict[str, str], error: str | None) -> Response[str]:
    return pages.dialog(
        request, desk, "field_new.html", status=422 if error else 200,
        typed=typed, error=error, types=master_list.TYPES, tab="fields",
    )  # fmt: skip


def _options(typed: dict[str, str]) -> list[str]:
    return typed.get("options", "").replace("\n", ",").split(",")


# What has a dialog: its template, and which kind of dialog it is.
DIALOGS = {
    "label": ("field_label.html", "dialog"),
    "required": ("field_required.html", "alertdialog"),
    "type": ("field_type.html", "dialog"),
    "remove": ("field_remove.html", "alertdialog"),
}


@get([f"/lists/{{list_id:str}}/fields/{{key:str}}/{act}" for act in DIALOGS])
@in_thread
def ask(request: Call, list_id: ListId, key: Key) -> Response[str]:
    """What an act does, before it is done."""
    with at_desk(request, list_id, change=True) as desk:
        present = schema.read(desk.cursor, list_id)
        act = request.url.path.rpartition("/")[2]
        return dialog(request, desk, act, present.changeable(key), present.version)


def dialog(
    request: Call, desk: Desk, act: str, field: Field, version: int, refusal: Refused | None = None, **more: Any
) -> Response[str]:
    """The dialog of an act; with what was wrong with what it sent."""
    status = 200 if refusal is None else refusal.status if isinstance(refusal, Taken) else 422
    template, kind = DIALOGS[act]
    use = removal.use(desk.cursor, desk.list.id, field)
    context: dict[str, Any] = {"typed": {}, "trial": None} | more
    if act == "required":
        context["without"] = person_page.counts(desk.cursor, desk.list.id).total - use.people
    return pages.dialog(
        request, desk, template, kind, status, field=field, version=version, tab="fields",
        error=refusal.detail if refusal else None, use=use,
        types=master_list.TYPES, **context,
    )  # fmt: skip


def version_of(data: Form) -> int:
    """The version that a form was made for."""
    return _number(str(data.get("version", "")))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def perform(request: Call, list_id: str, key: str, data: Form, name: str, act: Act) -> Response[str]:
    """Do something to a field: the dialog again where it is refused, the table where it is done."""
    with at_desk(request, list_id, data) as desk:
        field = schema.read(desk.cursor, list_id).changeable(key)
        typed = {name: str(value) for name, value in data.items()}
        try:
            with desk.cursor.connection.transaction():
                following, detail = act(desk, field, version_of(data))
        except Refused as refusal:
            if name not in DIALOGS:
                raise
            trial = refusal.trial if isinstance(refusal, DoNotFit) else None
            return dialog(request, desk, name, field, version_of(data), refusal, typed=typed, trial=trial)
        audit.record(desk.cursor, desk.session, list_id, f"field.{name}", detail)
        table = _table(desk) if name == "move" and pages.is_fragment(request) else None
        shown = pages.page(desk, "_fields_table.html", **table) if table else None
    request.app.state.office.bell.schema(list_id, following)
    return shown or pages.go(request, f"/lists/{list_id}/fields")


@post("/lists/{list_id:str}/fields/{key:str}/label")
@in_thread
def relabel(request: Call, list_id: ListId, key: Key, data: Form) -> Response[str]:
    """Call a field otherwise."""

    def act(desk: Desk, field: Field, version: int) -> Done:
        new = schema.relabel(desk.cursor, list_id, key, str(data.get("label", "")), version)
        return NOTHING, f"{field.label} to {new.label}"

    return perform(request, list_id, key, data, "label", act)


@post("/lists/{list_id:str}/fields/{key:str}/required")
@in_thread
def require(request: Call, list_id: ListId, key: Key, data: Form) -> Response[str]:
    """Require a value by hand, or no longer."""

    def act(desk: Desk, field: Field, version: int) -> Done:
        required = str(data.get("required", "")) == "1"
        schema.require(desk.cursor, list_id, key, required, version)
        return NOTHING, f"{field.label}: {'required' if required else 'not required'}"

    return perform(request, list_id, key, data, "required", act)


@post("/lists/{list_id:str}/fields/{key:str}/move")
@in_thread
def move(request: Call, list_id: ListId, key: Key, data: Form) -> Response[str]:
    """One up, or one down."""

    def act(desk: Desk, field: Field, version: int) -> Done:
        keys = [one.key for one in schema.read(desk.cursor, list_id).fields]
        position = keys.index(key) + (-1 if data.get("to") == "up" else 1)
        if 1 <= position < len(keys):
            schema.move(desk.cursor, list_id, key, position, version)
        return NOTHING, f"{field.label} {'up' if data.get('to') == 'up' else 'down'}"

    return perform(request, list_id, key, data, "move", act)


@post("/lists/{list_id:str}/fields/{key:str}/type")
@in_thread
def change_type(request: Call, list_id: ListId, key: Key, data: Form) -> Response[str]:
    """Try the type on everybody's values; once that was seen, change it."""
    typed = {name: str(value) for name, value in data.items()}
    kind, options = typed.get("type", ""), _options(typed)
    if "tried" not in typed:
        with at_desk(request, list_id, data) as desk:
            field = schema.read(desk.cursor, list_id).changeable(key)
            try:
                trial = retype.check(desk.cursor, list_id, key, kind, options)
            except Refused as refusal:
                return dialog(request, desk, "type", field, version_of(data), refusal, typed=typed)
            return dialog(request, desk, "type", field, version_of(data), typed=typed, trial=trial)

    def act(desk: Desk, field: Field, version: int) -> Done:
        may_clear = _number(typed.get("clear", ""))
        found, following = retype.save(desk.cursor, list_id, key, kind, options, may_clear, version)
        return following, f"{field.label}: {field.type} to {kind}, {found.misfits} cleared"

    return perform(request, list_id, key, data, "type", act)


@post("/lists/{list_id:str}/fields/{key:str}/remove")
@in_thread
def remove(request: Call, list_id: ListId, key: Key, data: Form) -> Response[str]:
    """Remove a field, with everybody's values of it."""

    def act(desk: Desk, field: Field, version: int) -> Done:
        use, following = removal.remove(desk.cursor, list_id, key, version)
        return following, f"{field.label}, {use.people} values"

    return perform(request, list_id, key, data, "remove", act)


ROUTES = [fields, progress, new_field, add_field, relabel, require, move, change_type, remove, ask]
