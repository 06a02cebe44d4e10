"""PATCH requests as each provider sends them, whole: where the form is told, the resource before and after.

A source is the provider's own documentation ("documented"), traffic ("observed", with the public repository's thread
where there is one), an RFC, or our inference from the provider's other forms; C… are rules of the contract.
"""

import copy
from typing import Any, NamedTuple

import pytest

from ingress.scim import intake, patch, schema
from ingress.scim.schema import Schema
from models.errors import Refused
from models.group import SAME, Members
from tests.factories import ENTERPRISE, USER
from tests.factories import patch as body_of

Json = dict[str, Any]
A, B, C = (f"00000000-0000-7000-8000-00000000000{n}" for n in range(3))
BADGE = "urn:ietf:params:scim:schemas:extension:AlpineExt:2.0:User"
MANAGER = f"{ENTERPRISE}:manager"
WORK: Json = {"value": "ravi@x", "type": "work", "primary": True}
PHONE: Json = {"value": "+61 3", "type": "work"}
BARE: Json = {"userName": "ravi", "active": True}
RAVI: Json = {
    **BARE,
    "externalId": "ravi.menon",
    "displayName": "Ravi Menon",
    "name": {"givenName": "Ravi", "familyName": "Menon"},
    "emails": [WORK],
    "phoneNumbers": [PHONE],
    ENTERPRISE: {"employeeNumber": "A1007", "department": "Admissions"},
}


class Row(NamedTuple):
    """One request: who sends it, where that is told, the resource before, the operations, the resource after."""

    id: str
    idp: str
    source: str
    before: Json
    operations: list[Json]
    after: Json


def op(op: str, path: str | None = None, *value: Any) -> Json:
    """An operation; without a value, none is sent."""
    return {"op": op, **({"path": path} if path is not None else {}), **({"value": value[0]} if value else {})}


def ravi(**changes: Any) -> Json:
    """Ravi with these attributes instead; None takes one away."""
    return {name: value for name, value in {**RAVI, **changes}.items() if value is not None}


def employed(**changes: Any) -> Json:
    """Ravi with these enterprise attributes instead."""
    held = {**RAVI[ENTERPRISE], **changes}
    return ravi(**{ENTERPRISE: {name: value for name, value in held.items() if value is not None}})


def managed(**manager: str) -> Json:
    """Ravi with this manager."""
    return employed(manager=manager)


