"""The mapping editor: which attribute fills which field, tried on real people before it is saved (M1–M5)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Response, get, post

from ingress.console import pages
from ingress.console.desk import CSRF_FIELD, Call, Desk, Form, ListId, at_desk, in_thread
from models import audit, job, mapping_choice, mapping_edit, mapping_editor, mapping_preview, remapping
from models.attributes import ATTRIBUTES
from models.journal import LANES, Lane
from models.mapping_choice import DEFAULT, NEW, TRANSFORMS, Choice, Fault
from models.mapping_edit import Conflicts, SavedElsewhere
from models.mapping_editor import UID_PATHS, Editor

GROUPS = ("Name", "Contact", "Organisation", "Account")
HOW = {"copy": "As it is", "trim": "Trimmed", "lowercase": "lower case", "uppercase": "UPPER CASE"}


def _open(desk: Desk) -> Editor:
    return mapping_editor.opened(desk.cursor, desk.list)


def _choices(form: Form, opened: Editor) -> list[Choice]:
    """What a form chose for each of the 27; what the provider cannot fill is off."""
    typed = {key: str(value) for key, value in form.items()}
    chosen = [
        Choice(
            number,
            attribute.path or typed.get(f"attribute_{number}") or None,
            typed.get(f"on_{number}") == "1",
            typed.get(f"field_{number}", DEFAULT),
            typed.get(f"label_{number}", ""),
            typed.get(f"transform_{number}", "copy"),
        )
        for number, attribute in enumerate(ATTRIBUTES)
    ]
    return opened.possible(chosen)


def _version(form: Form) -> int:
    version = str(form.get("version", ""))
    return int(version) if version.isdecimal() and len(version) < 10 else 0


@get("/lists/{list_id:str}/sync/mappings")
@in_thread
def editor(request: Call, list_id: ListId) -> Response[str]:
    """The whole editor, with what is in force."""
    with at_desk(request, list_id) as desk:
        if not desk.list.is_connected:
            return pages.go(request, f"/lists/{list_id}/sync")
        opened = _open(desk)
        return _page(desk, opened, opened.stored, opened.version)


def _page(
    desk: Desk, opened: Editor, choices: Sequence[Choice], version: int, note: str = "", status: int = 200
) -> Response[str]:
    uid_path = UID_PATHS[opened.unique_identifier]
    paths = {one.path for one in ATTRIBUTES if one.path} | set(opened.types)
    # Viewers see what is mapped; values, of attributes that are not mapped at all, are an administrator's.
    last = mapping_preview.last_values(desk.cursor, desk.list.id, paths) if desk.session.may_change else None
    return pages.page(
        desk, "mappings.html", status,
        **_state(desk, opened, choices), note=note, partial=False, version=version, editor=opened,
        rows={group: [one for one in choices if one.attribute.category == group] for group in GROUPS},
        fields=[field for field in desk.list.fields if not field.uid],
        labels={field.label.casefold() for field in desk.list.fields},
        last=last, uid_path=uid_path,  transforms={name: HOW[name] for name in TRANSFORMS},
        default_field=DEFAULT, new_field=NEW, job=job.latest(desk.cursor, desk.list.id, job.REMAP),
    )  # fmt: skip


def _state(desk: Desk, opened: Editor, choices: Sequence[Choice]) -> dict[str, Any]:
    """What is said of the choices: conflicts, how many changes are not saved, how many are on."""
    _, faults = mapping_choice.targets(choices, desk.list.fields, opened.types)
    on = Counter(one.attribute.category for one in choices if one.on)
    every = Counter(one.category for one in ATTRIBUTES)
    return {
        "faults": faults,
        "pill": _pill(faults.values()),
        "changed": mapping_choice.changes(opened.stored, choices, desk.list.fields, opened.types),
        "on": on,
        "every": every,
    }


def _pill(faults: Iterable[Fault]) -> str:
    """A noun for what is wrong."""
    return "conflict" if all(fault.clash for fault in faults) else "problem"


@post("/lists/{list_id:str}/sync/mappings/check")
@in_thread
def check(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Say what the choices come to. Nothing is saved."""
    with at_desk(request, list_id, data) as desk:
        opened = _open(desk)
        note = "" if _version(data) == opened.version else mapping_edit.ELSEWHERE
        choices = _choices(data, opened)
        slots = [one for one in choices if one.attribute.path is None]
        # The slots' attributes are chosen here, so that their values are news.
        last = mapping_preview.last_values(desk.cursor, list_id, {one.path or "" for one in slots} & set(opened.types))
        return pages.page(
            desk,
            "_mapping_state.html",
            **_state(desk, opened, choices),
            note=note,
            partial=True,
            slots=slots,
            last=last,
        )


