"""Master Lists: all of them, one of them with its numbers, a new one."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import LIST_ID, WHEN
from models import audit, database, master_list, person_page, provisioning_log
from models.mapping import Field as Stored
from models.master_list import LONGEST_LABEL, LONGEST_NAME, LONGEST_OPTION, MOST_FIELDS, MOST_OPTIONS, MasterList

NOUN = "Lists"
Kind = Literal["text", "number", "email", "date", "dropdown"]
Option = Annotated[str, Meta(max_length=LONGEST_OPTION)]


class NewField(Struct, kw_only=True, forbid_unknown_fields=True):
    """A new field."""

    label: Annotated[str, Meta(description="What operators see.", min_length=1, max_length=LONGEST_LABEL)]
    type: Kind = "text"
    options: Annotated[list[Option], Meta(description="Of a dropdown.", max_length=MOST_OPTIONS)] = []
    required: bool = False


class NewList(Struct, kw_only=True, forbid_unknown_fields=True):
    """A new list."""

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    fields: Annotated[list[NewField], Meta(description="Besides the UID.", max_length=MOST_FIELDS)] = []


class Field(Struct, kw_only=True):
    """A field of a list."""

    key: Annotated[str, Meta(description="What values are named by; it never changes.")]
    label: str
    type: Kind
    options: list[str]
    required: bool
    uid: Annotated[bool, Meta(description="Whether it is the UID's own field, which is no value.")]


class MasterListItem(Struct, kw_only=True):
    """A list as it is listed."""

    id: str
    name: str
    provider: Annotated[str | None, Meta(description="scim, directory, or null: nothing fills the list.")]
    state: Annotated[str | None, Meta(description="connected, disconnecting, or null.")]
    scim_base_url: Annotated[str, Meta(description="What an identity provider's administrator enters.")]


class Counts(Struct, kw_only=True):
    """How many people a list has."""

    total: int
    active: int
    inactive: int
    synced: int


class MasterListDetail(MasterListItem, kw_only=True):
    """A list with its fields and numbers."""

    fields: list[Field]
    people: Counts
    last_event_at: datetime | None


class Lists(Struct, kw_only=True):
    """A page of lists, by name."""

    items: list[MasterListItem]
    next_cursor: Next = None


UID = Field(key="uid", label="UID", type="text", options=[], required=True, uid=True)
HOUSE = Field(
    key="house", label="House", type="dropdown", options=["North", "South"], required=False, uid=False
)  # fmt: skip
ITEM = MasterListItem(
    id=LIST_ID, name="Staff", provider="scim", state="connected",
    scim_base_url=f"https://muster.example/scim/v2/{LIST_ID}",
)  # fmt: skip
DETAIL = MasterListDetail(
    id=LIST_ID, name="Staff", provider="scim", state="connected", scim_base_url=ITEM.scim_base_url,
    fields=[UID, HOUSE], people=Counts(total=120, active=118, inactive=2, synced=120), last_event_at=WHEN,
)  # fmt: skip


@operation("GET", "/lists", NOUN, Lists(items=[ITEM]))
def list_lists(at: Desk, query: Paged) -> Lists:
    """List the Master Lists.

    All of the organisation, by name.
    """
    after = cursors.read("lists", query.cursor, tuple[str, str])
    found = master_list.all_of_organisation(at.cursor, at.caller.organisation_id, after, query.limit + 1)
    shown = found[: query.limit]
    last = (shown[-1].name, shown[-1].id) if len(found) > query.limit else None
    items = [MasterListItem(**_item(at, one)) for one in shown]
    return Lists(items=items, next_cursor=cursors.write("lists", last))


def _item(at: Desk, one: MasterList) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "provider": one.provider, "state": one.state,
        "scim_base_url": f"{at.asked.root}/scim/v2/{one.id}",
    }  # fmt: skip


@operation(
    "POST", "/lists", NOUN, DETAIL,
    {"name": "Staff", "fields": [{"label": "House", "type": "dropdown", "options": ["North", "South"]}]},
    status=201, problems=("conflict",),
)  # fmt: skip
def create_list(at: Desk, body: NewList) -> MasterListDetail:
    """Make a list.

    With its UID and these fields; connect it, or add people by hand.
    """
    fields = [master_list.new_field(one.label, one.type, one.options, one.required) for one in body.fields]
    list_id = master_list.create(at.cursor, at.caller.organisation_id, body.name, fields)
    database.allow(at.cursor, [list_id])
    audit.record(at.cursor, at.caller, list_id, "list.create", body.name.strip())
    at.headers["Location"] = f"/api/v1/lists/{list_id}"
    return _detail(at, master_list.of_organisation(at.cursor, at.caller.organisation_id, list_id))


@operation("GET", "/lists/{list_id}", NOUN, DETAIL)
def get_list(at: Desk) -> MasterListDetail:
    """Read a list.

    With its fields and how many people it has.
    """
    return _detail(at, at.list)


def _detail(at: Desk, one: MasterList) -> MasterListDetail:
    counts = person_page.counts(at.cursor, one.id)
    return MasterListDetail(
        **_item(at, one), fields=[field_of(field) for field in one.fields],
        people=Counts(
            total=counts.total, active=counts.active, inactive=counts.inactive, synced=counts.synced
        ),
        last_event_at=provisioning_log.last_at(at.cursor, one.id),
    )  # fmt: skip


def field_of(field: Stored) -> Field:
    """A field as the API tells it."""
    return Field(
        key=field.key, label=field.label, type=field.type, options=list(field.options),  # type: ignore[arg-type]
        required=field.required, uid=field.uid,
    )  # fmt: skip


OPERATIONS = [list_lists, create_list, get_list]
