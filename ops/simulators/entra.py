"""Microsoft Entra ID without the aadOptscim062020 flag: PATCH for everything, capitalised ops, booleans as
text (learn.microsoft.com, "Develop and plan provisioning for a SCIM endpoint" and "Known issues")."""

import uuid
from urllib.parse import quote

from ops.simulators.idp import Idp
from ops.simulators.people import Employee, Team
from ops.simulators.schemas import ENTERPRISE, GROUP, PATCH, USER, Document
from ops.simulators.wire import Wire

LEGACY = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
BATCH = 100  # members in one PATCH; Microsoft publishes no number, tens to hundreds are seen


class Entra(Idp):
    """One operation per attribute, filtered paths that may match nothing yet."""

    name, list_name, parallel = "entra", "Entra ID", 5
    headers = {"Content-Type": "application/scim+json", "Accept": "*/*"}

    def test(self, wire: Wire) -> None:
        """A lookup of a random GUID; anything but 200 with an empty list fails the connection."""
        self.find(wire, str(uuid.uuid4()), "test")

    def body(self, employee: Employee) -> Document:
        """The default attribute mapping, `meta` and empty `roles` included."""
        address = {"type": "work", "primary": False, "locality": "Hobart", "country": "AU"}
        return employee.core(
            schemas=[USER, ENTERPRISE],
            externalId=employee.anchor,
            active=True,
            preferredLanguage="en-AU",
            meta={"resourceType": "User"},
            addresses=[address],
            phoneNumbers=[{"type": "mobile", "value": f"+61 400 {employee.number:06d}"}],
            roles=[],
            **{ENTERPRISE: employee.enterprise()},
        )

    def update(self, wire: Wire, user: Document, employee: Employee) -> None:
        """A path for each attribute, and the manager as a bare string."""
        self._patch(
            wire, user, "update",
            ("Replace", "title", employee.title),
            ("Add", 'phoneNumbers[type eq "work"].value', f"+61 3 5550 {employee.number:04d}"),
            ("Replace", f"{ENTERPRISE}:department", employee.department),
            ("Add", f"{ENTERPRISE}:manager", user["id"]),
        )  # fmt: skip

    def deactivate(self, wire: Wire, user: Document, employee: Employee) -> None:
        """The word "False"."""
        self._patch(wire, user, "deactivate", ("Replace", "active", "False"))

    def _patch(self, wire: Wire, user: Document, step: str, *operations: tuple[str, str, object]) -> None:
        body = {
            "schemas": [PATCH],
            "Operations": [{"op": op, "path": path, "value": value} for op, path, value in operations],
        }
        wire.call(step, "PATCH", f"/Users/{user['id']}", body)

    def find_group(self, wire: Wire, name: str) -> Document | None:
        """By name, members left out; a known group is read once more before it is changed."""
        condition = quote(f'displayName eq "{name}"')
        found = wire.call("group lookup", "GET", f"/Groups?excludedAttributes=members&filter={condition}")
        if not found["Resources"]:
            return None
        return wire.call("group read", "GET", f"/Groups/{found['Resources'][0]['id']}?excludedAttributes=members")

    def create_group(self, wire: Wire, team: Team, members: list[Document]) -> Document:
        """Always without members, with a schema of older days."""
        named = {"externalId": team.anchor, "displayName": team.first_name, "meta": {"resourceType": "Group"}}
        return wire.call("group create", "POST", "/Groups", {"schemas": [GROUP, LEGACY]} | named)

    def join(self, wire: Wire, group: Document, members: list[Document]) -> None:
        """In batches."""
        for start in range(0, len(members), BATCH):
            self._members(wire, "group add", group, "Add", members[start : start + BATCH])

    def leave(self, wire: Wire, group: Document, member: Document) -> None:
        """As a value, without a filter."""
        self._members(wire, "group remove", group, "Remove", [member])

    def rename(self, wire: Wire, group: Document, name: str) -> None:
        """One operation, capitalised."""
        self.patch_group(wire, "group rename", group, {"op": "Replace", "path": "displayName", "value": name})

    def _members(self, wire: Wire, step: str, group: Document, op: str, members: list[Document]) -> None:
        value = [{"$ref": None, "value": member["value"]} for member in members]
        self.patch_group(wire, step, group, {"op": op, "path": "members", "value": value})
