"""Documents into field values: product rules M2, M3, V4 and V5, and the resolution of attributes."""

from typing import Any

import pytest

from models import mapping
from models.attributes import ATTRIBUTES
from models.mapping import Field, Mapping
from tests.factories import ENTERPRISE, enterprise, user

BADGE = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"
WORK, HOME = {"value": "w@x", "type": "work"}, {"value": "h@x", "type": "home"}
UNTYPED, PRIMARY = {"value": "u@x"}, {"value": "p@x", "primary": True}


def projected(
    attribute: str, document: dict[str, Any], kind: str = "text", transform: str = "copy", options: tuple[str, ...] = ()
) -> mapping.Projected:
    fields = [Field("f", "Badge", kind, options)]
    return mapping.compile([Mapping(attribute, "f", True, transform)], fields).project(document)


def value(attribute: str, document: dict[str, Any], kind: str = "text", transform: str = "copy") -> Any:
    return projected(attribute, document, kind, transform).values["f"]


def test_there_are_27_attributes_in_four_categories_of_which_nine_are_on() -> None:
    assert len(ATTRIBUTES) == 27
    assert {each.category for each in ATTRIBUTES} == {"Name", "Contact", "Organisation", "Account"}
    assert len({each.default_field for each in ATTRIBUTES}) == 27
    assert [label for _, label, _ in mapping.defaults()] == [
        "First Name", "Last Name", "Display Name", "Email", "Primary Email", "Phone", "Job Title", "Department",
        "Employee Number",
    ]  # fmt: skip


def test_every_attribute_with_a_path_finds_its_value() -> None:
    document = user(
        "mila",
        name={part: part for part in ("givenName", "familyName", "middleName", "formatted", "honorificPrefix")},
        displayName="displayName",
        title="title",
        emails=[{"value": "value", "type": "work", "primary": True}, {"value": "value", "type": "home"}],
        phoneNumbers=[{"value": "value", "type": "work"}, {"value": "value", "type": "mobile"}],
        addresses=[
            {"type": "work"}
            | {part: part for part in ("streetAddress", "locality", "region", "postalCode", "country")}
        ],
        **enterprise(
            **{part: part for part in ("department", "employeeNumber", "organization", "division", "costCenter")},
            manager={"value": "77", "displayName": "manager"},
        ),
    )  # fmt: skip

    found = {each.path: value(each.path, document) for each in ATTRIBUTES if each.path}

    expected = {path: path.replace(ENTERPRISE + ":", "").rsplit(".", 1)[-1] for path in found}
    assert found == expected | {"userName": "mila", "active": "Active"}


@pytest.mark.parametrize(
    ("emails", "work", "primary", "home"),
    [
        ([WORK, HOME], "w@x", "w@x", "h@x"),
        ([HOME, WORK], "w@x", "h@x", "h@x"),
        ([{**HOME, "primary": True}, WORK], "w@x", "h@x", "h@x"),
        ([UNTYPED], "u@x", "u@x", None),
        ([UNTYPED, PRIMARY], "p@x", "p@x", None),
        ([HOME], None, "h@x", "h@x"),
        ([{"type": "WORK", "value": "w@x"}], "w@x", "w@x", None),
        ([{"type": "work", "primary": True}, HOME], None, "h@x", "h@x"),
        (None, "mila@x.example", "mila@x.example", None),
    ],
)
def test_email_addresses_are_resolved_by_type_then_primary_then_order(
    emails: Any, work: str | None, primary: str | None, home: str | None
) -> None:
    document = user("mila@x.example") | {"emails": emails}

    assert value('emails[type eq "work"].value', document) == work
    assert value("emails[primary eq true].value", document) == primary
    assert value('emails[type eq "home"].value', document) == home


@pytest.mark.parametrize(
    ("phones", "found"),
    [
        ([HOME, WORK], "w@x"),
        ([HOME, PRIMARY], "p@x"),
        ([HOME, UNTYPED], "u@x"),
        ([HOME], None),
        ([], None),
    ],
)
def test_the_work_phone_falls_back_to_the_primary_then_to_one_without_a_type(phones: Any, found: str | None) -> None:
    assert value('phoneNumbers[type eq "work"].value', {"phoneNumbers": phones}) == found


def test_a_manager_without_a_name_is_shown_by_id() -> None:
    assert value(f"{ENTERPRISE}:manager", enterprise(manager={"value": "77"})) == "77"


def test_a_user_that_left_is_inactive() -> None:
    assert value("active", user(active=False)) == "Inactive"


@pytest.mark.parametrize("path", [f"{BADGE}:badge", f"{BADGE.lower()}:BADGE"])
def test_a_custom_attribute_is_found_by_its_urn_in_any_case(path: str) -> None:
    assert value(path, {BADGE: {"badge": "B-7"}}) == "B-7"
    assert value(path, {}) is None


def test_a_part_of_a_custom_attribute_can_be_mapped() -> None:
    assert value(f"{BADGE}:card.code", {BADGE: {"card": {"code": 7}}}) == "7"


