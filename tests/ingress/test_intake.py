"""Bodies into documents: contract rules C11 to C17, C20 and C22 to C24."""

import json
from typing import Any

import pytest

from ingress.scim import intake
from ingress.scim.errors import InvalidSyntax, InvalidValue
from models.errors import Refused
from tests.factories import ENTERPRISE, USER, user

BADGE = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"


def taken(**attributes: Any) -> dict[str, Any]:
    """The document of a small body; an attribute's name may hold what a keyword cannot."""
    return intake.user({"userName": "mila", **attributes})


def loaded(**attributes: Any) -> dict[str, Any]:
    return intake.load(json.dumps({"userName": "mila", **attributes}).encode())


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        pytest.param(b"", InvalidSyntax, id="nothing"),
        pytest.param(b'{"schemas":[', InvalidSyntax, id="cut off"),
        pytest.param(b"[]", InvalidSyntax, id="a list"),
        pytest.param(b'"text"', InvalidSyntax, id="a text"),
        pytest.param(b'{"a":NaN}', InvalidSyntax, id="not a number"),
        pytest.param(b'{"a":"\xff"}', InvalidSyntax, id="not UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', InvalidSyntax, id="a surrogate in UTF-8"),
        pytest.param(b"[" * 100_000, InvalidSyntax, id="deep lists"),
        pytest.param(b'{"a":' * 33 + b"1" + b"}" * 33, InvalidSyntax, id="33 levels"),
        pytest.param(b'{"a":1e400}', InvalidValue, id="a huge exponent"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", InvalidValue, id="thousands of digits"),
        pytest.param(b'{"title":"a\\u0000b"}', InvalidValue, id="a NUL"),
        pytest.param(b'{"ti\\u0000tle":"a"}', InvalidValue, id="a NUL in a name"),
        pytest.param(b'{"title":"\\ud800"}', InvalidValue, id="half a pair"),
        pytest.param(b'{"x":{"\\udc00":1}}', InvalidValue, id="half a pair in a name"),
        pytest.param(b'{"userName":"a","userName":"b"}', InvalidSyntax, id="userName twice"),
        pytest.param(b'{"userName":"a","USERNAME":"b"}', InvalidSyntax, id="userName twice in other case"),
        pytest.param(b'{"userName":"a","user\\u004eame":"b"}', InvalidSyntax, id="userName twice, escaped"),
        pytest.param(b'{"active":true,"active":false}', InvalidSyntax, id="active twice"),
        pytest.param(b'{"Operations":[{"value":{"id":"1","id":"2"}}]}', InvalidSyntax, id="id twice inside"),
    ],
)
def test_a_body_that_cannot_be_kept_is_refused(body: bytes, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        intake.load(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "the body is empty"), (b" \n", "the body is empty"), (b"\xef\xbb\xbf{}", "byte order mark")],
)
def test_the_sentence_says_what_a_body_has_that_is_no_json(body: bytes, words: str) -> None:
    with pytest.raises(InvalidSyntax, match=words):
        intake.load(body)


def test_the_sentence_names_the_attribute_that_holds_a_nul() -> None:
    with pytest.raises(InvalidValue, match="title holds a character that cannot be stored"):
        intake.load(b'{"userName":"mila","title":"a\\u0000b"}')


def test_the_last_of_other_repeated_keys_wins() -> None:
    assert intake.load(b'{"title":"one","title":"two"}') == {"title": "two"}


def test_thirty_two_levels_and_characters_outside_the_basic_plane_are_taken() -> None:
    deep = intake.load(b'{"a":' * 32 + b"1" + b"}" * 32)
    smile = intake.load(b'{"title":"\\ud83d\\ude00","id":"1","x":{"note":"\\"id\\""}}')

    assert "a" in deep
    assert smile["title"] == "\U0001f600"


def test_a_users_values_are_kept_exactly_as_sent() -> None:
    body = user("Mila.Okafor@North.Example", title="  Lab  Technician ", phoneNumbers=[{"value": "(03) 5550-1001"}])

    document = intake.user(body)

    assert document == body


def test_names_are_spelt_as_the_schema_has_them() -> None:
    document = intake.user(
        {"USERNAME": "mila", "Name": {"GIVENname": "Mila"}, "EMAILS": [{"Value": "m@x", "TYPE": "work"}]}
    )

    assert document == {
        "schemas": [USER],
        "userName": "mila",
        "active": True,
        "name": {"givenName": "Mila"},
        "emails": [{"value": "m@x", "type": "work"}],
    }


@pytest.mark.parametrize("missing", [{}, {"userName": None}, {"userName": ""}, {"userName": "  "}])
def test_a_user_without_a_user_name_is_refused(missing: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="userName is missing"):
        intake.user({"displayName": "Mila", **missing})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        *((True, True), ("True", True), ("true", True), (None, True), ("", True)),
        *((False, False), ("False", False), ("false", False)),
    ],
)
def test_active_may_come_as_text_and_is_true_by_default(sent: Any, kept: bool) -> None:
    assert taken(active=sent)["active"] is kept


