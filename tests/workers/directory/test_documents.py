"""A user of Graph's as the document that SCIM would have brought."""

import json
from typing import Any

import pytest

from ingress.scim import intake
from models.attributes import ENTERPRISE, ENTRA
from models.errors import Refused
from workers.directory import documents

FULL: dict[str, Any] = {
    "id": "aaaaaaaa-0000-4000-8000-000000000001", "userPrincipalName": "nia@s.example", "accountEnabled": True,
    "displayName": "Nia Okoye", "givenName": "Nia", "surname": "Okoye", "mail": "nia@s.example",
    "otherMails": ["n@home.example", "x@home.example"], "employeeId": "S-1", "jobTitle": "Teacher",
    "department": "Maths", "companyName": "Summit", "businessPhones": ["+44 1"], "mobilePhone": "+44 2",
    "streetAddress": "1 High St", "city": "Leeds", "state": "Yorks", "postalCode": "LS1", "country": "UK",
    "officeLocation": "A1", "preferredLanguage": "en-GB", "userType": "Member",
    "employeeOrgData": {"division": "North", "costCenter": "C1"},
    "onPremisesExtensionAttributes": {"extensionAttribute1": "blue", "extensionAttribute2": None},
}  # fmt: skip


def test_every_property_has_its_place() -> None:
    assert documents.document(FULL) == {
        "schemas": [documents.USER_SCHEMA, ENTERPRISE, ENTRA],
        "externalId": FULL["id"],
        "userName": "nia@s.example",
        "active": True,
        "displayName": "Nia Okoye",
        "name": {"givenName": "Nia", "familyName": "Okoye"},
        "emails": [
            {"value": "nia@s.example", "type": "work", "primary": True},
            {"value": "n@home.example", "type": "home"},
        ],
        "phoneNumbers": [{"value": "+44 1", "type": "work"}, {"value": "+44 2", "type": "mobile"}],
        "addresses": [
            {
                "streetAddress": "1 High St", "locality": "Leeds", "region": "Yorks", "postalCode": "LS1",
                "country": "UK", "type": "work",
            }
        ],
        "title": "Teacher",
        "preferredLanguage": "en-GB",
        "userType": "Member",
        ENTERPRISE: {
            "employeeNumber": "S-1", "department": "Maths", "organization": "Summit", "division": "North",
            "costCenter": "C1",
        },
        ENTRA: {"officeLocation": "A1", "extensionAttribute1": "blue"},
    }  # fmt: skip


def test_a_document_is_in_the_form_that_scim_leaves_too() -> None:
    found = documents.document(FULL)

    assert intake.user(json.loads(json.dumps(found))) == found


def test_what_is_empty_is_not_there() -> None:
    bare: dict[str, Any] = {name: [] if name in ("otherMails", "businessPhones") else None for name in FULL}

    found = documents.document({**bare, "id": "x", "userPrincipalName": "a@b.example"})

    assert found == {
        "schemas": [documents.USER_SCHEMA], "externalId": "x", "userName": "a@b.example", "active": True,
    }  # fmt: skip


@pytest.mark.parametrize("name", [None, "", "  ", 7])
def test_a_user_needs_a_name(name: Any) -> None:
    with pytest.raises(Refused, match="userPrincipalName is missing"):
        documents.document({**FULL, "userPrincipalName": name})


@pytest.mark.parametrize(
    ("user", "kind"),
    [
        ({"id": "x", "@removed": {"reason": "changed"}}, "leave"),
        ({"id": "x", "@removed": {"reason": "deleted"}}, "gone"),
        ({"id": "x", "@removed": "?"}, "leave"),
        ({**FULL, "userType": "Guest"}, "leave"),
        (FULL, "user"),
    ],
)
def test_who_is_there_and_who_is_not(user: dict[str, Any], kind: str) -> None:
    assert documents.pulled(user, "userName", guests=False, managers=False).kind == kind
