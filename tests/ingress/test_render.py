"""What is answered: resources, lists, errors and the parts of them that were asked for."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ingress.scim import errors, render
from ingress.scim.errors import InvalidValue
from ingress.scim.projection import project
from ingress.scim.schema import GROUP
from models.errors import Refused, Taken
from models.resource import Stored
from tests.factories import ENTERPRISE, ERROR, USER, enterprise, user

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def resource(**overrides: Any) -> dict[str, Any]:
    document = user("mila@x.example", externalId="00u", **enterprise(department="Sport"), **overrides)
    return render.resource(Stored("u-1", json.dumps(document), 3, MOMENT, MOMENT), "https://h/scim/v2/abc")


def test_a_user_is_its_document_with_id_and_meta() -> None:
    document = user("mila@x.example")

    stored = Stored("u-1", json.dumps(document), 3, MOMENT, MOMENT + timedelta(seconds=1))
    whole = json.loads(bytes(render.whole(stored, "https://h/scim/v2/abc")))

    assert (
        whole
        == render.resource(stored, "https://h/scim/v2/abc")
        == {
            **document,
            "id": "u-1",
            "meta": {
                "resourceType": "User",
                "created": "2026-03-01T12:30:15.123Z",
                "lastModified": "2026-03-01T12:30:16.123Z",
                "location": "https://h/scim/v2/abc/Users/u-1",
                "version": 'W/"3"',
            },
        }
    )


def test_times_are_told_in_utc() -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=11)))

    assert render.timestamp(elsewhere) == "2026-03-01T12:30:15.123Z"


def test_a_list_counts_in_integers_and_always_has_resources() -> None:
    assert json.loads(render.listing([], 0, 1)) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }
    assert json.loads(render.listing([{"id": "a"}], 7, 3))["itemsPerPage"] == 1


def test_an_error_tells_its_status_as_text_and_its_type() -> None:
    assert json.loads(errors.body(Taken("userName 'x' belongs to another user"))) == {
        "schemas": [ERROR],
        "status": "409",
        "scimType": "uniqueness",
        "detail": "userName 'x' belongs to another user",
    }
    assert "scimType" not in json.loads(errors.body(errors.NotFound("gone")))


def test_an_error_about_what_utf8_cannot_carry_is_still_rendered() -> None:
    assert json.loads(errors.body(Refused("half \ud800")))["detail"] == "half ?"


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        ("userName", {"userName"}),
        ("USERNAME, displayName", {"userName", "displayName"}),
        ("id", set()),
        ("meta", {"meta"}),
        (f"{USER}:userName", {"userName"}),
        (f"{ENTERPRISE}:department", {ENTERPRISE}),
        ("department", {ENTERPRISE}),
        (ENTERPRISE, {ENTERPRISE}),
        ("favouriteColour", set()),
        ("emails.value,emails", {"emails"}),
        ("emails,,emails.value", {"emails"}),
    ],
)
def test_only_the_attributes_asked_for_are_answered_beside_id_and_schemas(attributes: str, names: set[str]) -> None:
    whole = resource()

    assert project(whole, attributes, None) == {name: whole[name] for name in {"id", "schemas"} | names}


def test_sub_attributes_can_be_asked_for() -> None:
    projected = project(resource(), "name.givenName,emails.type,meta.location", None)

    assert projected["name"] == {"givenName": "Mila"}
    assert projected["emails"] == [{"type": "work"}]
    assert projected["meta"] == {"location": "https://h/scim/v2/abc/Users/u-1"}


@pytest.mark.parametrize(
    ("excluded", "gone"),
    [
        ("emails", {"emails"}),
        ("EMAILS, meta", {"emails", "meta"}),
        ("id,schemas", set()),
        ("department", {ENTERPRISE}),
        ("name.givenName,name.familyName", {"name"}),
        ("members", set()),
    ],
)
def test_excluded_attributes_are_left_out_but_never_id_or_schemas(excluded: str, gone: set[str]) -> None:
    whole = resource()

    assert whole.keys() - project(whole, None, excluded).keys() == gone


def test_excluded_sub_attributes_leave_the_rest() -> None:
    assert project(resource(), "", "name.givenName")["name"] == {"familyName": "Okafor"}


@pytest.mark.parametrize(("attributes", "excluded"), [("x," * 3_000, None), (None, "x," * 3_000)])
def test_more_names_than_are_looked_at_are_refused(attributes: str | None, excluded: str | None) -> None:
    with pytest.raises(InvalidValue, match="4000 is the most"):
        project(resource(), attributes, excluded)


def test_a_groups_members_can_be_left_out() -> None:
    group = {"schemas": ["urn"], "id": "g", "displayName": "Staff", "members": [{"value": "u"}]}

    assert project(group, None, "urn:ietf:params:scim:schemas:core:2.0:Group:members", GROUP) == project(
        group, None, "members", GROUP
    )
    assert "members" not in project(group, None, "members")


@pytest.mark.parametrize("names", [None, "", "  "])
def test_naming_nothing_answers_everything(names: str | None) -> None:
    assert project(resource(), names, names) == resource()
