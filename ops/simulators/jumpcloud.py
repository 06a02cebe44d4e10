"""JumpCloud, custom SCIM identity management: its connection test makes a real user and deletes it
(jumpcloud.com, "Custom SCIM Identity Management"). PUT for updates is an assumption."""

from ops.simulators.wire import ENTERPRISE, USER, Document, Employee, Idp, Wire

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
