"""What the simulated identity providers share: how one speaks that keeps to the RFC."""

from collections.abc import Mapping
from urllib.parse import quote

from ops.simulators.people import Employee, Team
from ops.simulators.schemas import GROUP, PATCH, Document
from ops.simulators.wire import Wire


class Idp:
    """How one identity provider speaks. What differs from the RFC or from the others is overridden."""

    name = "rfc"
    list_name = "Default"
    headers: Mapping[str, str] = {"Content-Type": "application/scim+json", "Accept": "application/scim+json"}
    parallel = 4  # requests in flight

    def authorization(self, token: str) -> str:
        """The Authorization header."""
        return f"Bearer {token}"

    def test(self, wire: Wire) -> None:
        """The "Test connection" button."""
        self.find(wire, "nobody-by-this-name", "test")

    def find(self, wire: Wire, user_name: str, step: str = "lookup") -> Document | None:
        """The user of this name."""
        text = f'userName eq "{user_name}"'
        found = wire.call(step, "GET", f"/Users?filter={quote(text)}")
        resources: list[Document] = found["Resources"]
        return resources[0] if resources else None

    def create(self, wire: Wire, employee: Employee) -> Document:
        """A new user."""
        return wire.call("create", "POST", "/Users", self.body(employee))

    def body(self, employee: Employee) -> Document:
        """What a create sends."""
        return employee.core(active=True)

    def update(self, wire: Wire, user: Document, employee: Employee) -> None:
        """The employee's present attributes."""
        wire.call("update", "PUT", f"/Users/{user['id']}", self.body(employee) | {"id": user["id"]})

    def deactivate(self, wire: Wire, user: Document, employee: Employee) -> None:
        """A leaver."""
        inactive = self.body(employee) | {"id": user["id"], "active": False}
        wire.call("deactivate", "PUT", f"/Users/{user['id']}", inactive)

    def push(self, wire: Wire, team: Team, members: list[Document]) -> None:
        """A group of these members ({"value", "display"}), of whom the last one leaves again."""
        found = self.find_group(wire, team.name)
        group = found or self.create_group(wire, team, members)
        if members:
            self.join(wire, group, members)
            self.leave(wire, group, members[-1])
        if found is None:
            self.rename(wire, group, team.name)

    def find_group(self, wire: Wire, name: str) -> Document | None:
        """The group of this name, wherever it is in the list of all."""
        start, total = 1, 1
        while start <= total:
            page = wire.call("group lookup", "GET", f"/Groups?startIndex={start}&count=100")
            resources: list[Document] = page["Resources"]
            for group in resources:
                if group["displayName"] == name:
                    return group
            start, total = start + max(1, len(resources)), page["totalResults"]
        return None

    def create_group(self, wire: Wire, team: Team, members: list[Document]) -> Document:
        """A new group, without members."""
        return wire.call("group create", "POST", "/Groups", {"schemas": [GROUP], "displayName": team.first_name})

    def join(self, wire: Wire, group: Document, members: list[Document]) -> None:
        """New members."""
        joining = [{"value": member["value"]} for member in members]
        self.patch_group(wire, "group add", group, {"op": "add", "path": "members", "value": joining})

    def leave(self, wire: Wire, group: Document, member: Document) -> None:
        """A member less."""
        leaving = f'members[value eq "{member["value"]}"]'
        self.patch_group(wire, "group remove", group, {"op": "remove", "path": leaving})

    def rename(self, wire: Wire, group: Document, name: str) -> None:
        """Another name."""
        self.patch_group(wire, "group rename", group, {"op": "replace", "path": "displayName", "value": name})

    def patch_group(self, wire: Wire, step: str, group: Document, operation: Document) -> None:
        """One operation on a group."""
        body = {"schemas": [PATCH], "Operations": [operation]}
        wire.call(step, "PATCH", f"/Groups/{group['id']}", body)