def test_a_role_may_say_primary_as_text() -> None:
    assert taken(roles=[{"primary": "True", "value": "Admin"}])["roles"] == [{"primary": True, "value": "Admin"}]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        pytest.param({"active": "yes"}, "active takes true or false, and 'yes' arrived", id="text for a boolean"),
        pytest.param({"active": 1}, "active takes true or false, and 1 arrived", id="number for a boolean"),
        pytest.param({"emails": [{"value": "m@x", "primary": "maybe"}]}, "emails.primary takes", id="primary"),
        pytest.param({"title": 7}, "title takes text, and 7 arrived", id="number for text"),
        pytest.param({"title": ["x"]}, "title takes text, and a list arrived", id="list for text"),
        pytest.param({"name": "Mila"}, "name takes an object, and 'Mila' arrived", id="text for an object"),
        pytest.param({"emails": 5}, "emails takes a list of objects", id="number for a list"),
        pytest.param({"addresses": ["Rua 7"]}, "addresses takes a list of objects", id="text for an address"),
        pytest.param({ENTERPRISE: "x"}, "the enterprise extension takes an object", id="text for an extension"),
        pytest.param({ENTERPRISE: {"manager": 7}}, "manager takes a user's id", id="number for a manager"),
        pytest.param({"userName": "m" * 1001}, "at most 1000 bytes", id="a userName that no index holds"),
        pytest.param({BADGE: {"n": 10**309}}, "n has a number that is too large", id="beyond any double"),
        pytest.param({BADGE: {"n": [float("inf")]}}, "n has a number that is too large", id="infinity"),
        pytest.param({"roles": ["x"] * 501}, "at most 500 values", id="too many values"),
    ],
)
def test_a_value_of_the_wrong_form_is_named(attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words.replace("(", r"\(")):
        taken(**attributes)


def test_a_long_value_is_cut_in_the_sentence() -> None:
    with pytest.raises(InvalidValue) as refused:
        taken(active="x" * 5000)

    assert "x" * 100 + "…" in refused.value.detail
    assert len(refused.value.detail) < 200


def test_nothing_of_an_object_reaches_a_sentence() -> None:
    with pytest.raises(InvalidValue) as refused:
        taken(title={"password": "s3cret"})

    assert "s3cret" not in refused.value.detail


@pytest.mark.parametrize(
    "attributes",
    [
        {"password": "s3cret"},
        {"PassWord": "s3cret"},
        {f"{USER}:password": "s3cret"},
        {f"{USER}.password": "s3cret"},
        {USER: {"password": "s3cret"}},
        {f"{ENTERPRISE}:password": "s3cret"},
        {ENTERPRISE: {"Password": "s3cret"}},
        {f"{BADGE}:password": "s3cret"},
        {BADGE: {"password": "s3cret", "inner": {"PASSWORD": "s3cret"}}},
        {"emails": [{"value": "m@x", "password": "s3cret"}]},
        {"urn:a:password": {"value": "s3cret"}},
        {"urn:a:password": "s3cret"},
        {"urn:acme:password:2.0:User": {"current": "s3cret"}},
    ],
)
def test_a_password_is_never_kept(attributes: dict[str, Any]) -> None:
    assert "s3cret" not in json.dumps(taken(**attributes))


def test_what_is_read_only_or_unknown_or_a_photo_is_ignored() -> None:
    document = taken(
        id="x", meta={"version": 1}, groups=[{"value": "g"}], photos=[{"value": "p"}], user_email="m@x", schemas="x"
    )

    assert document == {"schemas": [USER], "userName": "mila", "active": True}


def test_nulls_and_empty_values_are_absent() -> None:
    document = taken(
        name={"middleName": "", "givenName": None}, emails=[], addresses=[{}, None], title="", roles=None,
        **{ENTERPRISE: {"department": "", "manager": {"value": "", "displayName": ""}}, BADGE: {"a": None, "b": [{}]}},
    )  # fmt: skip

    assert document == {"schemas": [USER], "userName": "mila", "active": True}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("77", {"value": "77"}),
        ({"value": "77", "displayName": "Pia"}, {"value": "77", "displayName": "Pia"}),
        ([{"$ref": "http://x/77", "value": "77"}], {"$ref": "http://x/77", "value": "77"}),
        ({"managerId": "77", "displayName": "Pia"}, {"value": "77", "displayName": "Pia"}),
        (["77"], {"value": "77"}),
    ],
)
@pytest.mark.parametrize("place", ["manager", f"{ENTERPRISE}:manager", f"{ENTERPRISE}.manager", "nested", "misspelt"])
def test_a_manager_is_understood_in_every_form_and_place(place: str, sent: Any, kept: dict[str, str]) -> None:
    misspelt = ENTERPRISE.replace(":User", "User")
    body = {"nested": {ENTERPRISE: {"manager": sent}}, "misspelt": {misspelt: {"manager": sent}}}.get(
        place, {place: sent}
    )

    document = taken(**body)

    assert document[ENTERPRISE] == {"manager": kept}
    assert document["schemas"] == [USER, ENTERPRISE]