ENTRA = (
    Row(
        "many attributes, one operation each",
        "Entra",
        "documented",
        RAVI,
        [
            op("Replace", "displayName", "Ravi K."),
            op("Replace", 'emails[type eq "work"].value', "rk@x"),
            op("Replace", "name.givenName", "Ravi K."),
            op("Replace", "externalId", "rk"),
            op("Replace", f"{ENTERPRISE}:employeeNumber", "A1007-2"),
        ],
        {
            **employed(employeeNumber="A1007-2"),
            "displayName": "Ravi K.",
            "emails": [{**WORK, "value": "rk@x"}],
            "name": {"givenName": "Ravi K.", "familyName": "Menon"},
            "externalId": "rk",
        },
    ),
    Row(
        "filtered paths, and all the rest without a path",
        "Entra with the flag",
        "documented",
        RAVI,
        [
            op("replace", 'emails[type eq "work"].value', "rk@x"),
            op(
                "replace",
                None,
                {"displayName": "Ravi K.", "name.familyName": "M.", f"{ENTERPRISE}:employeeNumber": "D-88"},
            ),
        ],
        {
            **employed(employeeNumber="D-88"),
            "displayName": "Ravi K.",
            "emails": [{**WORK, "value": "rk@x"}],
            "name": {"givenName": "Ravi", "familyName": "M."},
        },
    ),
    Row(
        "text disables",
        "Entra",
        "documented; C11",
        RAVI,
        [op("Replace", "active", "False")],
        ravi(active=False),
    ),
    Row("text enables", "Entra", "3.5 [D]; C11", ravi(active=False), [op("Replace", "active", "True")], RAVI),
    Row(
        "a boolean disables",
        "Entra with the flag",
        "documented",
        RAVI,
        [op("replace", "active", False)],
        ravi(active=False),
    ),
    Row(
        "provision on demand sends the old style beside the flag's",
        "Entra with the flag",
        "documented",
        RAVI,
        [op("Replace", "active", "False"), op("replace", None, {"nickName": "Rav"})],
        ravi(active=False, nickName="Rav"),
    ),
    Row("one attribute is added", "Entra", "3.4 [D]", RAVI, [op("Add", "nickName", "Rav")], ravi(nickName="Rav")),
    Row("a user is renamed", "Entra", "3.4 [D]", RAVI, [op("Replace", "userName", "rk@x")], ravi(userName="rk@x")),
    Row(
        "an address is added to a user without any",
        "Entra",
        "observed; scim-for-keycloak issue 73",
        BARE,
        [op("Add", 'emails[type eq "work"].value', "r@x")],
        {**BARE, "emails": [{"type": "work", "value": "r@x"}]},
    ),
    Row(
        "a replace of an address that is not there adds it",
        "Entra",
        "observed; wire-server pull request 5419; C13",
        RAVI,
        [op("Replace", 'emails[type eq "other"].value', "home@x")],
        ravi(emails=[WORK, {"type": "other", "value": "home@x"}]),
    ),
    Row(
        "an address, a place and a department in one request",
        "Entra",
        "observed: laravel-scim-server issue 34",
        employed(department=None),
        [
            op("Replace", 'emails[type eq "work"].value', "AdeleV2@x"),
            op("Replace", 'addresses[type eq "work"].formatted', "18/2111"),
            op("Add", f"{ENTERPRISE}:department", "Retail"),
        ],
        {
            **employed(department="Retail"),
            "emails": [{**WORK, "value": "AdeleV2@x"}],
            "addresses": [{"type": "work", "formatted": "18/2111"}],
        },
    ),
    Row(
        "a literal without quotes selects",
        "Entra",
        "C7; documented: Microsoft on SCIM compatibility",
        RAVI,
        [op("Replace", "emails[type eq work].value", "rk@x")],
        ravi(emails=[{**WORK, "value": "rk@x"}]),
    ),
    Row(
        "a primary role by text in the filter, three parts of it",
        "Entra",
        "documented",
        RAVI,
        [op("Replace", f'roles[primary eq "True"].{part}', part) for part in ("value", "type", "display")],
        ravi(roles=[{"primary": True, "value": "value", "type": "type", "display": "display"}]),
    ),
    Row(
        "a primary role that is there gets another value",
        "Entra",
        "documented",
        ravi(roles=[{"value": "Reader", "primary": True}, {"value": "Guest"}]),
        [op("Replace", 'roles[primary eq "True"].value', "Editor")],
        ravi(roles=[{"value": "Editor", "primary": True}, {"value": "Guest"}]),
    ),
    Row(
        "a role whose primary is text",
        "Entra",
        "observed; C11",
        RAVI,
        [op("Add", "roles", [{"value": "Admin", "primary": "True"}])],
        ravi(roles=[{"value": "Admin", "primary": True}]),
    ),
    Row(
        "a role as JSON within text",
        "Entra",
        "documented; C24",
        RAVI,
        [op("Add", "roles", [{"value": '{"id":"7","value":"7","displayName":"Seven"}'}])],
        ravi(roles=[{"value": '{"id":"7","value":"7","displayName":"Seven"}'}]),
    ),
    Row("a manager as bare text", "Entra", "3.4 [O]; C16", RAVI, [op("Add", MANAGER, "m-1")], managed(value="m-1")),
    Row(
        "a manager as a list of one with a reference",
        "Entra",
        "documented; C16",
        RAVI,
        [op("Add", "manager", [{"$ref": "http://x/Users/m-1", "value": "m-1"}])],
        managed(value="m-1", **{"$ref": "http://x/Users/m-1"}),
    ),
    Row("empty text removes a manager", "Entra", "3.4 [O]", managed(value="m-1"), [op("Replace", MANAGER, "")], RAVI),
    Row("a manager is removed", "Entra", "3.4 [D]", managed(value="m-1"), [op("Remove", MANAGER)], RAVI),
    Row("a manager who is not there is removed", "Entra", "C22", RAVI, [op("Remove", "manager")], RAVI),
    Row(
        "the old dot form of an enterprise attribute",
        "Entra",
        "C15; documented: Microsoft on SCIM endpoints",
        RAVI,
        [op("Replace", f"{ENTERPRISE}.department", "Alumni"), op("Add", f"{ENTERPRISE}.manager", "m-1")],
        employed(department="Alumni", manager={"value": "m-1"}),
    ),
    Row(
        "a URN that lacks its colon",
        "Entra",
        "documented",
        RAVI,
        [op("Replace", f"{ENTERPRISE.replace(':User', 'User')}:department", "Alumni")],
        employed(department="Alumni"),
    ),
    Row(
        "an attribute of a custom extension",
        "Entra",
        "documented",
        ravi(**{BADGE: {"badgeColour": "Green"}}),
        [op("Replace", f"{BADGE}:badgeColour", "Blue")],
        ravi(**{BADGE: {"badgeColour": "Blue"}}),
    ),
    Row(
        "a custom attribute under the core URN",
        "Entra",
        "observed",
        RAVI,
        [op("Add", f"{USER}:role", "Owner")],
        ravi(**{USER: {"role": "Owner"}}),
    ),
    Row(
        "what is emptied is removed by null",
        "Entra",
        "observed",
        RAVI,
        [op("Replace", "displayName", None), op("Replace", 'phoneNumbers[type eq "work"].value', None)],
        ravi(displayName=None, phoneNumbers=[{"type": "work"}]),
    ),
    Row(
        "an element is removed by its filter",
        "Entra",
        "documented",
        RAVI,
        [op("Remove", 'phoneNumbers[type eq "work"]')],
        ravi(phoneNumbers=None),
    ),
    Row(
        "what is not there is removed",
        "Entra",
        "C22",
        RAVI,
        [
            op("Remove", 'phoneNumbers[type eq "fax"].value'),
            op("Remove", "title"),
            op("Remove", f"{BADGE}:badgeColour"),
        ],
        RAVI,
    ),
    Row(
        "listed elements alone are removed",
        "Entra",
        "documented: Remove with a value list",
        ravi(phoneNumbers=[PHONE, {"value": "+61 4", "type": "mobile"}]),
        [op("Remove", "phoneNumbers", [{"value": "+61 4"}])],
        RAVI,
    ),
)

