"""RFC-legal PATCH operations come to the same document as in scim2-models' PatchOp; where contract C and the RFC
differ, the contract wins, and the difference has a name here."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import Context, EnterpriseUser, Group, PatchOp, User
from scim2_models.exceptions import SCIMException

from ingress.scim import intake, patch, schema
from ingress.scim.schema import Schema
from models.errors import Refused
from models.group import SAME, Members
from tests.factories import ENTERPRISE, USER
from tests.factories import patch as body_of

Json = dict[str, Any]
Model = User[EnterpriseUser]
TYPES, NAMES = st.sampled_from(["work", "home", "other"]), st.sampled_from(["Ada", "Bo", "Chi"])
ADDRESSES = st.sampled_from(["a@x.example", "b@x.example", "c@x.example"])


def some(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object with one or more of these members."""
    return st.fixed_dictionaries({}, optional=values).filter(bool)


def of_values(values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Json]]:
    """Elements of a multi-valued attribute, each value and type once, at most one of them primary."""
    one = st.fixed_dictionaries({"value": values, "type": TYPES})
    several = st.lists(one, min_size=1, max_size=most, unique_by=lambda each: json.dumps(each, sort_keys=True))
    return st.tuples(several, st.integers(0, 3)).map(
        lambda two: [{**each, "primary": True} if n == two[1] else each for n, each in enumerate(two[0])]
    )


NAME = some(givenName=NAMES, familyName=NAMES, middleName=NAMES)
TEXTS = st.sampled_from(["title", "displayName", "nickName", "userType", "locale"])
ENTERPRISES = st.sampled_from(["department", "costCenter", "employeeNumber"])
DOCUMENTS = st.fixed_dictionaries(
    {"userName": NAMES},
    optional={
        "title": NAMES,
        "displayName": NAMES,
        "active": st.booleans(),
        "name": NAME,
        "emails": of_values(ADDRESSES),
        "roles": of_values(NAMES),
        ENTERPRISE: some(department=NAMES, costCenter=NAMES),
    },
).map(intake.user)

SUB_FILTERS = st.one_of(
    TYPES.map('type eq "{}"'.format),
    ADDRESSES.map('value eq "{}"'.format),
    st.tuples(TYPES, ADDRESSES).map('type eq "{0[0]}" and value eq "{0[1]}"'.format),
    st.just("primary eq true"),
    st.just('value co "@x"'),
    TYPES.map('not (type eq "{}")'.format),
    st.tuples(TYPES, TYPES).map('type eq "{0[0]}" or type eq "{0[1]}"'.format),
)
PLACED = st.one_of(
    st.tuples(TEXTS | TEXTS.map(f"{USER}:{{}}".format) | st.just("userName"), NAMES),
    st.tuples(st.sampled_from(["name.givenName", "name.familyName", f"{USER}:name.middleName"]), NAMES),
    st.tuples(ENTERPRISES.map(f"{ENTERPRISE}:{{}}".format), NAMES),
    st.tuples(st.just("name"), NAME),
    st.tuples(st.just("active"), st.booleans()),
    st.tuples(st.sampled_from(["emails"]), of_values(ADDRESSES)),
    st.tuples(st.just("roles"), of_values(NAMES)),
    st.tuples(SUB_FILTERS.map("emails[{}]".format), some(display=NAMES, type=TYPES)),
    st.tuples(SUB_FILTERS.map("emails[{}].display".format), NAMES),
    st.tuples(st.just(ENTERPRISE), some(department=NAMES, costCenter=NAMES)),
)
WHOLE = some(title=NAMES, name=NAME, emails=of_values(ADDRESSES), active=st.booleans()) | some(
    **{ENTERPRISE: some(department=NAMES)}
)
OPERATIONS = (
    st.tuples(st.sampled_from(["add", "replace"]), PLACED).map(
        lambda one: {"op": one[0], "path": one[1][0], "value": one[1][1]}
    )
    | st.tuples(st.sampled_from(["add", "replace"]), WHOLE).map(lambda one: {"op": one[0], "value": one[1]})
    | PLACED.map(lambda one: {"op": "remove", "path": one[0]})
)


def ours(document: Json, operations: list[Json], of: Schema = schema.USER) -> Any:
    """What our engine comes to: a document, or the type of its refusal."""
    try:
        patched = patch.apply(patch.parse(body_of(*operations), of), {**document, "members": SAME})
    except Refused as refusal:
        return refusal.scim_type
    return plain(patched | {"members": carried_out(patched["members"], document.get("members", []))})


def carried_out(members: Members, present: list[Json]) -> list[Json]:
    """The members of a group after a change of them."""
    ids = frozenset(one["value"] for one in present)
    stay = ids - members.without if members.only is None else ids & members.only
    return [{"value": one} for one in stay | members.plus]


def theirs(document: Json, operations: list[Json], model: Any = Model) -> Any:
    """What the library comes to."""
    resource = model.model_validate(document)
    try:
        asked = PatchOp[model].model_validate(body_of(*operations), scim_ctx=Context.RESOURCE_PATCH_REQUEST)
        asked.patch(resource)
    except SCIMException as refusal:
        return refusal.scim_type
    except ValueError as error:
        # What pydantic reports has the type in it: "[type=scim_mutability, …".
        return re.findall(r"type=scim_(\w+)", str(error))[0]
    return plain(resource.model_dump(scim_ctx=Context.DEFAULT))


