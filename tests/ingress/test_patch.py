"""PATCH operations on documents: contract rules C10 to C16, C22 and C23, and RFC 7644 §3.5.2."""

import copy
from typing import Any

import pytest

from ingress.scim import intake, patch
from ingress.scim.errors import InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget
from models.errors import Refused
from tests.factories import ENTERPRISE, USER, enterprise, user
from tests.factories import patch as body_of

BADGE = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"
WORK = {"value": "mila@x", "type": "work", "primary": True}
HOME = {"value": "home@x", "type": "home"}


def mila(**overrides: Any) -> dict[str, Any]:
    return intake.user(user("mila@x", displayName="Mila", **{"emails": [WORK], **overrides}))


def op(op: str, path: str | None = None, **value: Any) -> dict[str, Any]:
    return {"op": op, **({"path": path} if path is not None else {}), **value}


def patched(document: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    return patch.apply(patch.parse(body_of(*operations)), document)


def got(document: dict[str, Any], *keys: str) -> Any:
    inside: Any = document
    for key in keys:
        inside = inside.get(key) if isinstance(inside, dict) else None
    return inside


@pytest.mark.parametrize("spelling", ["add", "Add", "REPLACE", "replace"])
@pytest.mark.parametrize("path", ["displayName", "DISPLAYNAME", f"{USER}:displayName", f"{USER}.displayName"])
def test_an_attribute_is_set_by_any_spelling(spelling: str, path: str) -> None:
    assert patched(mila(), op(spelling, path, value="M. Okafor"))["displayName"] == "M. Okafor"


def test_operations_may_be_spelt_in_lower_case() -> None:
    parsed = patch.parse({"operations": [{"OP": "Replace", "Path": "title", "Value": "Coach"}]})

    assert patch.apply(parsed, mila())["title"] == "Coach"


@pytest.mark.parametrize(
    ("value", "active"), [(False, False), ("False", False), ("false", False), ("True", True), (None, True), ("", True)]
)
@pytest.mark.parametrize("form", ["path", "no path", "urn"])
def test_activity_changes_by_boolean_or_text_and_stays_without_a_word(form: str, value: Any, active: bool) -> None:
    operation = {
        "path": op("Replace", "active", value=value),
        "no path": op("replace", value={"active": value}),
        "urn": op("replace", value={f"{USER}:active": value}),
    }[form]

    assert patched(mila(), operation)["active"] is active


def test_removing_activity_leaves_no_word_of_it() -> None:
    assert "active" not in patched(mila(active=False), op("remove", "active"))


@pytest.mark.parametrize("operation", [op("replace", "active", value=None), op("add", value={"active": ""})])
def test_no_word_about_activity_leaves_it_as_it_is(operation: dict[str, Any]) -> None:
    assert patched(mila(active=False), operation)["active"] is False


def test_keys_of_a_value_without_a_path_are_never_stored_as_they_are() -> None:
    document = patched(
        mila(),
        op(
            "replace",
            value={
                "displayName": "Kai J",
                "name.givenName": "Kai",
                f"{ENTERPRISE}:employeeNumber": "D-88",
                f"{ENTERPRISE}.manager": "77",
                ENTERPRISE: {"department": "Sport"},
                'emails[type eq "work"].value': "k@x",
                USER: {"title": "Coach"},
                "id": "someone", "meta": {}, "schemas": [], "user_email": "x", "foo.bar": "x",
            },
        ),
    )  # fmt: skip

    assert document == {
        **mila(),
        "schemas": [USER, ENTERPRISE],
        "displayName": "Kai J",
        "name": {"givenName": "Kai", "familyName": "Okafor"},
        "emails": [{**WORK, "value": "k@x"}],
        "title": "Coach",
        ENTERPRISE: {"employeeNumber": "D-88", "manager": {"value": "77"}, "department": "Sport"},
    }


def test_a_filtered_path_changes_what_it_finds() -> None:
    document = patched(mila(), op("Replace", 'emails[Type eq "WORK"].value', value="new@x"))

    assert document["emails"] == [{**WORK, "value": "new@x"}]


@pytest.mark.parametrize("verb", ["Add", "replace"])
def test_a_filtered_path_that_finds_nothing_makes_one_element_for_all_operations(verb: str) -> None:
    document = patched(
        mila(),
        op(verb, 'addresses[type eq "work"].locality', value="Hobart"),
        op(verb, 'addresses[type eq "work"].postalCode', value="7000"),
        op(verb, 'emails[type eq "other"].value', value="other@x"),
    )

    assert document["addresses"] == [{"type": "work", "locality": "Hobart", "postalCode": "7000"}]
    assert document["emails"] == [WORK, {"type": "other", "value": "other@x"}]


def test_every_equal_pair_of_the_filter_goes_into_the_new_element() -> None:
    document = patched(mila(), op("add", 'roles[type eq "app" and primary eq "True"].value', value="Admin"))

    assert document["roles"] == [{"type": "app", "primary": True, "value": "Admin"}]


@pytest.mark.parametrize("where", ['primary eq "True"', "primary eq true", 'primary eq "true"'])
def test_a_filter_on_primary_takes_text_as_well(where: str) -> None:
    document = patched(
        mila(roles=[{"value": "Admin", "primary": True}]), op("Replace", f"roles[{where}].value", value="Editor")
    )

    assert document["roles"] == [{"value": "Editor", "primary": True}]


@pytest.mark.parametrize(
    "where", ['type ne "work"', "type pr and not (value pr)", 'type eq "a" or type eq "b"', 'value co "zz"']
)
def test_a_filter_that_finds_nothing_and_says_nothing_to_make_is_no_target(where: str) -> None:
    with pytest.raises(NoTarget, match=r"no value of emails"):
        patched(mila(), op("replace", f"emails[{where}].value", value="x@y"))


@pytest.mark.parametrize(
    ("where", "hit"),
    [
        ('type ne "home"', True),
        ("display pr", False),
        ("value pr", True),
        ('value co "ILA"', True),
        ('value sw "mi" and value ew "@x"', True),
        ('not (type eq "home")', True),
        ('type eq "home" or primary eq true', True),
        ('value gt "a"', True),
        ('value lt "a"', False),
    ],
)
def test_a_path_may_use_the_whole_filter_grammar(where: str, hit: bool) -> None:
    assert ("emails" not in patched(mila(), op("remove", f"emails[{where}]"))) is hit


def test_adding_addresses_keeps_the_others_and_adds_each_once() -> None:
    document = patched(
        mila(), op("add", "emails", value=[HOME]), op("Add", "emails", value=HOME), op("add", value={"emails": [HOME]})
    )

    assert document["emails"] == [WORK, HOME]


def test_an_added_element_that_is_there_already_is_completed() -> None:
    document = patched(mila(), op("add", "emails", value=[{"value": "mila@x", "type": "work", "display": "M"}]))

    assert document["emails"] == [{**WORK, "display": "M"}]


def test_replacing_addresses_leaves_only_the_new_ones() -> None:
    assert patched(mila(), op("replace", "emails", value=[HOME]))["emails"] == [HOME]
    assert patched(mila(), op("replace", value={"emails": HOME}))["emails"] == [HOME]


@pytest.mark.parametrize(
    "operation",
    [
        op("add", "emails", value=[{**HOME, "primary": True}]),
        op("add", 'emails[type eq "home"].primary', value="True"),
        op("replace", 'emails[type eq "home"]', value={"value": "home@x", "primary": True}),
        op("add", 'emails[type eq "home" and primary eq true].value', value="home@x"),
    ],
)
def test_an_operation_that_sets_a_primary_unsets_the_other(operation: dict[str, Any]) -> None:
    document = patched(mila(emails=[WORK, HOME]), operation)

    primaries = [each for each in document["emails"] if each.get("primary")]
    assert [each["type"] for each in primaries] == ["home"]
    assert document["emails"][0] == {**WORK, "primary": False}


def test_two_primaries_that_a_put_left_stay_until_an_operation_sets_one() -> None:
    both = [WORK, {**HOME, "primary": True}]

    document = patched(mila(emails=both), op("replace", 'emails[type eq "home"].value', value="h2@x"))

    assert document["emails"] == [WORK, {"value": "h2@x", "type": "home", "primary": True}]


def test_replacing_a_complex_attribute_merges_and_empty_unsets() -> None:
    named = mila(name={"givenName": "Mila", "familyName": "Okafor", "middleName": "A"})

    document = patched(named, op("replace", "name", value={"familyName": "Two", "middleName": ""}))

    assert document["name"] == {"givenName": "Mila", "familyName": "Two"}


@pytest.mark.parametrize(
    "operation",
    [
        op("replace", "title", value=None),
        op("Replace", "title", value=""),
        op("remove", "title"),
        op("Remove", "title", value="Coach"),
        op("replace", value={"title": None}),
        op("remove", f"{USER}:title"),
    ],
)
def test_an_attribute_is_unset_by_null_by_empty_text_and_by_remove(operation: dict[str, Any]) -> None:
    assert "title" not in patched(mila(title="Coach"), operation)


@pytest.mark.parametrize("path", ["name", "emails", 'emails[type eq "work"]', "addresses", "nickName", "externalId"])
def test_removing_empties_and_removing_again_is_success(path: str) -> None:
    once = patched(mila(externalId="00u", addresses=[{"type": "work"}]), op("remove", path))

    assert path.split("[")[0] not in once
    assert patched(once, op("remove", path)) == once


def test_removing_a_sub_attribute_leaves_the_rest() -> None:
    document = patched(mila(), op("remove", 'emails[type eq "work"].primary'), op("remove", "name.familyName"))

    assert document["emails"] == [{"value": "mila@x", "type": "work"}]
    assert document["name"] == {"givenName": "Mila"}


def test_a_remove_with_a_list_removes_only_what_is_listed() -> None:
    both = mila(emails=[WORK, HOME])

    assert patched(both, op("Remove", "emails", value=[{"value": "home@x"}]))["emails"] == [WORK]
    assert patched(both, op("Remove", "emails", value=[]))["emails"] == [WORK, HOME]
    assert patched(both, op("Remove", "emails", value={"value": "home@x", "type": "work"}))["emails"] == [WORK, HOME]
    assert "emails" not in patched(both, op("Remove", "emails"))


@pytest.mark.parametrize(
    "path", ["manager", f"{ENTERPRISE}:manager", f"{ENTERPRISE}.manager", f"{ENTERPRISE.upper()}:MANAGER"]
)
@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("77", {"value": "77"}),
        ({"value": "77"}, {"value": "77"}),
        ([{"$ref": "http://x/77", "value": "77"}], {"$ref": "http://x/77", "value": "77"}),
        ({"managerId": "77", "displayName": "Pia"}, {"value": "77", "displayName": "Pia"}),
    ],
)
def test_a_manager_is_set_in_every_form(path: str, value: Any, kept: dict[str, str]) -> None:
    former = mila(**enterprise(manager={"value": "1", "displayName": "Former"}))

    assert patched(former, op("Add", path, value=value))[ENTERPRISE]["manager"] == kept