NAMES = {"givenName": "Walter", "familyName": "Kaylin", "formatted": "Amiya", "middleName": "S", "honorificSuffix": "L"}
TEXTS = {"displayName": "W", "title": "K", "preferredLanguage": "lu", "userType": "D", "nickName": "F", "locale": "J"}
EMPLOYED = {"employeeNumber": "U", "department": "I", "costCenter": "Up", "organization": "Ue", "division": "B"}
PLACE = {"formatted": "B", "streetAddress": "9", "locality": "R", "region": "H", "postalCode": "fe0", "country": "G"}
VALIDATOR = (
    Row(
        "add attributes",
        "Entra's validator",
        "observed; SCIM-SDK issue 416",
        BARE,
        [
            op("add", 'emails[type eq "work"].value', "f@x"),
            op("add", 'emails[type eq "work"].primary', True),
            *(op("add", f'addresses[type eq "work"].{part}', value) for part, value in PLACE.items()),
            op("add", 'addresses[type eq "work"].primary', True),
            op("add", 'phoneNumbers[type eq "work"].value', "49"),
            op("add", 'phoneNumbers[type eq "work"].primary', True),
            op("add", 'phoneNumbers[type eq "mobile"].value', "50"),
            op("add", 'phoneNumbers[type eq "fax"].value', "51"),
            op("add", 'roles[primary eq "True"].display', "A"),
            op("add", 'roles[primary eq "True"].value', "T"),
            op("add", 'roles[primary eq "True"].type', "E"),
            op(
                "add",
                None,
                {
                    "active": True,
                    **TEXTS,
                    **{f"name.{part}": value for part, value in NAMES.items()},
                    **{f"{ENTERPRISE}:{name}": value for name, value in EMPLOYED.items()},
                },
            ),
        ],
        {
            **BARE,
            **TEXTS,
            "name": NAMES,
            ENTERPRISE: EMPLOYED,
            "emails": [{"type": "work", "value": "f@x", "primary": True}],
            "addresses": [{"type": "work", **PLACE, "primary": True}],
            "phoneNumbers": [
                {"type": "work", "value": "49", "primary": True},
                {"type": "mobile", "value": "50"},
                {"type": "fax", "value": "51"},
            ],
            "roles": [{"primary": True, "display": "A", "value": "T", "type": "E"}],
        },
    ),
    Row(
        "replace attributes, and another address becomes primary",
        "Entra's validator",
        "observed: sourcegraph pull request 49119; RFC 7644 §3.5.2",
        RAVI,
        [
            op("replace", 'emails[type eq "work"].value', "oren@x"),
            op("add", 'emails[type eq "home"].value', "angelita@x"),
            op("add", 'emails[type eq "other"].value', "yasmine@x"),
            op("replace", 'emails[type eq "work"].display', "0T"),
            op("replace", 'emails[type eq "home"].display', "14"),
            op("add", 'emails[type eq "work"].primary', False),
            op("replace", 'emails[type eq "home"].primary', True),
            op("add", 'emails[type eq "other"].primary', False),
        ],
        ravi(
            emails=[
                {"value": "oren@x", "type": "work", "primary": False, "display": "0T"},
                {"value": "angelita@x", "type": "home", "display": "14", "primary": True},
                {"value": "yasmine@x", "type": "other", "primary": False},
            ]
        ),
    ),
    Row(
        "elements of a type of its own making",
        "Entra's validator",
        "observed: scim-for-keycloak issue 87",
        BARE,
        [
            op("replace", 'ims[type eq "untyped"].value', "A"),
            op("replace", 'ims[type eq "untyped"].display', "V"),
            op("replace", 'ims[type eq "untyped"].primary', True),
            op("replace", 'photos[type eq "untyped"].display', "H"),
        ],
        {**BARE, "ims": [{"type": "untyped", "value": "A", "display": "V", "primary": True}]},
    ),
    Row(
        "two values at once, without a path",
        "Entra's validator",
        "observed: laravel-scim-server pull request 88",
        ravi(active=False),
        [op("replace", None, {"active": True, "name.givenName": "Hello"})],
        ravi(name={"givenName": "Hello", "familyName": "Menon"}),
    ),
    Row(
        "an add over what is there replaces it",
        "Entra",
        "observed: pingidentity/scim2 issue 281; C13",
        RAVI,
        [op("Add", 'emails[type eq "work"].value', "rk@x"), op("Add", "name.givenName", "R.")],
        ravi(emails=[{**WORK, "value": "rk@x"}], name={"givenName": "R.", "familyName": "Menon"}),
    ),
    Row(
        "parts of one missing element make one element",
        "Entra",
        "observed: pingidentity/scim2 issue 213; C13",
        BARE,
        [op("Add", f'addresses[type eq "work"].{part}', value) for part, value in PLACE.items()],
        {**BARE, "addresses": [{"type": "work", **PLACE}]},
    ),
    Row(
        "a filter within a key",
        "Entra with the flag",
        "C12",
        RAVI,
        [op("replace", None, {'emails[type eq "work"].value': "rk@x", 'emails[type eq "home"].value': "h@x"})],
        ravi(emails=[{**WORK, "value": "rk@x"}, {"type": "home", "value": "h@x"}]),
    ),
)