def plain(value: Any) -> Any:
    """Without `schemas` and without what says nothing; an element that is not primary need not say so."""
    if isinstance(value, list):
        return sorted((plain(one) for one in value if one), key=lambda one: json.dumps(one, sort_keys=True))
    if not isinstance(value, dict):
        return value
    kept = {name: plain(one) for name, one in value.items() if name != "schemas" and (name, one) != ("primary", False)}
    return {name: one for name, one in kept.items() if one not in (None, "", [], {})}


IDS = st.sampled_from([f"00000000-0000-7000-8000-00000000000{n}" for n in range(4)])
MEMBERS = st.lists(st.fixed_dictionaries({"value": IDS}), min_size=1, max_size=3, unique_by=lambda one: one["value"])
GROUPS = st.fixed_dictionaries({"displayName": NAMES}, optional={"members": MEMBERS, "externalId": NAMES}).map(
    lambda body: body | {"schemas": [schema.GROUP_CORE]}
)
GROUP_PLACED = st.one_of(
    st.tuples(st.just("members"), MEMBERS),
    st.tuples(st.sampled_from(["displayName", f"{schema.GROUP_CORE}:displayName"]), NAMES),
    st.tuples(st.just("externalId"), NAMES),
)
GROUP_OPERATIONS = (
    st.tuples(st.sampled_from(["add", "replace"]), GROUP_PLACED).map(
        lambda one: {"op": one[0], "path": one[1][0], "value": one[1][1]}
    )
    | st.tuples(st.sampled_from(["add", "replace"]), some(displayName=NAMES, members=MEMBERS)).map(
        lambda one: {"op": one[0], "value": one[1]}
    )
    | st.sampled_from(["members", "externalId", "displayName"]).map(lambda one: {"op": "remove", "path": one})
    | IDS.map(lambda one: {"op": "remove", "path": f'members[value eq "{one}"]'})
    | IDS.map(lambda one: {"op": "remove", "path": f'members[not (value eq "{one}")]'})
)


@dataclass(frozen=True)
class Exception_:
    """A difference that contract C makes: how an operation on a document is known to be one, and an example."""

    rule: str
    reason: str
    holds: Callable[[Json, Json], bool]
    example: tuple[Json, Json, Json]


def finds_nothing(document: Json, operation: Json) -> bool:
    """Whether the operation's path has a filter with an `eq` that no element satisfies."""
    path = operation.get("path", "")
    selects = patch.target(path).selects if "[" in path and operation["op"] != "remove" else None
    return selects is not None and " eq " in path and not any(map(selects, document.get("emails", [])))


def completes_one(document: Json, operation: Json) -> bool:
    """Whether an `add` has an element whose value and type are there, with something else said of it."""
    if operation["op"] != "add":
        return False
    value, path = operation["value"], operation.get("path")
    added = {path: value} if path in ("emails", "roles") else value if path is None else {}
    return any(
        (one["value"], one["type"]) == (present["value"], present["type"]) and one != present
        for name in ("emails", "roles")
        for one in added.get(name, [])
        for present in document.get(name, [])
    )


WORK = {"value": "a@x.example", "type": "work"}
EXCEPTIONS = (
    Exception_(
        "C13: a filtered path that finds nothing makes the element",
        "Entra sends attributes so without looking whether the element is there; the RFC's noTarget ends its sync",
        finds_nothing,
        (
            {"userName": "Ada"},
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@x.example"},
            {"userName": "Ada", "emails": [WORK]},
        ),
    ),
    Exception_(
        "C18 for every list: an element that is there already is completed, not added a second time",
        "the same address twice, once primary and once not, is what no identity provider means by add",
        completes_one,
        (
            {"userName": "Ada", "emails": [WORK]},
            {"op": "add", "path": "emails", "value": [WORK | {"primary": True}]},
            {"userName": "Ada", "emails": [WORK | {"primary": True}]},
        ),
    ),
)
PATIENTLY = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])


@PATIENTLY
@given(DOCUMENTS, st.lists(OPERATIONS, min_size=1, max_size=5))
def test_our_engine_and_the_library_come_to_the_same_user(document: Json, operations: list[Json]) -> None:
    for operation in operations:
        if any(one.holds(document, operation) for one in EXCEPTIONS):
            continue
        ours_, theirs_ = ours(document, [operation]), theirs(document, [operation])

        assert ours_ == theirs_, (document, operation)
        if isinstance(ours_, dict):
            document = patch.apply(patch.parse(body_of(operation)), document)


@PATIENTLY
@given(DOCUMENTS, st.lists(OPERATIONS, min_size=2, max_size=4))
def test_several_operations_come_to_what_each_does_after_the_other(document: Json, operations: list[Json]) -> None:
    expected: Any = document
    for operation in operations:
        if isinstance(expected, dict):
            try:
                expected = patch.apply(patch.parse(body_of(operation)), expected)
            except Refused as refusal:
                expected = refusal.scim_type

    assert ours(document, operations) == (plain(expected) if isinstance(expected, dict) else expected)


@PATIENTLY
@given(GROUPS, st.lists(GROUP_OPERATIONS, min_size=1, max_size=5))
def test_our_engine_and_the_library_come_to_the_same_group(document: Json, operations: list[Json]) -> None:
    assert ours(document, operations, schema.GROUP) == theirs(document, operations, Group)


@pytest.mark.parametrize("one", EXCEPTIONS, ids=lambda one: one.rule)
def test_each_exception_is_a_difference_and_ours_is_the_contracts(one: Exception_) -> None:
    document, operation, expected = one.example

    assert one.holds(document, operation)
    assert ours(document, [operation]) == plain(expected)
    assert theirs(document, [operation]) != plain(expected)
