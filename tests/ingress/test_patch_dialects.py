"""How identity providers write PATCH, by table: what each sends, and what it means (contract rules C10 to C18, C22)."""

from typing import Any, NamedTuple

import pytest

from ingress.scim import changes, intake, patch
from ingress.scim.changes import GROUPS
from models.errors import Refused
from models.group import Members
from tests.factories import ENTERPRISE, USER
from tests.factories import patch as body_of

Json = dict[str, Any]
ADA, BOB, EVE = (f"00000000-0000-7000-8000-00000000000{n}" for n in range(3))
WORK, HOME = {"value": "a@x", "type": "work", "primary": True}, {"value": "a@home", "type": "home"}
BEFORE: Json = {
    "userName": "ada",
    "active": True,
    "displayName": "Ada",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [WORK],
    ENTERPRISE: {"department": "Sums", "manager": {"value": "m-1"}},
}


class Row(NamedTuple):
    """One form: who sends it, the operations, and what of the document is another afterwards (None: gone)."""

    id: str
    operations: list[Json]
    after: Json


def entra(path: str, *value: Any, op: str = "Replace") -> Json:
    """An operation as Entra ID writes it without its compatibility flag."""
    return {"op": op, "path": path, **({"value": value[0]} if value else {})}


def enterprise(**attributes: Any) -> Json:
    """The enterprise extension with other values; None takes one away."""
    held = {**BEFORE[ENTERPRISE], **attributes}
    return {ENTERPRISE: {name: value for name, value in held.items() if value is not None}}