OTHERS = (
    Row(
        "deactivation",
        "Okta OIN",
        "documented",
        RAVI,
        [op("replace", None, {"active": False})],
        ravi(active=False),
    ),
    Row("reactivation", "Okta OIN", "2.5 [D]", ravi(active=False), [op("replace", None, {"active": True})], RAVI),
    Row("a password leaves no trace", "Okta OIN", "2 [D]; C23", RAVI, [op("replace", None, {"password": "x"})], RAVI),
    Row(
        "a profile by PATCH, with what is ours to say and empty text",
        "Okta OIN",
        "observed: Delinea's page; documented; C14, C19",
        ravi(name={"givenName": "Ravi", "familyName": "Menon", "middleName": "K."}),
        [
            op(
                "replace",
                None,
                {
                    "id": "00u1",
                    "meta": {"resourceType": "User"},
                    "schemas": [USER],
                    "groups": [],
                    "name": {"givenName": "R.", "familyName": "Menon", "middleName": ""},
                    "emails": [{"primary": True, "value": "r@x", "type": "work"}],
                    ENTERPRISE: {"department": "Alumni"},
                },
            )
        ],
        {
            **employed(department="Alumni"),
            "name": {"givenName": "R.", "familyName": "Menon"},
            "emails": [{"primary": True, "value": "r@x", "type": "work"}],
        },
    ),
    Row(
        "one address as an object",
        "OneLogin",
        "observed: django-scim2; C17",
        RAVI,
        [op("replace", "emails", {"value": "r@x"})],
        ravi(emails=[{"value": "r@x"}]),
    ),
    Row(
        "one address as an object within a value",
        "OneLogin",
        "observed: django-scim2; C17",
        RAVI,
        [op("replace", None, {"emails": {"value": "r@x", "type": "work"}})],
        ravi(emails=[{"value": "r@x", "type": "work"}]),
    ),
    Row(
        "a manager by managerId and name",
        "OneLogin",
        "observed; C16",
        managed(value="m-1", displayName="Pia"),
        [op("replace", "manager", {"managerId": "m-2", "displayName": "Quin"})],
        managed(value="m-2", displayName="Quin"),
    ),
    Row(
        "text for active and members of the admin's own making",
        "OneLogin",
        "observed; C11, C19",
        RAVI,
        [op("replace", None, {"active": "false", "user_email": "r@x", "id": None})],
        ravi(active=False),
    ),
    Row("activity by its path", "JumpCloud", "6 [I]", RAVI, [op("replace", "active", False)], ravi(active=False)),
    Row(
        "two primaries that a PUT left, and one address changes",
        "PingOne",
        "documented; C17",
        ravi(emails=[WORK, {"value": "h@x", "type": "home", "primary": True}]),
        [op("replace", 'emails[type eq "home"].value', "h2@x")],
        ravi(emails=[WORK, {"value": "h2@x", "type": "home", "primary": True}]),
    ),
    Row(
        "a complex attribute merges",
        "any client",
        "RFC 7644 §3.5.2.3; C14",
        RAVI,
        [op("replace", "name", {"familyName": "Two"})],
        ravi(name={"givenName": "Ravi", "familyName": "Two"}),
    ),
    Row(
        "the address added as primary is the only one",
        "any client",
        "RFC 7644 §3.5.2",
        RAVI,
        [op("add", "emails", [{"type": "home", "value": "h@x", "primary": True}])],
        ravi(emails=[{**WORK, "primary": False}, {"type": "home", "value": "h@x", "primary": True}]),
    ),
    Row(
        "every name in another case",
        "any client",
        "C10",
        RAVI,
        [{"OP": "REPLACE", "Path": "NAME.GIVENNAME", "vAlUe": "R."}],
        ravi(name={"givenName": "R.", "familyName": "Menon"}),
    ),
)
USERS = ENTRA + VALIDATOR + OTHERS


