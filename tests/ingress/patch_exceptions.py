"""Where Muster's PATCH differs from scim2-models' on purpose: by which rule, why, and how such a write is known.

A write is read here without our engine, so that a mistake of the engine's does not hide itself.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from scim2_models import Context, EnterpriseUser, Group, PatchOp, Path, User
from scim2_models.exceptions import SCIMException

from ingress.scim import schema
from ingress.scim.schema import Schema
from tests.factories import ENTERPRISE, USER
from tests.ingress import patch_strategies as made
from tests.ingress.patch_strategies import GROUP, IDS, MANAGER, Json

EMPTY: tuple[Any, ...] = (None, "", [], {})


class Side(NamedTuple):
    """A resource type on both sides: our schema, the library's classes, and the attribute that is required."""

    of: Schema
    model: Any
    patch: Any
    path: Any
    required: str


Person = User[EnterpriseUser]
USERS = Side(schema.USER, Person, PatchOp[Person], Path[Person], "userName")
GROUPS = Side(schema.GROUP, Group, PatchOp[Group], Path[Group], "displayName")


class Write(NamedTuple):
    """One attribute that an operation writes, read without our engine; `owner` is "" for the core schema."""

    op: str
    owner: str
    name: str
    where: str | None
    sub: str | None
    value: Any
    by_key: bool = False  # the attribute is named by a member of a value, not by a path

    @property
    def takes_all(self) -> bool:
        return self.where is None and self.sub is None

    @property
    def parts(self) -> list[Json]:
        """The objects in the value."""
        return [one for one in elements(self.value) if isinstance(one, dict)]

    @property
    def object(self) -> Json:
        return self.value if isinstance(self.value, dict) else {}


_NAMES = (
    *made.MANY,
    *[
        "name",
        "active",
        "userName",
        "members",
        "displayName",
        "manager",
        "externalId",
        "groups",
        "id",
        "meta",
        "schemas",
    ],
)
SPELT = {name.lower(): name for name in _NAMES}
SINGLE = frozenset(["title", "displayName", "nickName", "userType", "locale", "timezone", "externalId", "userName"])
ELEMENT = frozenset(("value", "display", "type", "primary"))
SUBS: dict[str, frozenset[str]] = {
    **dict.fromkeys(made.MANY, ELEMENT),
    "name": frozenset(["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"]),
    "addresses": frozenset(
        ["formatted", "streetAddress", "locality", "region", "postalCode", "country", "type", "primary"]
    ),
}
_PATH = re.compile(r"(?P<name>[^\[\].]*)(?:\[(?P<where>.*)\])?(?:\.(?P<sub>.+))?")


def writes(operation: Json) -> Iterator[Write]:
    """What an operation writes, attribute by attribute, in whichever form it was sent."""
    op, path, value = operation["op"].lower(), operation.get("path") or "", operation.get("value")
    if op == "remove" or path not in ("", USER, GROUP, ENTERPRISE) or not isinstance(value, dict):
        yield _write(op, path, value, by_key=False)
        return
    for key, member in value.items():
        if key == ENTERPRISE and isinstance(member, dict):
            yield from (_write(op, f"{key}:{name}", one, by_key=True) for name, one in member.items())
        else:
            yield _write(op, f"{path}:{key}" if path == ENTERPRISE else key, member, by_key=True)


def _write(op: str, path: str, value: Any, *, by_key: bool) -> Write:
    owner = next((urn for urn in (USER, GROUP, ENTERPRISE) if path.startswith(f"{urn}:")), "")
    rest = path[len(owner) + 1 :] if owner else path
    found = _PATH.fullmatch(rest)
    if rest.startswith("urn:") or found is None:
        return Write(op, rest, "", None, None, value, by_key)
    name = SPELT.get(found["name"].lower(), found["name"])
    return Write(op, owner if owner == ENTERPRISE else "", name, found["where"], found["sub"], value, by_key)


def elements(value: Any) -> list[Any]:
    """A value for a multi-valued attribute as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def selected(side: Side, document: Json, write: Write) -> list[Json] | None:
    """The elements that a path's filter selects, as the library evaluates it; None where no sound filter is."""
    if write.where is None or write.name not in (*made.MANY, "members"):
        return None
    try:
        found = side.path(f"{write.name}[{write.where}]").get(side.model.model_validate(document))
    except (SCIMException, ValueError):
        return None
    return [one.model_dump(scim_ctx=Context.DEFAULT) for one in found or []]


