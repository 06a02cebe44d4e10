"""PingOne, SCIM outbound connection: PUT only, operators in any case, two addresses both primary
(docs.pingidentity.com, "SCIM provisioning features" and "limitations"). Exact headers are an assumption."""

from urllib.parse import quote

from ops.simulators.idp import Idp
from ops.simulators.people import Employee
from ops.simulators.schemas import ENTERPRISE, USER, Document
from ops.simulators.wire import Wire


class PingOne(Idp):
    """What PingOne documents; its wire was never published."""

    name, list_name, parallel = "pingone", "PingOne", 3

    def find(self, wire: Wire, user_name: str, step: str = "lookup") -> Document | None:
        """The filter as administrators copy it from the documentation."""
        condition = quote(f'username Eq "{user_name}"')
        found = wire.call(step, "GET", f"/Users?filter={condition}")
        return found["Resources"][0] if found["Resources"] else None

    def body(self, employee: Employee) -> Document:
        """Single-valued attributes, spread over typed elements."""
        addresses = [
            {"value": employee.user_name, "type": "work", "primary": True},
            {"value": employee.user_name, "type": "home", "primary": True},
        ]
        phone = {"value": f"+1 503 555 {employee.number:04d}", "type": "work", "primary": True}
        return employee.core(
            schemas=[USER, ENTERPRISE], emails=addresses, phoneNumbers=[phone], active=True,
            **{ENTERPRISE: employee.enterprise()},
        )  # fmt: skip
