"""JumpCloud, custom SCIM identity management: its connection test makes a real user and deletes it
(jumpcloud.com, "Custom SCIM Identity Management"). PUT for updates is an assumption."""

from urllib.parse import quote

from ops.simulators.idp import Idp
from ops.simulators.people import Employee, Team
from ops.simulators.schemas import ENTERPRISE, GROUP, USER, Document
from ops.simulators.wire import Wire

TESTER = Employee(999_999, "jumpcloud-test", "Tester")


class JumpCloud(Idp):
    """The RFC's shapes, plus a test that leaves traces where DELETE does not work."""

    name, list_name, parallel = "jumpcloud", "JumpCloud", 2

    def test(self, wire: Wire) -> None:
        """Create, read, change and delete one user; a second run with the same address must work too."""
        made = wire.call("test", "POST", "/Users", self.body(TESTER))
        wire.call("test", "GET", f"/Users/{made['id']}")
        wire.call("test", "PUT", f"/Users/{made['id']}", self.body(TESTER))
        wire.call("test", "DELETE", f"/Users/{made['id']}")

    def body(self, employee: Employee) -> Document:
        """The documented mapping."""
        address = {"type": "work", "streetAddress": "Rua 7", "locality": "Lisboa", "country": "PT"}
        return employee.core(
            schemas=[USER, ENTERPRISE],
            active=True,
            phoneNumbers=[{"type": "work", "value": f"+351 21 555 {employee.number:04d}"}],
            addresses=[address],
            **{ENTERPRISE: employee.enterprise() | {"organization": "Harbor", "costCenter": "T1"}},
        )

    def push(self, wire: Wire, team: Team, members: list[Document]) -> None:
        """Empty groups are not created."""
        if members:
            super().push(wire, team, members)

    def find_group(self, wire: Wire, name: str) -> Document | None:
        """A group of the same name is taken over."""
        condition = quote(f'displayName eq "{name}"')
        found = wire.call("group lookup", "GET", f"/Groups?filter={condition}")
        return found["Resources"][0] if found["Resources"] else None

    def create_group(self, wire: Wire, team: Team, members: list[Document]) -> Document:
        """With its members, who are all added once more afterwards."""
        body = {"schemas": [GROUP], "displayName": team.first_name}
        return wire.call("group create", "POST", "/Groups", body | {"members": _values(members)})

    def leave(self, wire: Wire, group: Document, member: Document) -> None:
        """As a value, without a filter."""
        operation = {"op": "remove", "path": "members", "value": _values([member])}
        self.patch_group(wire, "group remove", group, operation)


def _values(members: list[Document]) -> list[Document]:
    return [{"value": member["value"]} for member in members]