@pytest.mark.parametrize(
    ("transform", "kept"),
    [("copy", " Lab Tech "), ("trim", "Lab Tech"), ("lowercase", " lab tech "), ("uppercase", " LAB TECH ")],
)
def test_a_mapping_may_transform(transform: str, kept: str) -> None:
    assert value("title", {"title": " Lab Tech "}, transform=transform) == kept


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        ("text", "x", "x"),
        ("text", 7, "7"),
        ("text", True, "true"),
        ("number", "42", 42),
        ("number", " -1.5 ", -1.5),
        ("number", 7.25, 7.25),
        ("email", "mila@x.example", "mila@x.example"),
        ("date", "2026-03-01", "2026-03-01"),
        ("date", "2026-03-01T23:30:00Z", "2026-03-01"),
        ("dropdown", " GREEN ", "Green"),
    ],
)
def test_a_value_that_fits_its_field_is_kept_in_the_fields_form(kind: str, sent: Any, kept: Any) -> None:
    outcome = projected(f"{BADGE}:badge", {BADGE: {"badge": sent}}, kind, options=("Red", "Green"))

    assert outcome.values == {"f": kept}
    assert type(outcome.values["f"]) is type(kept)
    assert outcome.problems == []


@pytest.mark.parametrize(
    ("kind", "sent", "why"),
    [
        ("number", "seven", "not a number"),
        ("number", "nan", "not a number"),
        ("number", "1e999", "not a number"),
        ("number", "9" * 30, "not a number"),
        ("number", True, "not a number"),
        ("email", "mila", "not an e-mail address"),
        ("email", "a b@x", "not an e-mail address"),
        ("date", "01/03/2026", "not a date"),
        ("date", "2026-02-30", "not a date"),
        ("dropdown", "Blue", "not one of its options (Red, Green)"),
    ],
)
def test_a_value_that_does_not_fit_is_told_and_the_field_keeps_its_own(kind: str, sent: Any, why: str) -> None:
    outcome = projected(f"{BADGE}:badge", {BADGE: {"badge": sent}}, kind, options=("Red", "Green"))

    assert outcome.values == {}
    assert [(each.field_key, each.label, each.value) for each in outcome.problems] == [("f", "Badge", sent)]
    assert outcome.problems[0].reason.startswith(f"Badge keeps its value: '{str(sent)[:100]}'")
    assert why in outcome.problems[0].reason


def test_one_bad_value_does_not_stop_the_others() -> None:
    fields = [Field("a", "Age", "number"), Field("t", "Title", "text")]
    compiled = mapping.compile([Mapping("nickName", "a", True, "copy"), Mapping("title", "t", True, "copy")], fields)

    outcome = compiled.project({"nickName": "x", "title": "Coach"})

    assert outcome.values == {"t": "Coach"}
    assert [each.field_key for each in outcome.problems] == ["a"]


@pytest.mark.parametrize(("sent", "transform"), [({}, "copy"), ({"title": ""}, "copy"), ({"title": "  "}, "trim")])
def test_an_absent_or_empty_value_clears_its_field(sent: dict[str, Any], transform: str) -> None:
    assert projected("title", sent, "number", transform).values == {"f": None}


def test_only_mappings_that_are_on_write_and_never_the_uid_or_a_field_that_is_gone() -> None:
    fields = [Field("uid", "UID", "text", uid=True), Field("t", "Title", "text")]
    mappings = [
        Mapping("title", "t", False, "copy"),
        Mapping("userName", "uid", True, "copy"),
        Mapping("displayName", "gone", True, "copy"),
    ]

    assert mapping.compile(mappings, fields).project(user(title="Coach")).values == {}


@pytest.mark.parametrize(
    ("unique_identifier", "uid"),
    [("employeeNumber", "A-7"), ("userName", "Mila@X.example"), ("email", "mila@home.example")],
)
def test_the_uid_is_the_chosen_attribute_trimmed_and_otherwise_as_sent(unique_identifier: str, uid: str) -> None:
    document = user(" Mila@X.example ", employee_number=" A-7 ", emails=[{"value": "mila@home.example "}])

    assert mapping.uid_of(document, unique_identifier) == uid


def test_a_user_without_addresses_has_the_email_of_its_user_name_if_that_is_one() -> None:
    assert mapping.uid_of({"userName": "mila@x.example"}, "email") == "mila@x.example"
    assert mapping.uid_of({"userName": "mila"}, "email") is None


@pytest.mark.parametrize("unique_identifier", mapping.UNIQUE_IDENTIFIERS)
def test_a_document_that_lacks_the_attribute_or_has_only_blanks_has_no_uid(unique_identifier: str) -> None:
    blank = {"userName": " ", "emails": [{"value": " "}], **enterprise(employeeNumber=" ")}

    assert mapping.uid_of(blank, unique_identifier) is None
    assert mapping.uid_of({}, unique_identifier) is None


def test_a_field_survives_its_stored_form() -> None:
    field = Field("colour", "Colour", "dropdown", ("Red", "Green"), required=True)

    assert Field.from_json(field.as_json()) == field