def test_a_managers_name_merges_into_the_same_manager() -> None:
    managed = mila(**enterprise(manager={"value": "1"}))

    document = patched(managed, op("replace", "manager", value={"value": "1", "displayName": "Pia"}))

    assert document[ENTERPRISE]["manager"] == {"value": "1", "displayName": "Pia"}
    assert (
        patched(document, op("replace", "manager.displayName", value="Pi"))[ENTERPRISE]["manager"]["displayName"]
        == "Pi"
    )


@pytest.mark.parametrize(
    "operation",
    [
        op("Replace", f"{ENTERPRISE}:manager", value=""),
        op("replace", "manager", value=None),
        op("replace", "manager", value=[]),
        op("replace", "manager", value={"value": ""}),
        op("Remove", f"{ENTERPRISE}:manager"),
        op("remove", 'manager[value eq "1"]'),
        op("replace", value={"manager": ""}),
        op("remove", ENTERPRISE),
        op("replace", value={ENTERPRISE: {"manager": None}}),
    ],
)
def test_a_manager_is_removed_in_every_form(operation: dict[str, Any]) -> None:
    document = patched(mila(**enterprise(manager={"value": "1", "displayName": "Pia"})), operation)

    assert ENTERPRISE not in document
    assert document["schemas"] == [USER]


