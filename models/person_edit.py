"""What operators and API keys do to people by hand: the same rules for whoever asks (V2, V4, V5)."""

from collections.abc import Mapping, Sequence

from models import audit, identity, mapping, master_list, person, person_page
from models.audit import Actor
from models.database import Cursor
from models.errors import Refused, Unknown
from models.journal import Lane
from models.mapping import Field
from models.master_list import MasterList
from models.person_page import Row


def add(cursor: Cursor, actor: Actor, current: MasterList, uid: str, given: Mapping[str, str]) -> str:
    """Add a person with these values, as typed, by field key; returns the id. An IdP that sends the same UID later
    adopts them."""
    fields = master_list.held_fields(cursor, current.id)
    _check_keys(fields, given)
    fitted = {field.key: mapping.fit(field, given.get(field.key, "")) for field in fields if not field.uid}
    values = {key: value for key, value in fitted.items() if value is not None}
    person_id = person.add(cursor, current.id, uid, values)
    audit.record(cursor, actor, current.id, "person.add", uid.strip())
    return person_id


def edit(
    cursor: Cursor, actor: Actor, current: MasterList, person_id: str, version: int | None, given: Mapping[str, str]
) -> None:
    """Change these fields, by key, to what was typed; an empty text clears one. `version`: the one that was seen."""
    one = held(cursor, current.id, person_id)
    locked = person.locked_fields(cursor, current.id) if one.synced else {}
    for key in given:
        if key in locked:
            raise Refused(f"{locked[key]} is written by the identity provider: change it there, or unmap the field")
    fields = master_list.held_fields(cursor, current.id)
    _check_keys(fields, given)
    # What is as it was is not looked at: an option that is gone may be kept.
    sent = [field for field in fields if field.key in given and given[field.key] != one.fields.get(field.key)]
    fitted = {field.key: mapping.fit(field, given[field.key]) for field in sent}
    changed = {key: value for key, value in fitted.items() if one.fields.get(key) != value}
    if not changed:
        return
    person.edit(cursor, current.id, one.id, version, changed)
    labels = ", ".join(field.label for field in sent if field.key in changed)
    audit.record(cursor, actor, current.id, "person.edit", f"{one.uid}: {labels}")


def held(cursor: Cursor, list_id: str, person_id: str) -> Row:
    """A person whom nobody else changes until the transaction ends. First the schema's lock, as in drains."""
    master_list.held_fields(cursor, list_id)
    return person_page.find(cursor, list_id, person_id, lock=True)


def _check_keys(fields: Sequence[Field], given: Mapping[str, str]) -> None:
    known = {field.key for field in fields if not field.uid}
    for key in given:
        if key not in known:
            raise Unfit(key, f"this list has no field with the key '{key[:60]}' that can be written: see its fields")


class Unfit(Refused):
    """A value for a field that there is not."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(detail)
        self.key = key


def reactivate(cursor: Cursor, actor: Actor, list_id: str, person_id: str) -> None:
    """Make a person active again; it holds until the IdP's next push for them."""
    person.reactivate(cursor, list_id, person_id)
    _record(cursor, actor, list_id, person_id, "person.reactivate")


def deactivate(cursor: Cursor, actor: Actor, list_id: str, person_id: str) -> list[Lane]:
    """Make a person inactive; it holds until the IdP's next push for them. Returns the lanes to ring after COMMIT: of
    those who wait for the UID."""
    uid_key = person.deactivate(cursor, list_id, person_id)
    _record(cursor, actor, list_id, person_id, "person.deactivate")
    return identity.reapply_waiting(cursor, {(list_id, uid_key)})


def _record(cursor: Cursor, actor: Actor, list_id: str, person_id: str, action: str) -> None:
    audit.record(cursor, actor, list_id, action, person_page.find(cursor, list_id, person_id).uid)


def known(cursor: Cursor, list_id: str, uid: str) -> str:
    """The id of the person who has a UID; Unknown where nobody does."""
    found = person.with_uid(cursor, list_id, uid)
    if found is None:
        raise Unknown(f"nobody in this list has the UID '{uid}'")
    return found
