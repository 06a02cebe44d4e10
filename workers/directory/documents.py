"""A user of Microsoft Graph's as the document that SCIM would have brought. Pure.

Source of the properties: learn.microsoft.com/graph/api/resources/user. What is null or empty is left out, so that a
mapped field is cleared by it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from models import mapping
from models.attributes import ENTERPRISE, ENTRA
from models.directory.staging import GONE, LEAVE, USER, Pulled
from models.errors import Refused
from models.resource import Document
from models.text import equality_key

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
PROPERTIES = (
    "id", "userPrincipalName", "accountEnabled", "displayName", "givenName", "surname", "mail", "otherMails",
    "employeeId", "jobTitle", "department", "companyName", "businessPhones", "mobilePhone", "streetAddress", "city",
    "state", "postalCode", "country", "officeLocation", "preferredLanguage", "userType", "employeeOrgData",
    "onPremisesExtensionAttributes",
)  # fmt: skip
MANAGER = "manager"
MANAGER_PATH = (ENTERPRISE, "manager")
GUEST = "guest"
encode = msgspec.json.Encoder().encode


def pulled(user: Mapping[str, Any], unique_identifier: str, guests: bool, managers: bool) -> Pulled:
    """What a page tells of a user; with `managers` theirs is to be asked for. What cannot be kept has an error."""
    object_id, body = str(user["id"]), encode(user).decode()
    removed = user.get("@removed")
    if removed is not None:
        # "changed" can be restored within 30 days, "deleted" cannot: its user name may come back as somebody else's.
        for_good = isinstance(removed, dict) and removed.get("reason") == "deleted"
        return Pulled(object_id, GONE if for_good else LEAVE, body=body)
    if not guests and str(user.get("userType") or "").lower() == GUEST:
        return Pulled(object_id, LEAVE, body=body)
    try:
        found = document(user)
        text = _text(found)
    except Refused as refusal:
        return Pulled(object_id, USER, None, body, error=refusal.detail)
    uid = mapping.uid_of(found, unique_identifier)
    return Pulled(
        object_id, USER, text, body, equality_key(uid) if uid is not None else None,
        equality_key(found["userName"]), found["active"], managers,
    )  # fmt: skip


def document(user: Mapping[str, Any]) -> Document:
    """A user's document; refused where there is no user principal name, or a value cannot be stored."""
    name = user.get("userPrincipalName")
    if not isinstance(name, str) or not name.strip():
        raise Refused("userPrincipalName is missing: give the user one in Entra ID")
    extensions = _kept({ENTERPRISE: _kept(_employment(user)), ENTRA: _kept(_extension(user))})
    found: Document = {
        "schemas": [USER_SCHEMA, *extensions],
        "externalId": str(user["id"]),
        "userName": name,
        # One that Graph does not tell is no reason to deactivate anybody.
        "active": user.get("accountEnabled") is not False,
        "displayName": user.get("displayName"),
        "name": _kept({"givenName": user.get("givenName"), "familyName": user.get("surname")}),
        "emails": _emails(user),
        "phoneNumbers": _phones(user),
        "addresses": _addresses(user),
        "title": user.get("jobTitle"),
        "preferredLanguage": user.get("preferredLanguage"),
        "userType": user.get("userType"),
        **extensions,
    }
    return _kept(found)


def _kept(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else None


def _emails(user: Mapping[str, Any]) -> list[dict[str, Any]]:
    work, other = user.get("mail"), _first(user.get("otherMails"))
    found = [{"value": work, "type": "work", "primary": True}] if work else []
    return found + ([{"value": other, "type": "home"}] if other else [])


def _phones(user: Mapping[str, Any]) -> list[dict[str, Any]]:
    both = (("work", _first(user.get("businessPhones"))), ("mobile", user.get("mobilePhone")))
    return [{"value": value, "type": kind} for kind, value in both if value]


def _addresses(user: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = _kept(
        {
            "streetAddress": user.get("streetAddress"),
            "locality": user.get("city"),
            "region": user.get("state"),
            "postalCode": user.get("postalCode"),
            "country": user.get("country"),
        }
    )
    return [{**found, "type": "work"}] if found else []


def _employment(user: Mapping[str, Any]) -> dict[str, Any]:
    organisation = user.get("employeeOrgData")
    organisation = organisation if isinstance(organisation, dict) else {}
    return {
        "employeeNumber": user.get("employeeId"),
        "department": user.get("department"),
        "organization": user.get("companyName"),
        "division": organisation.get("division"),
        "costCenter": organisation.get("costCenter"),
    }


def _extension(user: Mapping[str, Any]) -> dict[str, Any]:
    """What the two custom slots may take: the office, and the fifteen attributes of an on-premises directory."""
    attributes = user.get("onPremisesExtensionAttributes")
    found = attributes if isinstance(attributes, dict) else {}
    return {"officeLocation": user.get("officeLocation"), **found}


def manager(user: Mapping[str, Any]) -> str:
    """A manager as a document holds them, as JSON text."""
    name = user.get("displayName")
    return encode(_kept({"value": str(user["id"]), "displayName": name})).decode()


def _text(found: Document) -> str:
    for name, value in found.items():
        if _has_nul(value):
            raise Refused(f"{name} holds a character that cannot be stored: correct it in Entra ID")
    return encode(found).decode()


def _has_nul(value: Any) -> bool:
    """jsonb takes no NUL. Lone surrogates were refused when the answer was parsed."""
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(each) for key, each in value.items())
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\x00" in value
