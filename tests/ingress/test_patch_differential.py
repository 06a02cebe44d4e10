"""PATCH (RFC 7644 §3.5.2) held against scim2-models: both come to one document, or both refuse with one scimType.

The strategies make the excepted forms too; what `patch_exceptions` recognises is set aside.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from scim2_models import Context, ScimPolicy
from scim2_models.exceptions import SCIMException

from ingress.scim import intake, patch
from models.errors import Refused
from models.group import SAME, Members
from tests.factories import patch as body_of
from tests.ingress import patch_strategies as made
from tests.ingress.patch_exceptions import (
    ADA,
    EMPTY,
    EXCEPTIONS,
    GROUPS,
    HOME,
    MAILED,
    STAFF,
    USERS,
    WORK,
    Named,
    Side,
    op,
    writes,
)  # fmt: skip
from tests.ingress.patch_strategies import IDS, Json

STRICT = ScimPolicy()
# The library's own way with what Entra sends: some of C13 and C18 without an exception.
TOLERANT = ScimPolicy(
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


def ours(side: Side, document: Json, operations: list[Json]) -> Json | str | None:
    """The document after our engine, members carried out; or the scimType of its refusal."""
    present = [one["value"] for one in document.get("members", [])]
    try:
        patched = patch.apply(patch.parse(body_of(*operations), side.of), {**document, "members": SAME})
    except Refused as refusal:
        return refusal.scim_type
    members = carried_out(patched.pop("members"), present)
    return {**patched, "members": [{"value": one} for one in members]} if side is GROUPS else patched


def carried_out(members: Members, present: Iterable[str]) -> list[str]:
    """Who is a member after a change of those who were."""
    before = frozenset(present)
    stay = before - members.without if members.only is None else before & members.only
    return sorted(stay | members.plus)


def theirs(side: Side, document: Json, operations: list[Json], policy: ScimPolicy = STRICT) -> Json | str:
    """The document after the library, or the scimType of its refusal."""
    resource = side.model.model_validate(document)
    try:
        with policy:
            asked = side.patch.model_validate(body_of(*operations), scim_ctx=Context.RESOURCE_PATCH_REQUEST)
            asked.patch(resource)
    except SCIMException as refusal:
        return str(refusal.scim_type)
    except ValueError as error:
        # pydantic's report has the type in it: "[type=scim_mutability, …".
        return str(re.findall(r"type=scim_(\w+)", str(error))[0])
    return dict(resource.model_dump(scim_ctx=Context.DEFAULT))


def plain(value: Any) -> Any:
    """One normal form: without what is empty, `schemas`, `id` and `meta`; lists in one order, members as ids."""
    if isinstance(value, list):
        kept = [plain(one) for one in value]
        return sorted((one for one in kept if one not in EMPTY), key=lambda one: json.dumps(one, sort_keys=True))
    if not isinstance(value, dict):
        return value
    known = {name: plain(one) for name, one in value.items() if name not in ("schemas", "id", "meta")}
    if isinstance(value.get("type"), str):
        known["type"] = value["type"].lower()  # the library spells what it knows its own way
    if "members" in value:
        known["members"] = sorted({one["value"] for one in value["members"] or []})
    return {name: one for name, one in known.items() if one not in EMPTY}


UNTOLERATED = {name: one for name, one in EXCEPTIONS.items() if not one.tolerated}


def excepted(side: Side, document: Json, operation: Json, differences: Iterable[str] = EXCEPTIONS) -> list[str]:
    """The names of the differences that an operation on a document falls under."""
    found = list(writes(operation))
    return [name for name in differences if any(EXCEPTIONS[name].holds(side, document, write) for write in found)]


def without_excepted(side: Side, document: Json, operations: list[Json], differences: Iterable[str]) -> list[Json]:
    """The operations under no difference, each looked at where those before it have led; up to a refusal."""
    kept: list[Json] = []
    state: Any = document
    for operation in operations:
        found = excepted(side, state, operation, differences)
        event(found[0] if found else "compared")
        if not found:
            kept.append(operation)
            state = ours(side, state, [operation])
            if not isinstance(state, dict):
                break
    return kept


def compare(side: Side, document: Json, operations: list[Json], policy: ScimPolicy = STRICT) -> None:
    """Both sides come to the same, in one request."""
    differences = EXCEPTIONS if policy is STRICT else UNTOLERATED
    kept = without_excepted(side, document, operations, differences)
    if kept:
        assert plain(ours(side, document, kept)) == plain(theirs(side, document, kept, policy)), (document, kept)


USER_REQUESTS = st.lists(made.USER_OPERATIONS, min_size=1, max_size=4)
ENTRA_REQUESTS = st.lists(made.evenly(made.ENTRA_OPERATIONS, made.USER_OPERATIONS), min_size=1, max_size=4)
GROUP_REQUESTS = st.lists(made.GROUP_OPERATIONS, min_size=1, max_size=4)


def thoroughly(examples: int) -> settings:
    """Settings for so many examples, slow machines allowed for."""
    return settings(deadline=None, max_examples=examples, suppress_health_check=list(HealthCheck))


@thoroughly(1000)
@given(made.USERS, USER_REQUESTS)
def test_a_user_comes_to_the_same_as_in_the_library(document: Json, operations: list[Json]) -> None:
    compare(USERS, document, operations)


@thoroughly(300)
@given(made.USERS, ENTRA_REQUESTS)
def test_a_user_comes_to_the_same_where_the_library_tolerates_what_entra_sends(
    document: Json, operations: list[Json]
) -> None:
    compare(USERS, document, operations, TOLERANT)


@thoroughly(400)
@given(made.GROUPS, GROUP_REQUESTS)
def test_a_group_comes_to_the_same_as_in_the_library(document: Json, operations: list[Json]) -> None:
    compare(GROUPS, document, operations)


@thoroughly(150)
@given(made.GROUPS, GROUP_REQUESTS)
def test_a_group_comes_to_the_same_where_the_library_tolerates_what_entra_sends(
    document: Json, operations: list[Json]
) -> None:
    compare(GROUPS, document, operations, TOLERANT)


def shown(one: Named) -> tuple[Json, list[Json], Any]:
    """An exception's example: the document, the operations and what they come to in the normal form."""
    document, operations, after = one.example
    body = {**document, "schemas": [one.side.of.core]} if one.side is GROUPS else intake.user(document)
    whole = {"active": True, **after} if isinstance(after, dict) and one.side is USERS else after
    return body, operations if isinstance(operations, list) else [operations], plain(whole)


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_each_exception_is_ours_by_its_rule(name: str) -> None:
    one = EXCEPTIONS[name]
    document, operations, after = shown(one)

    assert name in excepted(one.side, document, operations[0])
    assert plain(ours(one.side, document, operations)) == after


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_each_exception_is_a_difference_from_the_library(name: str) -> None:
    one = EXCEPTIONS[name]
    document, operations, after = shown(one)

    assert plain(theirs(one.side, document, operations)) != after
    assert (plain(theirs(one.side, document, operations, TOLERANT)) == after) is one.tolerated


