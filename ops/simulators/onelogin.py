"""OneLogin, "SCIM Provisioner with SAML (SCIM v2 Enterprise)": an administrator's JSON template, filled in
(developers.onelogin.com/scim; templates published by several vendors)."""

from ops.simulators.idp import Idp
from ops.simulators.people import Employee, Team
from ops.simulators.schemas import ENTERPRISE, GROUP, USER, Document
from ops.simulators.wire import Wire


class OneLogin(Idp):
    """Plain JSON, one e-mail address as an object, the manager in OneLogin's own shape, `active` as text."""

    name, list_name, parallel = "onelogin", "OneLogin", 2
    headers = {"User-Agent": "OneLogin SCIM", "Content-Type": "application/json", "Accept": "application/json"}

    def body(self, employee: Employee) -> Document:
        """The template."""
        manager = {"managerId": f"E{employee.number // 10:06d}", "displayName": "Team lead"}
        return employee.core(
            schemas=[USER, ENTERPRISE],
            emails={"value": employee.user_name, "type": "work", "primary": True},
            externalId=employee.anchor,
            active="true",
            **{ENTERPRISE: employee.enterprise() | {"manager": manager}},
        )

    def deactivate(self, wire: Wire, user: Document, employee: Employee) -> None:
        """Deprovisioning set to "Delete", OneLogin's default choice in most guides."""
        wire.call("deactivate", "DELETE", f"/Users/{user['id']}")

    def create_group(self, wire: Wire, team: Team, members: list[Document]) -> Document:
        """By its own name, which is not known to change."""
        return wire.call("group create", "POST", "/Groups", {"schemas": [GROUP], "displayName": team.name})

    def rename(self, wire: Wire, group: Document, name: str) -> None:
        """Nothing is documented."""
