"""Microsoft Entra ID without the aadOptscim062020 flag: PATCH for everything, capitalised ops, booleans as
text (learn.microsoft.com, "Develop and plan provisioning for a SCIM endpoint" and "Known issues")."""

import uuid

from ops.simulators.wire import ENTERPRISE, PATCH, USER, Document, Employee, Idp, Wire


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
