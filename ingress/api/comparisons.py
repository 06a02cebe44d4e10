"""A session beside its list as it is now: who is only in one of them, and who differs."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import PERSON_ID
from ingress.api.sessions import NOUN, ONE, find
from models.sessions import comparison

PATH = ONE + "/comparison"


class Comparison(Struct, kw_only=True):
    """How many people are not the same on both sides."""

    only_in_session: int
    only_in_list: int
    different: int
    fields_of_session: Annotated[list[str], Meta(description="Labels of fields that the list has no more.")]
    fields_of_list: Annotated[list[str], Meta(description="Labels of fields that the list has got since.")]


class ComparedQuery(Paged, kw_only=True, forbid_unknown_fields=True):
    """Whom to look at."""

    kind: Annotated[
        Literal["copy", "list", "differ"],
        Meta(description="Who is only in the session, who is only in the list, or who differs."),
    ] = "differ"


class SideBySide(Struct, kw_only=True):
    """One field of one person."""

    field: Annotated[str, Meta(description="Its label; UID and Status are named so.")]
    session: Any
    original: Annotated[Any, Meta(description="What it was when the session was taken.")]
    list: Annotated[Any, Meta(description="What it is in the list now.")]


class ComparedPerson(Struct, kw_only=True):
    """Somebody who is not the same on both sides."""

    id: Annotated[str, Meta(description="Theirs in the session, or else in the list.")]
    uid: str
    mark: Annotated[Literal["added", "removed"] | None, Meta(description="What was done to them in the session.")]
    fields: Annotated[dict[str, Any], Meta(description="Values by the key of their field.")]
    differences: list[SideBySide]


class ComparedPeople(Struct, kw_only=True):
    """A page of them, in order of UID."""

    items: list[ComparedPerson]
    next_cursor: Next = None


COMPARISON = Comparison(
    only_in_session=1, only_in_list=2, different=3, fields_of_session=[], fields_of_list=["Locker"]
)  # fmt: skip
PERSON = ComparedPerson(
    id=PERSON_ID, uid="EMP001", mark=None, fields={"house": "South"},
    differences=[SideBySide(field="House", session="South", original="North", list="North")],
)  # fmt: skip


@operation("GET", PATH, NOUN, COMPARISON)
def compare_session(at: Desk, session_id: str) -> Comparison:
    """Compare a session with its list.

    As the list is now, in numbers. Fields that only one side has are named, and not compared.
    """
    found = comparison.counts(at.cursor, find(at, session_id))
    return Comparison(
        only_in_session=found.copy, only_in_list=found.list, different=found.differ,
        fields_of_session=list(found.fields_of_copy), fields_of_list=list(found.fields_of_list),
    )  # fmt: skip


@operation(
    "GET", PATH + "/people", NOUN, ComparedPeople(items=[PERSON], next_cursor="WyJkaWZmZXIiLCJlbXAwMDEiXQ")
)  # fmt: skip
def list_compared_people(at: Desk, query: ComparedQuery, session_id: str) -> ComparedPeople:
    """List people who are not the same in a session and its list.

    In order of UID: who differs, with each difference, unless `kind` asks for who is only on one side.
    """
    after = cursors.read(query.kind, query.cursor, str)
    found = comparison.page(at.cursor, find(at, session_id), query.kind, after, query.limit)
    shown = found[: query.limit]
    last = shown[-1].uid_key if len(found) > query.limit else None
    return ComparedPeople(items=[_person(one) for one in shown], next_cursor=cursors.write(query.kind, last))


def _person(one: comparison.Compared) -> ComparedPerson:
    return ComparedPerson(
        id=one.id, uid=one.uid, mark=one.mark or None, fields=dict(one.fields),  # type: ignore[arg-type]
        differences=[
            SideBySide(field=each.label, session=each.copy, original=each.snapshot, list=each.list)
            for each in one.differences
        ],
    )  # fmt: skip


OPERATIONS: Sequence[Any] = [compare_session, list_compared_people]