def test_another_manager_than_the_one_to_remove_stays() -> None:
    managed = mila(**enterprise(manager={"value": "1"}))

    assert patched(managed, op("remove", 'manager[value eq "2"]')) == managed


@pytest.mark.parametrize(
    "path", ["department", f"{ENTERPRISE}:department", f"{ENTERPRISE.replace(':User', 'User')}:department"]
)
def test_enterprise_attributes_are_set_by_long_short_and_misspelt_paths(path: str) -> None:
    assert patched(mila(), op("add", path, value="Sport"))[ENTERPRISE] == {"department": "Sport"}


@pytest.mark.parametrize(
    ("operation", "kept"),
    [
        (op("Replace", f"{BADGE}:badgeColour", value="Blue"), {"badgeColour": "Blue"}),
        (op("Replace", f"{BADGE.lower()}:BADGEcolour", value="Blue"), {"badgeColour": "Blue"}),
        (op("add", f"{BADGE}:shoe", value=44), {"badgeColour": "Green", "shoe": 44}),
        (op("add", f"{BADGE}:shoe.size", value=44), {"badgeColour": "Green", "shoe": {"size": 44}}),
        (
            op("add", f'{BADGE}:cards[type eq "a"].code', value="7"),
            {"badgeColour": "Green", "cards": [{"type": "a", "code": "7"}]},
        ),
        (op("replace", value={BADGE: {"shoe": 44}}), {"badgeColour": "Green", "shoe": 44}),
        (op("replace", BADGE, value={"badgeColour": None}), None),
        (op("remove", f"{BADGE}:badgeColour"), None),
        (op("remove", BADGE), None),
    ],
)  # fmt: skip
def test_an_unknown_extension_is_changed_by_its_urn(operation: dict[str, Any], kept: dict[str, Any] | None) -> None:
    document = patched(mila(**{BADGE: {"badgeColour": "Green"}}), operation)

    assert document.get(BADGE) == kept
    assert (BADGE in document["schemas"]) is (kept is not None)