def named(row: Any) -> str:
    """A row's name in a report."""
    return f"{row.idp}: {row.id}"


def without_schemas(document: Json) -> Json:
    """What a document says, apart from which schemas it says it by."""
    return {name: value for name, value in document.items() if name != "schemas"}


@pytest.mark.parametrize("row", USERS, ids=named)
def test_a_user_is_what_the_provider_means(row: Row) -> None:
    before = intake.user(row.before)
    kept = copy.deepcopy(before)

    after = patch.apply(patch.parse(body_of(*row.operations)), before)

    assert without_schemas(after) == row.after
    assert set(after["schemas"]) == {USER, *(name for name in row.after if ":" in name)}
    assert before == kept


STAFF: Json = {"displayName": "Staff", "members": {A, B}}


def staff(*ids: str, **changes: Any) -> Json:
    """The group with these members."""
    return {**STAFF, "members": set(ids), **changes}


def values(*ids: str, **more: Any) -> list[Json]:
    """Members as an operation has them."""
    return [{**more, "value": one} for one in ids]


GROUPS = (
    Row(
        "members are added in one batch, references null",
        "Entra",
        "documented",
        staff(),
        [op("Add", "members", values(A, B, C, **{"$ref": None}))],
        staff(A, B, C),
    ),
    Row(
        "a list says who is removed",
        "Entra",
        "documented; C18",
        STAFF,
        [op("Remove", "members", values(B, **{"$ref": None}))],
        staff(A),
    ),
    Row(
        "members are added in lower case",
        "Entra with the flag",
        "documented",
        STAFF,
        [op("add", "members", values(C))],
        staff(A, B, C),
    ),
    Row(
        "a filter says who is removed",
        "Entra with the flag",
        "documented",
        STAFF,
        [op("remove", f'members[value eq "{A}"]')],
        staff(B),
    ),
    Row(
        "a group is renamed, and its object's id changes",
        "Entra",
        "documented",
        {**STAFF, "externalId": "o-1"},
        [op("Replace", "displayName", "Fellows"), op("Replace", "externalId", "o-2")],
        staff(A, B, displayName="Fellows", externalId="o-2"),
    ),
    Row(
        "an add that is sent again is success",
        "JumpCloud",
        "observed; C18",
        staff(),
        [op("add", "members", values(A)), op("add", "members", values(A))],
        staff(A),
    ),
    Row(
        "a list says who is removed, without a filter",
        "JumpCloud",
        "observed",
        STAFF,
        [op("remove", "members", values(A))],
        staff(B),
    ),
    Row(
        "a rename rides along with each change of members, the id too",
        "Okta OIN",
        "documented; C22",
        STAFF,
        [op("replace", None, {"id": "g-1", "displayName": "Students"}), op("add", "members", values(C, display="c@x"))],
        staff(A, B, C, displayName="Students"),
    ),
    Row(
        "one goes and one comes in one request",
        "Okta OIN",
        "documented",
        STAFF,
        [op("remove", f'members[value eq "{A}"]'), op("add", "members", values(C, display="c@x"))],
        staff(B, C),
    ),
    Row(
        "a full push replaces all members",
        "Okta OIN",
        "documented",
        STAFF,
        [op("replace", "members", values(B, C, display="x"))],
        staff(B, C),
    ),
    Row("a full push of nobody", "Okta OIN", "2.6 [D]; C18", STAFF, [op("replace", "members", [])], staff()),
    Row(
        "a member is added, and removed by a filter",
        "PingOne",
        "inferred",
        STAFF,
        [op("add", "members", values(C)), op("remove", f'members[value eq "{B}"]')],
        staff(A, C),
    ),
    Row(
        "a member is added, and removed by a filter",
        "OneLogin",
        "inferred",
        staff(),
        [op("add", "members", values(A)), op("remove", f'members[value eq "{A}"]')],
        staff(),
    ),
    Row(
        "members are added without a path",
        "WSO2",
        "observed: issue 5333",
        STAFF,
        [op("add", None, {"members": values(C)})],
        staff(A, B, C),
    ),
    Row(
        "the id is among what is replaced",
        "authentik",
        "observed: pull request 23950",
        STAFF,
        [op("replace", None, {"id": "g-1", "externalId": "a-1", "displayName": "Fellows"})],
        staff(A, B, displayName="Fellows", externalId="a-1"),
    ),
    Row("all are removed by the path alone", "any client", "C18", STAFF, [op("remove", "members")], staff()),
    Row("null leaves nobody", "any client", "C18", STAFF, [op("replace", "members", None)], staff()),
    Row("a member is one object", "any client", "C18", STAFF, [op("add", "members", {"value": C})], staff(A, B, C)),
    Row("a member is a bare id", "any client", "C18", STAFF, [op("add", "members", C)], staff(A, B, C)),
    Row(
        "one who is no member is removed",
        "any client",
        "C18; RFC 7644 §3.5.2.2",
        STAFF,
        [op("remove", f'members[value eq "{C}"]'), op("remove", "members", values(C))],
        STAFF,
    ),
    Row(
        "one who was removed is added again",
        "any client",
        "RFC 7644 §3.5.2: in order",
        STAFF,
        [op("remove", "members"), op("add", "members", values(B))],
        staff(B),
    ),
)