@post("/lists/{list_id:str}/sync/mappings/preview")
@in_thread
def preview(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Try the choices on people whom the IdP really sent, and show what would become of them."""
    with at_desk(request, list_id, data) as desk:
        opened = _open(desk)
        choices = _choices(data, opened)
        after, faults = mapping_choice.targets(choices, desk.list.fields, opened.types)
        if faults:
            return _again(request, desk, opened, data, "", 422)
        before, _ = mapping_choice.targets(opened.stored, desk.list.fields, opened.types)
        old, new = ([field.label for field in each.values()] for each in (before, after))
        return pages.dialog(
            request, desk, "_mapping_preview.html", "dialog", tab="sync",
            tried=mapping_preview.preview(desk.cursor, list_id, choices, desk.list.fields, opened.types),
            changed=mapping_choice.changes(opened.stored, choices, desk.list.fields, opened.types),
            locked=[label for label in new if label not in old], freed=[label for label in old if label not in new],
            people=remapping.count(desk.cursor, list_id), everybody=opened.reads_everybody(choices),
            sent=[(name, str(value)) for name, value in data.items() if name != CSRF_FIELD],
        )  # fmt: skip


@post("/lists/{list_id:str}/sync/mappings")
@in_thread
def save(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Put the choices in force, and have everyone in the list mapped again."""
    with at_desk(request, list_id, data) as desk:
        opened, bell = _open(desk), desk.office.bell
        try:
            with desk.cursor.connection.transaction():
                saved = mapping_edit.save(desk.cursor, list_id, _version(data), _choices(data, opened), opened.types)
        except Conflicts:
            return _again(request, desk, opened, data, "", 422)
        except SavedElsewhere as refusal:
            return _again(request, desk, opened, data, refusal.detail, 409)
        if saved:
            audit.record(desk.cursor, desk.session, list_id, "mapping.save", "; ".join(saved.changed))
    if saved:
        bell.remap(list_id, saved.job_id)
        # Drains that met the lock have dropped their lanes.
        bell.ring(Lane(list_id, number) for number in range(LANES))
    return pages.go(request, f"/lists/{list_id}/sync/mappings")


def _again(request: Call, desk: Desk, opened: Editor, data: Form, note: str, status: int) -> Response[str]:
    """What was sent cannot be saved: for htmx what is wrong with it, else the whole page as it was filled in."""
    choices = _choices(data, opened)
    if not pages.is_fragment(request):
        return _page(desk, opened, choices, _version(data), note, status)
    context = {**pages.shell(desk), **_state(desk, opened, choices), "note": note, "partial": True, "slots": []}
    # Whatever was to be replaced by the answer: a preview's dialog goes, and the page says why.
    return pages.html(
        pages.render("_mapping_state.html", **context), status, HX_Retarget="#map-state", HX_Reswap="outerHTML"
    )


@get("/lists/{list_id:str}/sync/mappings/progress")
@in_thread
def progress(request: Call, list_id: ListId) -> Response[str]:
    """How far the newest re-mapping is; asked for again by itself while it runs."""
    with at_desk(request, list_id) as desk:
        return pages.page(desk, "_mapping_progress.html", job=job.latest(desk.cursor, list_id, job.REMAP))


ROUTES = [editor, check, preview, save, progress]
