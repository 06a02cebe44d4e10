"""SCIM bodies as plain dictionaries: sensible people by default, overrides by keyword."""

from itertools import count
from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

Body = dict[str, Any]

_numbers = count(1)


def user(user_name: str | None = None, *, employee_number: str | None = None, **overrides: Any) -> Body:
    """A user as most IdPs create one. An override of None leaves the attribute out."""
    name = user_name or f"person{next(_numbers)}@north.example"
    given = name.split("@")[0].split(".")[0].capitalize()
    body: Body = {
        "schemas": [USER],
        "userName": name,
        "name": {"givenName": given, "familyName": "Okafor"},
        "displayName": f"{given} Okafor",
        "emails": [{"value": name if "@" in name else f"{name}@north.example", "type": "work", "primary": True}],
        "active": True,
    }
    if employee_number is not None:
        body |= enterprise(employeeNumber=employee_number)
        body["schemas"] = [USER, ENTERPRISE]
    return {key: value for key, value in (body | overrides).items() if value is not None}


def enterprise(**attributes: Any) -> Body:
    """The enterprise extension (RFC 7643 §4.3), to be merged into a user."""
    return {ENTERPRISE: attributes}


def patch(*operations: Body) -> Body:
    """A PATCH body (RFC 7644 §3.5.2)."""
    return {"schemas": [PATCH], "Operations": list(operations)}


def replace(path: str, value: Any) -> Body:
    """One replace operation."""
    return {"op": "replace", "path": path, "value": value}