@pytest.mark.parametrize("row", GROUPS, ids=named)
def test_a_group_is_what_the_provider_means(row: Row) -> None:
    present = frozenset(row.before["members"])
    before = {**row.before, "schemas": [schema.GROUP_CORE], "members": SAME}

    after = patch.apply(patch.parse(body_of(*row.operations), schema.GROUP), before)

    members: Members = after["members"]
    stay = present - members.without if members.only is None else present & members.only
    assert {**without_schemas(after), "members": set(stay | members.plus)} == row.after


class Refusal(NamedTuple):
    """An operation that is refused, with the scimType of RFC 7644 §3.12 (Table 9)."""

    id: str
    scim_type: str
    operation: Json
    of: Schema = schema.USER


GROUP = schema.GROUP
REFUSALS = (
    Refusal("a remove without a path", "noTarget", op("remove")),
    Refusal("a remove with an empty path", "noTarget", op("remove", "")),
    Refusal("a remove without a path of a group", "noTarget", op("remove"), GROUP),
    Refusal("no match for ne", "noTarget", op("replace", 'emails[type ne "work"].value', "x")),
    Refusal("no match for co", "noTarget", op("add", 'emails[value co "@none"].display', "x")),
    Refusal("no match for pr", "noTarget", op("add", "emails[display pr].value", "x")),
    Refusal("no match for or", "noTarget", op("add", 'emails[type eq "a" or type eq "b"].value', "x")),
    Refusal("no match for not", "noTarget", op("replace", 'emails[not (type eq "work")]', {"display": "x"})),
    Refusal("userName removed", "mutability", op("remove", "userName")),
    Refusal("userName removed by its URN", "mutability", op("remove", f"{USER}:userName")),
    Refusal("a group's name removed", "mutability", op("remove", "displayName"), GROUP),
    Refusal("a user's groups written", "mutability", op("add", "groups", [{"value": "g"}])),
    Refusal("a user's groups removed by a filter", "mutability", op("remove", 'groups[value eq "g"]')),
    Refusal("a part of members", "mutability", op("replace", "members.value", A), GROUP),
    Refusal("a part of one member", "mutability", op("replace", f'members[value eq "{A}"].value', B), GROUP),
    Refusal("an unknown attribute", "invalidPath", op("add", "shoeSize", 44)),
    Refusal("an unknown attribute removed", "invalidPath", op("remove", "shoeSize")),
    Refusal("an unknown part", "invalidPath", op("replace", "name.nick", "x")),
    Refusal("a part of what has none", "invalidPath", op("replace", "title.x", "x")),
    Refusal("a part of a part", "invalidPath", op("replace", "name.givenName.x", "x")),
    Refusal("an unknown part after a filter", "invalidPath", op("add", 'emails[type eq "work"].colour', "x")),
    Refusal("an unknown part within a filter", "invalidPath", op("remove", 'emails[colour eq "red"]')),
    Refusal("an open bracket", "invalidPath", op("add", 'emails[type eq "work"', "x")),
    Refusal("a filter without a comparison", "invalidPath", op("add", "emails[type].value", "x")),
    Refusal("an empty filter", "invalidPath", op("add", "emails[].value", "x")),
    Refusal("an unknown operator", "invalidPath", op("remove", 'emails[type is "work"]')),
    Refusal("text behind the filter", "invalidPath", op("add", 'emails[type eq "work"]value', "x")),
    Refusal("a filter on what has one value", "invalidPath", op("remove", 'title[value eq "x"]')),
    Refusal("a filter on a complex attribute", "invalidPath", op("remove", 'name[givenName eq "Ravi"]')),
    Refusal("a user's attribute of a group", "invalidPath", op("add", "title", "x"), GROUP),
    Refusal("members by anything but their ids", "invalidPath", op("remove", 'members[type eq "User"]'), GROUP),
    Refusal("a path that is no text", "invalidPath", {"op": "add", "path": 7, "value": "x"}),
    Refusal("no boolean", "invalidValue", op("replace", "active", "perhaps")),
    Refusal("a number for a boolean", "invalidValue", op("replace", "active", 1)),
    Refusal("a telephone number for primary", "invalidValue", op("add", 'phoneNumbers[type eq "x"].primary', "1-6")),
    Refusal("no boolean in a filter", "invalidValue", op("add", 'roles[primary eq "x"].value', "y")),
    Refusal("text for an object", "invalidValue", op("replace", "name", "Ravi")),
    Refusal("an object for text", "invalidValue", op("replace", "title", {"x": "y"})),
    Refusal("a number for text", "invalidValue", op("replace", None, {"title": 5})),
    Refusal("a number among elements", "invalidValue", op("add", "emails", [5])),
    Refusal("text for an extension", "invalidValue", op("add", ENTERPRISE, "x")),
    Refusal("userName emptied", "invalidValue", op("replace", "userName", "")),
    Refusal("userName blank", "invalidValue", op("replace", None, {"userName": "  "})),
    Refusal("userName null", "invalidValue", op("replace", "userName", None)),
    Refusal("a group's name emptied", "invalidValue", op("replace", "displayName", ""), GROUP),
    Refusal("an add without a value", "invalidValue", op("add", "title")),
    Refusal("a replace without a value", "invalidValue", op("replace", "title")),
    Refusal("no object without a path", "invalidValue", op("add", None, "Ravi")),
    Refusal("a list without a path", "invalidValue", op("replace", None, [{"title": "x"}])),
    Refusal("a member's id that is a number", "invalidValue", op("add", "members", [{"value": 5}]), GROUP),
    Refusal("a full push of somebody unknown", "invalidValue", op("replace", "members", values("x")), GROUP),
    Refusal("an unknown op", "invalidSyntax", op("move", "title", "x")),
    Refusal("an op that is no text", "invalidSyntax", {"op": 1, "path": "title", "value": "x"}),
    Refusal("no op", "invalidSyntax", {"path": "title", "value": "x"}),
)
BEFORE = {"User": intake.user(RAVI), "Group": {"displayName": "Staff", "schemas": [schema.GROUP_CORE], "members": SAME}}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.id)
def test_what_cannot_be_done_is_refused_by_its_type(refusal: Refusal) -> None:
    with pytest.raises(Refused) as refused:
        patch.apply(patch.parse(body_of(refusal.operation), refusal.of), BEFORE[refusal.of.name])

    assert (refused.value.status, refused.value.scim_type) == (400, refusal.scim_type)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.id)
def test_a_refused_last_operation_undoes_those_before_it(refusal: Refusal) -> None:
    before, kept = BEFORE[refusal.of.name], copy.deepcopy(BEFORE[refusal.of.name])
    first = op("add", "title", "Dean") if refusal.of is schema.USER else op("add", "members", values(C))
    operations = [first, op("replace", "externalId", "x"), refusal.operation]

    with pytest.raises(Refused) as refused:
        patch.apply(patch.parse(body_of(*operations), refusal.of), before)

    assert refused.value.scim_type == refusal.scim_type
    assert before == kept


@pytest.mark.parametrize("body", [{}, {"Operations": None}, {"Operations": []}, {"Operations": ["x"]}])
def test_a_body_without_operations_is_invalid_syntax(body: Json) -> None:
    with pytest.raises(Refused) as refused:
        patch.parse(body)

    assert refused.value.scim_type == "invalidSyntax"