ROWS = (
    Row("Entra disables by text", [entra("active", "False")], {"active": False}),
    Row("Entra enables by text", [entra("active", "True")], {}),
    Row(
        "Entra with the flag disables by boolean",
        [{"op": "replace", "path": "active", "value": False}],
        {"active": False},
    ),
    Row("Okta deactivates without a path", [{"op": "replace", "value": {"active": False}}], {"active": False}),
    Row("Okta activates without a path", [{"op": "replace", "value": {"active": True}}], {}),
    Row("Entra adds one attribute", [entra("nickName", "Babs", op="Add")], {"nickName": "Babs"}),
    Row("Entra replaces a display name", [entra("displayName", "Ada B.")], {"displayName": "Ada B."}),
    Row("Entra renames a user", [entra("userName", "ada.b")], {"userName": "ada.b"}),
    Row(
        "Entra sets a given name by its path",
        [entra("name.givenName", "Augusta")],
        {"name": {"givenName": "Augusta", "familyName": "Byron"}},
    ),
    Row(
        "Entra sets the work address by a filter",
        [entra('emails[type eq "work"].value', "b@x")],
        {"emails": [{**WORK, "value": "b@x"}]},
    ),
    Row(
        "Entra adds a work phone that is not there",
        [entra('phoneNumbers[type eq "work"].value', "+61 3", op="Add")],
        {"phoneNumbers": [{"type": "work", "value": "+61 3"}]},
    ),
    Row(
        "Entra fills one address by several operations",
        [
            entra('addresses[type eq "work"].locality', "Hobart"),
            entra('addresses[type eq "work"].country', "AU", op="Add"),
            entra('addresses[type eq "work"].primary', "True"),
        ],
        {"addresses": [{"type": "work", "locality": "Hobart", "country": "AU", "primary": True}]},
    ),
    Row(
        "Entra sets a role by primary in text",
        [entra('roles[primary eq "True"].value', "Admin"), entra('roles[primary eq "True"].display', "Admin")],
        {"roles": [{"primary": True, "value": "Admin", "display": "Admin"}]},
    ),
    Row(
        "Entra adds a role as JSON within text",
        [entra("roles", [{"value": '{"id":"1","value":"Admin"}'}], op="Add")],
        {"roles": [{"value": '{"id":"1","value":"Admin"}'}]},
    ),
    Row(
        "Entra sets a department by its URN",
        [entra(f"{ENTERPRISE}:department", "Engines")],
        enterprise(department="Engines"),
    ),
    Row(
        "Entra sets a department after a dot",
        [entra(f"{ENTERPRISE}.department", "Engines")],
        enterprise(department="Engines"),
    ),
    Row("Entra removes a department", [entra(f"{ENTERPRISE}:department", op="Remove")], enterprise(department=None)),
    Row(
        "Entra sets a manager by bare text",
        [entra(f"{ENTERPRISE}:manager", "m-2", op="Add")],
        enterprise(manager={"value": "m-2"}),
    ),
    Row(
        "Entra sets a manager by a list of one",
        [entra("manager", [{"$ref": "http://x/Users/m-2", "value": "m-2"}])],
        enterprise(manager={"$ref": "http://x/Users/m-2", "value": "m-2"}),
    ),
    Row(
        "Entra sets a manager's value",
        [entra(f"{ENTERPRISE}:manager.value", "m-2")],
        enterprise(manager={"value": "m-2"}),
    ),
    Row("Entra removes a manager by empty text", [entra(f"{ENTERPRISE}:manager", "")], enterprise(manager=None)),
    Row("Entra removes a manager", [entra("manager", op="Remove")], enterprise(manager=None)),
    Row(
        "Entra removes a manager by a filter", [entra('manager[value eq "m-1"]', op="Remove")], enterprise(manager=None)
    ),
    Row("Entra removes an address by a filter", [entra('emails[type eq "work"]', op="Remove")], {"emails": None}),
    Row("Entra removes what is not there", [entra('phoneNumbers[type eq "fax"].value', op="Remove")], {}),
    Row("Entra empties by null", [entra("displayName", None)], {"displayName": None}),
    Row(
        "Entra with the flag sends dotted names and URNs as keys",
        [
            {
                "op": "replace",
                "value": {"displayName": "A", "name.givenName": "Augusta", f"{ENTERPRISE}:employeeNumber": "E-1"},
            }
        ],
        {
            "displayName": "A",
            "name": {"givenName": "Augusta", "familyName": "Byron"},
            **enterprise(employeeNumber="E-1"),
        },
    ),
    Row(
        "Entra with the flag sends a filter as a key",
        [{"op": "add", "value": {'emails[type eq "home"].value': "a@home"}}],
        {"emails": [WORK, HOME]},
    ),
    Row(
        "Entra's custom attribute comes under the core URN",
        [entra(f"{USER}:badge", "7", op="Add")],
        {USER: {"badge": "7"}},
    ),
    Row(
        "Okta sends id and meta along",
        [{"op": "replace", "value": {"id": "x", "meta": {}, "title": "Dean"}}],
        {"title": "Dean"},
    ),
    Row("Okta sends a password", [{"op": "replace", "value": {"password": "s3cret"}}], {}),
    Row("Okta replaces addresses whole", [{"op": "replace", "path": "emails", "value": [HOME]}], {"emails": [HOME]}),
    Row(
        "OneLogin replaces addresses by one object",
        [{"op": "replace", "path": "emails", "value": HOME}],
        {"emails": [HOME]},
    ),
    Row(
        "OneLogin calls a manager's id managerId",
        [{"op": "replace", "path": "manager", "value": {"managerId": "m-2"}}],
        enterprise(manager={"value": "m-2"}),
    ),
    Row(
        "any client nests the extension",
        [{"op": "add", "value": {ENTERPRISE: {"costCenter": "C"}}}],
        enterprise(costCenter="C"),
    ),
    Row(
        "any client merges a complex attribute",
        [{"op": "replace", "path": "name", "value": {"familyName": "King"}}],
        {"name": {"givenName": "Ada", "familyName": "King"}},
    ),
    Row(
        "any client spells operations in lower case",
        [{"Op": "ADD", "Path": "TITLE", "Value": "Dean"}],
        {"title": "Dean"},
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_an_idps_patch_comes_to_what_it_means(row: Row) -> None:
    before = intake.user(BEFORE)

    after = patch.apply(patch.parse(body_of(*row.operations)), before)

    expected = {name: value for name, value in {**BEFORE, **row.after}.items() if value is not None}
    assert {name: value for name, value in after.items() if name != "schemas"} == expected
    assert before == intake.user(BEFORE)


MEMBERS: tuple[tuple[str, list[Json], set[str]], ...] = (
    (
        "Entra adds members in one batch with null references",
        [entra("members", [{"$ref": None, "value": ADA}, {"$ref": None, "value": EVE}], op="Add")],
        {ADA, BOB, EVE},
    ),
    ("Entra removes by a list of values", [entra("members", [{"$ref": None, "value": BOB}], op="Remove")], set()),
    ("Entra with the flag removes by a filter", [{"op": "remove", "path": f'members[value eq "{BOB}"]'}], set()),
    (
        "Okta removes one and adds one in one request",
        [
            {"op": "remove", "path": f'members[value eq "{BOB}"]'},
            {"op": "add", "path": "members", "value": [{"value": ADA, "display": "ada@x"}]},
        ],
        {ADA},
    ),
    ("Okta pushes all members", [{"op": "replace", "path": "members", "value": [{"value": ADA}]}], {ADA}),
    ("JumpCloud repeats an add", [{"op": "add", "path": "members", "value": [{"value": BOB}]}] * 2, {BOB}),
    (
        "JumpCloud removes by a list without a filter",
        [{"op": "remove", "path": "members", "value": [{"value": BOB}]}],
        set(),
    ),
    ("WSO2 adds without a path", [{"op": "add", "value": {"members": [{"value": ADA}]}}], {ADA, BOB}),
    ("any client removes everybody", [{"op": "remove", "path": "members"}], set()),
    ("any client replaces by null", [{"op": "replace", "path": "members", "value": None}], set()),
    ("any client adds bare text", [{"op": "add", "path": "members", "value": ADA}], {ADA, BOB}),
)


@pytest.mark.parametrize(("operations", "left"), [row[1:] for row in MEMBERS], ids=[row[0] for row in MEMBERS])
def test_an_idps_change_of_members_comes_to_what_it_means(operations: list[Json], left: set[str]) -> None:
    patched = changes.modify(GROUPS, body_of(*operations))({"schemas": [], "displayName": "Staff"})
    members: Members = patched["members"]

    stay = {BOB} - members.without if members.only is None else {BOB} & members.only
    assert stay | members.plus == left


REFUSED = (
    ("noTarget", {"op": "remove"}),
    ("noTarget", {"op": "replace", "path": 'emails[value co "@none"].display', "value": "x"}),
    ("mutability", {"op": "remove", "path": "userName"}),
    ("mutability", {"op": "add", "path": "groups", "value": [{"value": "g"}]}),
    ("invalidPath", {"op": "add", "path": "shoeSize", "value": 44}),
    ("invalidPath", {"op": "add", "path": "emails[type eq", "value": "x"}),
    ("invalidPath", {"op": "add", "path": 'emails[colour eq "red"].value', "value": "x"}),
    ("invalidPath", {"op": "add", "path": 'title[value eq "x"]', "value": "x"}),
    ("invalidValue", {"op": "replace", "path": "active", "value": "perhaps"}),
    ("invalidValue", {"op": "replace", "path": "name", "value": "Ada"}),
    ("invalidValue", {"op": "replace", "path": "userName", "value": ""}),
    ("invalidValue", {"op": "add", "path": "title"}),
    ("invalidValue", {"op": "replace", "value": "Ada"}),
    ("invalidSyntax", {"op": "move", "path": "title", "value": "x"}),
    ("invalidSyntax", {"path": "title", "value": "x"}),
)


@pytest.mark.parametrize(("scim_type", "operation"), REFUSED)
def test_what_cannot_be_done_has_the_rfcs_type_and_changes_nothing(scim_type: str, operation: Json) -> None:
    before = intake.user(BEFORE)

    with pytest.raises(Refused) as refused:
        patch.apply(patch.parse(body_of({"op": "add", "path": "title", "value": "Dean"}, operation)), before)

    assert (refused.value.status, refused.value.scim_type) == (400, scim_type)
    assert before == intake.user(BEFORE)