EXT = "urn:acme:ext:2.0:User"
HELD: dict[str, Any] = {"tags": ["a", "c"], "desk": {"floor": 2, "room": "x"}, "cards": [{"type": "a"}]}


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        (op("add", f"{EXT}:tags", value=["b", "a"]), {"tags": ["a", "c", "b"]}),
        (op("add", f"{EXT}:tags", value="b"), {"tags": ["a", "c", "b"]}),
        (op("replace", f"{EXT}:tags", value=["b"]), {"tags": ["b"]}),
        (op("remove", f"{EXT}:tags", value=["a"]), {"tags": ["c"]}),
        (op("remove", f'{EXT}:tags[value eq "a"]'), {"tags": ["c"]}),
        (op("remove", f"{EXT}:tags"), {"tags": None}),
        (op("add", f"{EXT}:desk", value={"seat": 3}), {"desk": {"floor": 2, "room": "x", "seat": 3}}),
        (op("replace", f"{EXT}:desk", value={"floor": None, "room": "y"}), {"desk": {"room": "y"}}),
        (op("replace", f'{EXT}:cards[type eq "a"]', value={"code": "7"}), {"cards": [{"type": "a", "code": "7"}]}),
        (op("replace", f'{EXT}:tags[value eq "a"]', value={"value": "b"}), {"tags": [{"value": "b"}, "c"]}),
    ],
)
def test_values_of_an_unknown_extension_change_as_any_other(operation: dict[str, Any], changed: dict[str, Any]) -> None:
    wanted = {name: value for name, value in {**HELD, **changed}.items() if value is not None}

    assert patched(mila(**{EXT: HELD}), operation)[EXT] == wanted


