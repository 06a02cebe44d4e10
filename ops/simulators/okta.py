"""Okta, App Integration Wizard app: profiles and groups by PUT of the whole, never a DELETE
(developer.okta.com, "SCIM 2.0 Protocol Reference" and FAQ)."""

import secrets
from urllib.parse import quote

from ops.simulators.idp import Idp
from ops.simulators.people import Employee, Team
from ops.simulators.schemas import ENTERPRISE, GROUP, USER, Document
from ops.simulators.wire import Wire


class Okta(Idp):
    """Empty strings, a random password on create, GET before each PUT."""

    name, list_name, parallel = "okta", "Okta", 8
    headers = {
        "User-Agent": "Okta SCIM Client 1.0.0",
        "Content-Type": "application/scim+json; charset=utf-8",
        "Accept": "application/scim+json",
    }

    def test(self, wire: Wire) -> None:
        """Two users, whoever they are."""
        wire.call("test", "GET", "/Users?startIndex=1&count=2")

    def find(self, wire: Wire, user_name: str, step: str = "lookup") -> Document | None:
        """A filter with Okta's fixed paging."""
        condition = quote(f'userName eq "{user_name}"', safe="")
        found = wire.call(step, "GET", f"/Users?filter={condition}&startIndex=1&count=100")
        return found["Resources"][0] if found["Resources"] else None

    def body(self, employee: Employee) -> Document:
        """The profile as mapped; unmapped names are sent empty."""
        name = {"givenName": employee.given, "familyName": employee.family, "middleName": ""}
        body = employee.core(
            externalId=employee.anchor, locale="en-US", groups=[], active=True, name=name,
            **{ENTERPRISE: employee.enterprise()},
        )  # fmt: skip
        return body | {"schemas": [USER, ENTERPRISE]}

    def create(self, wire: Wire, employee: Employee) -> Document:
        """With a password, even where password sync is off."""
        return wire.call("create", "POST", "/Users", self.body(employee) | {"password": secrets.token_urlsafe(12)})

    def update(self, wire: Wire, user: Document, employee: Employee) -> None:
        """The whole object as read, id and meta included, with the changes."""
        present = wire.call("read", "GET", f"/Users/{user['id']}")
        wire.call("update", "PUT", f"/Users/{user['id']}", present | self.body(employee))

    def deactivate(self, wire: Wire, user: Document, employee: Employee) -> None:
        """Unassigned, suspended or deactivated: active false by PUT."""
        present = wire.call("read", "GET", f"/Users/{user['id']}")
        wire.call("deactivate", "PUT", f"/Users/{user['id']}", present | self.body(employee) | {"active": False})

    def push(self, wire: Wire, team: Team, members: list[Document]) -> None:
        """Created empty, then the whole group at every change, its name included."""
        body: Document = {"schemas": [GROUP], "displayName": team.name, "members": []}
        group = self.find_group(wire, team.name) or wire.call("group create", "POST", "/Groups", body)
        for present in (members, members[:-1]):
            whole = body | {"id": group["id"], "members": present}
            wire.call("group update", "PUT", f"/Groups/{group['id']}", whole)