@pytest.mark.parametrize("sent", ["", None, [], {}, [None]])
def test_a_manager_that_says_nothing_is_absent(sent: Any) -> None:
    assert ENTERPRISE not in taken(manager=sent)


def test_enterprise_attributes_at_the_top_level_are_nested() -> None:
    document = taken(department="Sport", employeeNumber="D-88", **{ENTERPRISE: {"costCenter": "1"}})

    assert document[ENTERPRISE] == {"department": "Sport", "employeeNumber": "D-88", "costCenter": "1"}
    assert "department" not in document


def test_core_attributes_may_come_under_the_core_urn_or_with_dots() -> None:
    document = taken(**{USER: {"title": "Coach"}, f"{USER}:nickName": "Mi", "name.givenName": "Mila"})

    assert document == {
        "schemas": [USER],
        "userName": "mila",
        "active": True,
        "title": "Coach",
        "nickName": "Mi",
        "name": {"givenName": "Mila"},
    }


def test_one_user_name_under_two_spellings_is_refused() -> None:
    with pytest.raises(InvalidSyntax, match="userName more than once"):
        taken(**{f"{USER}:userName": "other"})


def test_an_attribute_that_the_core_schema_lacks_stays_under_its_urn() -> None:
    assert taken(**{USER: {"role": "x"}})[USER] == {"role": "x"}


def test_an_unknown_extension_is_kept_as_sent_and_named_in_schemas() -> None:
    document = taken(
        **{BADGE: {"badge": 7, "tags": ["a", {"b": 1.5}]}, "urn:okta:app_1:1.0:user:custom": {"shoe": "44"}}
    )

    assert document[BADGE] == {"badge": 7, "tags": ["a", {"b": 1.5}]}
    assert document["urn:okta:app_1:1.0:user:custom"] == {"shoe": "44"}
    assert document["schemas"] == [USER, BADGE, "urn:okta:app_1:1.0:user:custom"]


def test_a_single_address_may_come_as_an_object_or_bare_text() -> None:
    document = taken(emails={"value": "n@x", "type": "work", "primary": True}, phoneNumbers=["+61 3"])

    assert document["emails"] == [{"value": "n@x", "type": "work", "primary": True}]
    assert document["phoneNumbers"] == [{"value": "+61 3"}]


@pytest.mark.parametrize("name", ["emails.value", f"{USER}:emails.value", f"{USER}.emails.value"])
def test_a_part_of_a_list_sent_by_its_dotted_name_is_in_a_list(name: str) -> None:
    assert taken(**{name: "n@x"})["emails"] == [{"value": "n@x"}]
    assert taken(**{USER: {"emails.value": "n@x"}})["emails"] == [{"value": "n@x"}]


def test_a_part_by_its_dotted_name_joins_the_values_that_came_before_it() -> None:
    document = taken(emails=[{"value": "n@x"}, {"value": "m@x"}], **{"emails.type": "work"})

    assert document["emails"] == [{"value": "n@x", "type": "work"}, {"value": "m@x", "type": "work"}]


def test_parts_by_dotted_names_may_come_before_the_whole() -> None:
    assert taken(**{"name.familyName": "X", "name": {"givenName": "Y"}})["name"] == {
        "familyName": "X",
        "givenName": "Y",
    }


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidValue, match="1000 is the most"):
        taken(**{BADGE: {"x" * 1001: 1}})


def test_two_primary_addresses_are_accepted_as_sent() -> None:
    emails = [{"value": "p@x", "type": "work", "primary": True}, {"value": "p@x", "type": "home", "primary": True}]

    assert taken(emails=emails)["emails"] == emails


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, False),
        ({"active": None}, False),
        ({"active": ""}, False),
        ({"active": False}, True),
        ({"Active": "True"}, True),
        ({f"{USER}:active": False}, True),
        ({USER: {"active": False}}, True),
    ],
)
def test_whether_a_body_says_active(body: dict[str, Any], said: bool) -> None:
    assert intake.had_active({"userName": "mila", **body}) is said


def test_every_quirk_has_a_name_a_source_and_its_own_function() -> None:
    assert all(
        quirk.name and quirk.source.startswith("https://") and callable(quirk.function) for quirk in intake.QUIRKS
    )