@pytest.mark.parametrize("form", ["path", "key"])
def test_an_attribute_of_an_extension_that_the_user_has_is_no_extension(form: str) -> None:
    urn, name = "urn:acme:ext:1.0", "urn:acme:ext:1.0:address"
    value = {"city": "Y"}
    operation = op("replace", name, value=value) if form == "path" else op("replace", value={name: value})

    document = patched(mila(**{urn: {"address": {"city": "X", "zip": 1}}}), operation)

    assert document[urn] == {"address": {"city": "Y", "zip": 1}}
    assert name not in document


@pytest.mark.parametrize(
    "operation", [op("replace", "urn:acme:hr:core", value="x"), op("add", value={"urn:acme:hr:core": ["x"]})]
)
def test_a_value_that_is_no_object_takes_no_extension_away(operation: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="urn:acme:hr:core takes an object"):
        patched(mila(**{"urn:acme:hr:core": {"grade": 1}}), operation)


def test_certificates_tell_cases_apart() -> None:
    both = [{"value": "abc"}, {"value": "ABC"}]

    left = patched(mila(x509Certificates=both), op("remove", 'x509Certificates[value eq "abc"]'))

    assert left["x509Certificates"] == [{"value": "ABC"}]


def test_an_extension_whose_urn_does_not_end_in_user_is_changed_as_a_whole() -> None:
    urn = "urn:okta:app_1:1.0:user:custom"
    shod = patched(mila(**{urn: {"size": "L"}}), op("add", urn, value={"shoe": "44"}))

    assert shod[urn] == {"size": "L", "shoe": "44"}
    assert patched(shod, op("replace", f"{urn}:shoe", value="45"))[urn] == {"size": "L", "shoe": "45"}
    assert urn not in patched(shod, op("remove", urn))


@pytest.mark.parametrize(
    "operation",
    [
        op("replace", "password", value="s3cret"),
        op("replace", value={"password": "s3cret"}),
        op("replace", f"{USER}:password", value="s3cret"),
        op("add", f"{ENTERPRISE}.password", value="s3cret"),
        op("add", f"{BADGE}:password", value="s3cret"),
        op("add", value={BADGE: {"password": "s3cret"}}),
        op("add", f'{BADGE}:x[password eq "s3cret"].password', value="s3cret"),
        op("replace", "id", value="x"),
        op("replace", "meta.version", value="x"),
        op("add", 'photos[type eq "photo"].value', value="http://x"),
        op("replace", "schemas", value=["x"]),
    ],
)  # fmt: skip
def test_passwords_photos_and_what_is_read_only_leave_no_trace(operation: dict[str, Any]) -> None:
    assert patched(mila(), operation) == mila()