def terms(where: str) -> list[str]:
    """The terms of a filter that all have to hold."""
    return re.split(r" and (?![^(]*\))", where)


def eq_pairs(where: str) -> list[tuple[str, str]]:
    """The `eq` pairs among them."""
    found = (re.fullmatch(r'(\w+) eq "?([^"]*)"?', term, re.IGNORECASE) for term in terms(where))
    return [(pair[1].lower(), pair[2].lower()) for pair in found if pair and " or " not in pair[0]]


# How each exception is known.

Holds = Callable[[Side, Json, Write], bool]


class Named(NamedTuple):
    """A difference: by which rule, why, how a write is known to be one; and an example: before, operations, after."""

    rule: str
    reason: str
    holds: Holds
    example: tuple[Json, Json | list[Json], Json | str]
    side: Side = USERS
    tolerated: bool = False  # the library does as we do under its tolerant policy


def is_many(write: Write) -> bool:
    return write.owner == "" and write.name in made.MANY


def sets(write: Write) -> bool:
    return write.op in ("add", "replace")


def is_manager(write: Write) -> bool:
    return write.owner == ENTERPRISE and write.name == "manager"


def says_nothing(value: Any) -> bool:
    return value in EMPTY or (isinstance(value, dict) and all(one in EMPTY for one in value.values()))