class Agreed(NamedTuple):
    """What both come to, by which rule."""

    rule: str
    before: Json
    operation: Json
    after: Json
    side: Side = USERS


AGREED = (
    Agreed(
        "C14: null in an object at a filtered path unsets that one part",
        {**ADA, "emails": [{**WORK, "display": "Ada"}, HOME]},
        op("replace", 'emails[type eq "work"]', {"display": None}),
        {**ADA, "emails": [WORK, HOME]},
    ),
    Agreed(
        "RFC 7644 §3.5.2.3: an empty object changes nothing",
        MAILED,
        op("replace", 'emails[type eq "work"]', {}),
        MAILED,
    ),
    Agreed(
        "RFC 7643 §2.4: value and type do not tell cases apart, so the added element is there already",
        MAILED,
        op("add", "emails", [{**WORK, "value": "A@x.example"}]),
        MAILED,
    ),
    Agreed(
        "C18: nor does the list of a remove tell cases apart",
        MAILED,
        op("remove", "emails", [{"value": "A@x.example"}]),
        ADA,
    ),
    Agreed(
        "C13: an element is made of what a filter asks for, not of what it denies",
        STAFF,
        op("add", f'members[value ne "{IDS[2]}"]', {}),
        STAFF,
        GROUPS,
    ),
    Agreed(
        "C13: nor of what stands below a not",
        STAFF,
        op("add", f'members[not (value eq "{IDS[2]}")]', {}),
        STAFF,
        GROUPS,
    ),
)


@pytest.mark.parametrize("example", AGREED, ids=lambda example: example.rule)
def test_both_come_to_the_same(example: Agreed) -> None:
    operations = [example.operation]

    assert plain(ours(example.side, example.before, operations)) == plain(example.after)
    assert plain(theirs(example.side, example.before, operations, TOLERANT)) == plain(example.after)