@pytest.mark.parametrize(
    ("operation", "refusal", "words"),
    [
        pytest.param(
            op("move", "title", value="x"), InvalidSyntax, "op takes add, replace or remove, and 'move'", id="op"
        ),
        pytest.param({"path": "title", "value": "x"}, InvalidSyntax, "op takes", id="no op"),
        pytest.param(op("remove"), NoTarget, "a remove needs a path", id="remove without a path"),
        pytest.param(op("remove", ""), NoTarget, "a remove needs a path", id="remove with an empty path"),
        pytest.param(op("remove", "userName"), Mutability, "userName is required", id="userName removed"),
        pytest.param(op("replace", "userName", value=""), InvalidValue, "userName is missing", id="userName emptied"),
        pytest.param(op("replace", "userName", value="  "), InvalidValue, "userName is missing", id="userName blank"),
        pytest.param(op("replace", value={"userName": None}), InvalidValue, "userName is missing", id="userName null"),
        pytest.param(op("replace", "title"), InvalidValue, "replace needs a value", id="no value"),
        pytest.param(op("replace", value="x"), InvalidValue, "without a path, value takes an object", id="no object"),
        pytest.param(op("replace", "active", value="yes"), InvalidValue, "'yes' arrived", id="no boolean"),
        pytest.param(op("replace", "title", value={}), InvalidValue, "title takes text", id="object for text"),
        pytest.param(op("replace", "name", value="Mila"), InvalidValue, "name takes an object", id="text for object"),
        pytest.param(
            op("replace", 'emails[primary eq "x"].value', value="a@b"), InvalidValue, "primary", id="bad pair"
        ),
        pytest.param(
            op("replace", "favouriteColour", value="x"), InvalidPath, "'favouriteColour' names no", id="unknown"
        ),
        pytest.param(op("replace", "name.nick", value="x"), InvalidPath, "'name.nick' names no", id="unknown part"),
        pytest.param(op("add", f"{ENTERPRISE}:department.value", value="x"), InvalidPath, "names no", id="URN part"),
        pytest.param(op("add", f"{USER}:title.x", value="x"), InvalidPath, "names no", id="core URN part"),
        pytest.param(op("replace", "emails[", value="x"), InvalidPath, "names no attribute", id="open bracket"),
        pytest.param(op("replace", "emails[type].value", value="x"), InvalidPath, "cannot be read", id="no comparison"),
        pytest.param(
            op("replace", 'emails[x eq "y"].value', value="x"), InvalidPath, "emails does not have", id="bad name"
        ),
        pytest.param(
            op("replace", 'emails[type eq "work"].x', value="x"), InvalidPath, "emails does not", id="bad sub"
        ),
        pytest.param(op("replace", 'userName[type eq "x"]', value="x"), InvalidPath, "has one value", id="not many"),
        pytest.param(op("replace", 7, value="x"), InvalidPath, "path takes text", id="path is a number"),  # type: ignore[arg-type]
        pytest.param(op("replace", "x" * 1001, value="x"), InvalidPath, "1000 is the most", id="long path"),
        pytest.param("x", InvalidSyntax, "each of Operations is an object", id="not an object"),
        pytest.param(op("replace", "password.x[", value="x"), InvalidPath, "names no attribute", id="odd password"),
    ],
)
def test_an_operation_that_makes_no_sense_is_refused_with_a_reason(
    operation: Any, refusal: type[Refused], words: str
) -> None:
    with pytest.raises(refusal) as refused:
        patched(mila(), operation)

    assert words in refused.value.detail


@pytest.mark.parametrize(
    "body", [{}, {"Operations": []}, {"Operations": {}}, {"Operations": [op("remove", "title")] * 201}]
)
def test_a_body_needs_a_list_of_operations(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidSyntax, match="Operations"):
        patch.parse(body)


def test_one_bad_operation_changes_nothing() -> None:
    document = mila()
    before = copy.deepcopy(document)

    with pytest.raises(NoTarget):
        patched(
            document, op("replace", "displayName", value="x"), op("replace", 'emails[type ne "work"].value', value="y")
        )

    assert document == before


def test_applying_twice_from_the_same_document_gives_the_same() -> None:
    document, parsed = mila(), patch.parse(body_of(op("add", "emails", value=[{**HOME, "primary": True}])))
    before = copy.deepcopy(document)

    assert patch.apply(parsed, document) == patch.apply(parsed, document)
    assert document == before


def test_an_attribute_cannot_grow_without_end() -> None:
    full = mila(roles=[{"value": str(number)} for number in range(500)])

    with pytest.raises(InvalidValue, match="roles takes at most 500 values"):
        patched(full, op("add", "roles", value="one more"))


@pytest.mark.parametrize("path", ["groups", 'groups[value eq "g"]', f"{USER}:groups.value"])
def test_the_groups_of_a_user_are_read_only(path: str) -> None:
    with pytest.raises(Mutability, match="groups is read-only"):
        patched(mila(), op("add", path, value=[{"value": "g"}]))


def test_a_value_without_quotes_in_a_filter_is_text_in_what_is_made_of_it() -> None:
    document = patched(mila(), op("add", f"{BADGE}:desks[code eq 7].floor", value=2))

    assert type(document[BADGE]["desks"][0]["code"]) is str