def finds_none(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and is_many(write) and selected(side, document, write) == []


def creates(side: Side, document: Json, write: Write) -> bool:
    described = bool(eq_pairs(write.where or "")) and not says_nothing(write.value)
    return described and finds_none(side, document, write)


def creates_of_some(side: Side, document: Json, write: Write) -> bool:
    where = write.where or ""
    return creates(side, document, write) and len(eq_pairs(where)) < len(terms(where))


def creates_otherwise(side: Side, document: Json, write: Write) -> bool:
    """What is written, or another term, contradicts a term of the filter."""
    pairs = eq_pairs(write.where or "")
    written = [(write.sub, write.value)] if write.sub else [pair for one in write.parts for pair in one.items()]
    meant = {name: str(value).lower() for name, value in [*pairs, *written]}
    return creates(side, document, write) and any(meant[name] != value for name, value in pairs)


def unsets_none(side: Side, document: Json, write: Write) -> bool:
    return says_nothing(write.value) and finds_none(side, document, write)


def adds_null(side: Side, document: Json, write: Write) -> bool:
    return (
        write.op == "add" and write.value is None and not write.by_key and write.name not in ("active", side.required)
    )


def empty_text(side: Side, document: Json, write: Write) -> bool:
    takes_none = write.name in ("name", "active", "manager", *made.MANY) or write.owner == ENTERPRISE and not write.name
    return sets(write) and write.value == "" and takes_none and write.sub is None


def null_activity(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and write.name == "active" and write.value is None


def unknown_member(side: Side, document: Json, write: Write) -> bool:
    if not sets(write) or write.owner:
        return False
    known = SUBS.get(write.name)
    of_value = write.sub is None and known is not None and any(set(one) - known for one in write.parts)
    return of_value or (write.by_key and write.name == "shoe")


def custom(side: Side, document: Json, write: Write) -> bool:
    in_known = write.owner == ENTERPRISE and write.name in ("badge", "x")
    return in_known or (write.by_key and write.name == "x") or write.owner.startswith("urn:x:")


def ours_to_say(side: Side, document: Json, write: Write) -> bool:
    return write.name in ("id", "meta")


def groups_by_key(side: Side, document: Json, write: Write) -> bool:
    return write.by_key and write.name == "groups"


def never_kept(side: Side, document: Json, write: Write) -> bool:
    return write.name == "password"


def schemas_written(side: Side, document: Json, write: Write) -> bool:
    return write.name == "schemas" and not write.by_key


def filter_as_key(side: Side, document: Json, write: Write) -> bool:
    return write.by_key and write.where is not None


def short_name(side: Side, document: Json, write: Write) -> bool:
    dotted = write.owner.startswith((f"{ENTERPRISE}.", f"{USER}."))
    return side is USERS and (dotted or (write.owner == "" and write.name in ("manager", "department")))


def manager_otherwise(side: Side, document: Json, write: Write) -> bool:
    odd = isinstance(write.value, str | list) or "managerId" in write.object
    return sets(write) and is_manager(write) and write.sub is None and odd


def manager_name(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and is_manager(write) and "displayName" in write.object


def another_manager(side: Side, document: Json, write: Write) -> bool:
    present = document.get(ENTERPRISE, {}).get("manager", {})
    said = {write.sub: write.value} if write.sub else write.object
    other = "value" in said and said["value"] != present.get("value")
    return sets(write) and is_manager(write) and other and bool(set(present) - set(said))


def part_of_manager(side: Side, document: Json, write: Write) -> bool:
    present = document.get(ENTERPRISE, {}).get("manager", {})
    return write.op == "remove" and is_manager(write) and write.sub == "$ref" and "$ref" in present


def value_of_manager_unset(side: Side, document: Json, write: Write) -> bool:
    present = document.get(ENTERPRISE, {}).get("manager", {})
    unset = write.op == "remove" or write.value in (None, "")
    return unset and is_manager(write) and write.sub == "value" and bool(present)


def bare_text(side: Side, document: Json, write: Write) -> bool:
    takes = write.name in (*made.MANY, "members") and write.takes_all
    return sets(write) and takes and any(isinstance(one, str) and one for one in elements(write.value))


def two_primaries(side: Side, document: Json, write: Write) -> bool:
    if not sets(write) or not is_many(write):
        return False
    if write.takes_all:
        return sum(one.get("primary") is True for one in write.parts) > 1
    marks = (
        write.sub == "primary"
        and write.value in (True, "True")
        or any(one.get("primary") is True for one in write.parts)
    )
    hit = document.get(write.name, []) if write.where is None else selected(side, document, write) or []
    return marks and len(hit) > 1


def adds_elements(write: Write) -> bool:
    return write.op == "add" and is_many(write) and write.takes_all


def completes(side: Side, document: Json, write: Write) -> bool:
    present = document.get(write.name, []) if adds_elements(write) else []
    alike = ((one, other) for one in write.parts for other in present if "value" in one and key(one) == key(other))
    return any(folded(one) != folded(other) for one, other in alike)


def folded(one: Json) -> Json:
    """An element without regard to case in what it is known by."""
    return {name: part.lower() if name in ("value", "type") else part for name, part in one.items()}


def key(one: Json) -> str:
    """What makes an element the one it is: value and type, else all of it."""
    return json.dumps([one["value"], one.get("type")] if "value" in one else one, sort_keys=True).lower()


def twice_in_one(side: Side, document: Json, write: Write) -> bool:
    return adds_elements(write) and len({key(one) for one in write.parts}) < len(write.parts)


def removes_by_objects(side: Side, document: Json, write: Write) -> bool:
    """A list of objects without a filter, each with a value and nothing else: the library can be told to take it."""
    listed = isinstance(write.value, list) and all(set(one) == {"value"} for one in write.parts)
    all_objects = listed and len(write.parts) == len(write.value)
    return write.op == "remove" and all_objects and write.takes_all and write.name in (*made.MANY, "members")


def removes_otherwise(side: Side, document: Json, write: Write) -> bool:
    return write.op == "remove" and write.value is not None and not removes_by_objects(side, document, write)


def list_at_a_filter(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and is_many(write) and bool(write.where) and isinstance(write.value, list)


def null_at_a_filter(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and is_many(write) and bool(write.where) and write.sub is None and write.value is None


def bad_filter(side: Side, document: Json, write: Write) -> bool:
    return write.where is not None and ("colour" in write.where or write.name in SINGLE)


def no_operation(side: Side, document: Json, write: Write) -> bool:
    return write.op not in ("add", "replace", "remove")


def required_unset(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and write.owner == "" and write.name == side.required and write.value in (None, "", [])


def lax_boolean(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and write.name == "active" and type(write.value) in (str, int) and write.value in ("yes", 1, 0)


def no_address(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and write.name == "emails" and any("@" not in str(one.get("value", "@")) for one in write.parts)


def empties_element(side: Side, document: Json, write: Write) -> bool:
    """A part is unset that is all an element has."""
    unsets = write.op == "remove" or write.value in (None, "")
    present = document.get(write.name, []) if is_many(write) else []
    hit = present if write.where is None else selected(side, document, write) or []
    return unsets and write.sub is not None and any(set(one) == {write.sub} for one in hit)


def part_of_none(side: Side, document: Json, write: Write) -> bool:
    is_part = is_many(write) and write.where is None and write.sub in SUBS.get(write.name, ())
    return sets(write) and is_part and write.value is not None and not document.get(write.name)


def extension_unset(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and write.owner == ENTERPRISE and not write.name and write.value is None


def whole_resource(side: Side, document: Json, write: Write) -> bool:
    return write.owner in (USER, GROUP) and (write.op == "remove" or write.value in (None, ""))


def is_members(write: Write) -> bool:
    return write.owner == "" and write.name == "members"


def part_of_members(side: Side, document: Json, write: Write) -> bool:
    return is_members(write) and write.sub is not None


def other_member_filter(side: Side, document: Json, write: Write) -> bool:
    return is_members(write) and "type" in (write.where or "")


def writes_at_members(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and is_members(write) and write.where is not None and write.sub is None


def nobody(side: Side, document: Json, write: Write) -> bool:
    return sets(write) and is_members(write) and any(one.get("value") == "nobody" for one in write.parts)


WORK: Json = {"value": "a@x.example", "type": "work"}
HOME: Json = {"value": "b@x.example", "type": "home"}
ADA: Json = {"userName": "Ada"}
MAILED: Json = {**ADA, "emails": [WORK]}
STAFF: Json = {"displayName": "Staff", "members": [{"value": IDS[0]}, {"value": IDS[1]}]}


def op(op: str, path: str | None = None, *value: Any) -> Json:
    """An operation; without a value, none is sent."""
    return {"op": op, **({"path": path} if path is not None else {}), **({"value": value[0]} if value else {})}


def managed(**manager: str) -> Json:
    """Ada with this manager."""
    return {**ADA, ENTERPRISE: {"manager": manager}}


MANAGED = managed(value="m-1", **{"$ref": "https://x.example/Users/1"})


EXCEPTIONS: dict[str, Named] = {
    "a filter that finds nothing makes an element": Named(
        "C13",
        "Entra writes a part of an element without looking whether it is there; noTarget would end its sync",
        creates,
        (ADA, op("replace", 'emails[type eq "work"].value', "a@x.example"), MAILED),
        tolerated=True,
    ),
    "a filter makes an element of its eq pairs, whatever else it asks": Named(
        "C13, C22",
        "noTarget is for a filter without eq pairs; the library wants every term to be an eq",
        creates_of_some,
        (
            ADA,
            op("add", 'emails[type eq "work" and value co "@x"].display', "Ada"),
            {**ADA, "emails": [{"type": "work", "display": "Ada"}]},
        ),
    ),
    "what is written wins over the filter that made the element": Named(
        "C13",
        "the sub-attribute is added to the eq pairs; the library refuses an element that its filter would not find",
        creates_otherwise,
        (ADA, op("add", 'roles[type eq "work"].type', "home"), {**ADA, "roles": [{"type": "home"}]}),
    ),
    "unsetting or writing nothing where no element is is success": Named(
        "C22",
        "removing what is absent is success, null is a way to remove, and an empty object makes no element",
        unsets_none,
        (MAILED, op("replace", 'emails[type eq "home"].display', None), MAILED),
    ),
    "an add of null unsets": Named(
        "C14",
        "null unsets; RFC 7644 §3.5.2.1 only says that an add has a value, and IdPs do not tell add from replace",
        adds_null,
        ({**ADA, "title": "Dean"}, op("add", "title", None), ADA),
    ),
    "empty text unsets what takes no text": Named(
        "C14, C16",
        "Okta and Entra empty an attribute by an empty text, whatever its type",
        empty_text,
        ({**ADA, "name": {"givenName": "Ada"}}, op("replace", "name", ""), ADA),
    ),
    "null for active leaves it as it is": Named(
        "C19",
        "what says nothing of active keeps the state: an emptied mapping must not change who may sign in",
        null_activity,
        ({**ADA, "active": False}, op("replace", "active", None), {**ADA, "active": False}),
    ),
    "unknown members of a value are ignored": Named(
        "C19",
        "OneLogin's and Okta's templates carry members of the admin's own making",
        unknown_member,
        (ADA, op("add", None, {"shoe": 44, "title": "Dean"}), {**ADA, "title": "Dean"}),
    ),
    "attributes of an extension are kept whether known or not": Named(
        "C12, section 3.3",
        "Entra's custom attributes come under URNs of the admin's own making, or under a known one",
        custom,
        (ADA, op("add", "urn:x:y:2.0:User:badge", "7"), {**ADA, "urn:x:y:2.0:User": {"badge": "7"}}),
    ),
    "id and meta are ignored": Named(
        "C22",
        "Okta's group rename carries the id; the RFC's mutability would refuse the rename",
        ours_to_say,
        (ADA, op("replace", None, {"id": "x", "title": "Dean"}), {**ADA, "title": "Dean"}),
    ),
    "groups within a value are ignored": Named(
        "C19",
        "Okta sends a user's groups back; a path that names them is mutability all the same",
        groups_by_key,
        (ADA, op("replace", None, {"groups": [{"value": "g"}]}), ADA),
    ),
    "a password is never kept": Named(
        "C23",
        "Okta sends one even where password sync is off",
        never_kept,
        (ADA, op("replace", "password", "s3cret"), ADA),
    ),
    "schemas follows what the document holds": Named(
        "C19, RFC 7643 §3",
        "schemas is ours to say: taking a URN out of it must not take the extension's values away",
        schemas_written,
        (MANAGED, op("replace", "schemas", [USER]), MANAGED),
    ),
    "a key of a value may have a filter": Named(
        "C12",
        "Entra's flag moves paths into keys",
        filter_as_key,
        (
            MAILED,
            op("replace", None, {'emails[type eq "work"].value': "c@x.example"}),
            {**ADA, "emails": [{**WORK, "value": "c@x.example"}]},
        ),
    ),
    "enterprise attributes have short names and dots": Named(
        "C15",
        "Entra sends `manager`, `department` and the old dot form",
        short_name,
        (ADA, op("add", f"{ENTERPRISE}.department", "Sums"), {**ADA, ENTERPRISE: {"department": "Sums"}}),
    ),
    "a manager is text, a list of one or has a managerId": Named(
        "C16",
        "Entra sends bare text or a list, OneLogin a managerId",
        manager_otherwise,
        (ADA, op("add", MANAGER, "m-2"), managed(value="m-2")),
    ),
    "a manager's displayName is kept": Named(
        "C16",
        "OneLogin sends it, and there is nobody of whom we could read it; the RFC calls it read-only",
        manager_name,
        (ADA, op("add", MANAGER, {"value": "m-2", "displayName": "Pia"}), managed(value="m-2", displayName="Pia")),
    ),
    "another manager inherits nothing": Named(
        "C14, C16",
        "a merge would leave the former manager's $ref beside the new one's id",
        another_manager,
        (MANAGED, op("replace", MANAGER, {"value": "m-2"}), managed(value="m-2")),
    ),
    "a manager's parts come and go alone": Named(
        "C22",
        "nothing but userName is required of a user; the library requires value and $ref of a manager",
        part_of_manager,
        (MANAGED, op("remove", f"{MANAGER}.$ref"), managed(value="m-1")),
    ),
    "a manager without a value is none": Named(
        "C16",
        "an empty manager.value removes the manager, its $ref too; the library requires both of them",
        value_of_manager_unset,
        (MANAGED, op("remove", f"{MANAGER}.value"), ADA),
    ),
    "a text stands for an element": Named(
        "C17, C18",
        "a bare id is a member; the same is taken for the value of an e-mail address",
        bare_text,
        (ADA, op("add", "emails", "a@x.example"), {**ADA, "emails": [{"value": "a@x.example"}]}),
    ),
    "two primaries in one operation are taken": Named(
        "C17",
        "PingOne marks two addresses primary; a refusal would hold back all else that the request says",
        two_primaries,
        (
            ADA,
            op("replace", "emails", [{**WORK, "primary": True}, {**HOME, "primary": True}]),
            {**ADA, "emails": [{**WORK, "primary": True}, {**HOME, "primary": True}]},
        ),
    ),
    "an added element that is there is completed": Named(
        "RFC 7643 §2.4, C18's union for every list",
        "no two elements should have one type and value; the library compares all sub-attributes and adds a second",
        completes,
        (MAILED, op("add", "emails", [{**WORK, "display": "Ada"}]), {**ADA, "emails": [{**WORK, "display": "Ada"}]}),
    ),
    "an element that one add has twice is added once": Named(
        "RFC 7643 §2.4, §3.5.2.1",
        "the library compares with what was there before, not with what it has just added",
        twice_in_one,
        (ADA, op("add", "emails", [WORK, WORK]), MAILED),
    ),
    "a remove takes what its value lists": Named(
        "C18",
        "Entra and JumpCloud remove members so; the RFC reads a remove's path alone",
        removes_by_objects,
        ({**ADA, "emails": [WORK, HOME]}, op("remove", "emails", [{"value": "b@x.example"}]), MAILED),
        tolerated=True,
    ),
    "a remove's value counts only where it lists elements": Named(
        "C18, C22",
        "otherwise the path says what goes",
        removes_otherwise,
        ({**ADA, "title": "Dean"}, op("remove", "title", "Dean"), ADA),
    ),
    "a filtered path takes a list": Named(
        "C17",
        "one object and a list of one are the same to the IdPs",
        list_at_a_filter,
        (
            MAILED,
            op("add", 'emails[type eq "work"]', [{"display": "A"}]),
            {**ADA, "emails": [{**WORK, "display": "A"}]},
        ),
    ),
    "null at a filtered path removes what it finds": Named(
        "C14",
        "null unsets (RFC 7643 §2.5); the library takes it for an element and refuses it",
        null_at_a_filter,
        (MAILED, op("replace", 'emails[type eq "work"]', None), ADA),
    ),
    "a filter that makes no sense is an invalid path": Named(
        "C22, RFC 7644 §3.12 Table 9",
        "the table has both types for a PATCH: what is wrong is the path, and that is what an administrator must mend",
        bad_filter,
        (MAILED, op("remove", 'emails[colour eq "x"]'), "invalidPath"),
    ),
    "an unknown op is invalid syntax": Named(
        "C22",
        "bad op is 400 without a type; the body's structure is wrong (Table 9), not a value for an attribute",
        no_operation,
        (ADA, op("move", "title", "x"), "invalidSyntax"),
    ),
    "a required attribute that is emptied has an invalid value": Named(
        "RFC 7644 §3.12 Table 9",
        "a required value is missing; the library says mutability to null, and takes empty text",
        required_unset,
        (ADA, op("replace", "userName", ""), "invalidValue"),
    ),
    "only true and false are booleans": Named(
        "C11",
        "any other text or number is invalidValue; the library takes what pydantic takes",
        lax_boolean,
        (ADA, op("replace", "active", "yes"), "invalidValue"),
    ),
    "an e-mail address is stored as it was sent": Named(
        "C24",
        "the library wants an address as RFC 5322 has it",
        no_address,
        (ADA, op("add", "emails", [{"value": "ada"}]), {**ADA, "emails": [{"value": "ada"}]}),
    ),
    "a part of an attribute without elements makes one": Named(
        "RFC 7644 §3.5.2.1, §3.5.2.3",
        "a target that is not there is added; the library drops the value without a word",
        part_of_none,
        (ADA, op("add", "emails.value", "a@x.example"), {**ADA, "emails": [{"value": "a@x.example"}]}),
    ),
    "an element of which nothing is left is gone": Named(
        "RFC 7643 §2.5",
        "what is empty is absent; in the library an operation that follows still finds it",
        empties_element,
        (
            {**ADA, "roles": [{"display": "A"}]},
            [op("remove", "roles[display pr].display"), op("replace", 'roles[type ne "work"]', {"value": "B"})],
            "noTarget",
        ),
    ),
    "null unsets a whole extension": Named(
        "C14",
        "null unsets; the library wants an object at an extension's URN",
        extension_unset,
        (MANAGED, op("replace", ENTERPRISE, None), ADA),
    ),
    "the resource as a whole cannot be removed": Named(
        "C22",
        "a remove or null at the core schema's URN changes nothing; the library says invalidPath or invalidValue",
        whole_resource,
        (ADA, op("remove", USER), ADA),
    ),
}


EXCEPTIONS |= {
    "members come and go whole": Named(
        "C18, RFC 7643 §8.7.1",
        "value, $ref and type are immutable, so no part of a member can be written; the library says so only of those"
        " that are there",
        part_of_members,
        ({"displayName": "Staff"}, op("replace", "members.value", IDS[0]), "mutability"),
        GROUPS,
    ),
    "members are selected by their ids alone": Named(
        "C18",
        "100,000 members are rows: what a filter says of all of them must be known without reading them",
        other_member_filter,
        (STAFF, op("remove", 'members[type eq "User"]'), "invalidPath"),
        GROUPS,
    ),
    "members that a filter selects are exchanged": Named(
        "C13, C18",
        "a member is not changed (the library's mutability): those selected go, and those in the value come",
        writes_at_members,
        (
            STAFF,
            op("replace", f'members[value eq "{IDS[1]}"]', {"value": IDS[2]}),
            {**STAFF, "members": [{"value": IDS[0]}, {"value": IDS[2]}]},
        ),
        GROUPS,
    ),
    "one who cannot be a user of ours is left out of an add": Named(
        "C18",
        "Entra adds by the hundred, and one who is nobody must not hold back the others; a replace is refused",
        nobody,
        (STAFF, op("add", "members", [{"value": "nobody"}]), STAFF),
        GROUPS,
    ),
}
