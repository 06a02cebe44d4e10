"""What the list and its log must hold after each recorded sequence (product rules V1–V7, L1, L2).

`log` is what was accepted of users, oldest first, as "operation result", and `groups` of groups; `refused` must be in
the log besides.
An `${anchor}` of the SCIM id is written as the variable that the sequence saves it in. Fields by
label; a label that is not named has no value.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Person:
    """A person of the list after the sequence."""

    uid: str
    anchor: str
    active: bool
    fields: dict[str, str]


@dataclass(frozen=True)
class Expected:
    """The end of one sequence on a list with this unique identifier."""

    unique_identifier: str
    people: list[Person] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


def named(first: str, last: str, email: str | None, **more: str) -> dict[str, str]:
    """The fields that nearly every IdP fills; `more` by label, underscores for blanks."""
    fields = {"First Name": first, "Last Name": last, "Display Name": f"{first} {last}"}
    if email is not None:
        fields |= {"Email": email, "Primary Email": email}
    return fields | {label.replace("_", " "): value for label, value in more.items()}


EXPECTED = {
    "entra-test-connection": Expected("userName"),
    # The employee number changes while the identity holds the person: the UID follows (V2). A
    # nick name, a town, a second address and the user name are not mapped: No change.
    "entra-default-user": Expected(
        "employeeNumber",
        [
            Person(
                "A1007-B",
                "ravi.k.menon",
                active=False,
                fields=named(
                    "Ravi K.", "Menon", "ravi.k.menon@alpine.example",
                    Phone="+61 3 5550 1001", Job_Title="Registrar", Department="Admissions",
                    Employee_Number="A1007-B",
                ),
            )
        ],
        [
            "create applied", "update applied", "update no_change", "update no_change", "update no_change",
            "update no_change", "deactivate applied", "reactivate applied", "delete applied",
        ],
        ["delete rejected"],
    ),
    "entra-default-manager": Expected(
        "userName",
        [
            Person(
                "greta.holm@alpine.example", "greta.holm", True,
                named("Greta", "Holm", "greta.holm@alpine.example"),
            ),
            Person("ola.vik@alpine.example", "ola.vik", True, named("Ola", "Vik", "ola.vik@alpine.example")),
        ],
        ["create applied", "create applied", *["update no_change"] * 4],
    ),
    "entra-default-roles-and-custom": Expected(
        "email",
        [Person("zoe.kaur@alpine.example", "zoe.kaur", True, named("Zoe", "Kaur", "zoe.kaur@alpine.example"))],
        ["create applied", *["update no_change"] * 3],
    ),
    # Created without an employee number, which comes with the first update: Waiting until then (V3, V3b).
    "entra-flag-user": Expected(
        "employeeNumber",
        [
            Person(
                "D-88",
                "kai.moreau",
                active=True,
                fields=named(
                    "Kai J", "Moreau-Diaz", "k.moreau@delta.example", Display_Name="Kai J Moreau",
                    Employee_Number="D-88",
                ),
            )
        ],
        ["create no_change", "update applied", "update no_change", "deactivate applied", "reactivate applied"],
    ),
    # The last PATCH adds two addresses and ends with the home one as the primary.
    "generic-edges": Expected(
        "userName",
        [
            Person(
                "edge.one", "${u}", True,
                {"First Name": "Edge", "Last Name": "Two", "Email": "e1@x.example", "Primary Email": "e2@x.example"},
            )
        ],
        ["create applied", "update applied", "update applied"],
        ["request rejected", "create rejected", "create rejected", "update rejected"],
    ),
    # The PUT leaves the telephone out: cleared (C19).
    "jumpcloud-user": Expected(
        "employeeNumber",
        [
            Person(
                "H-7", "${u}", True,
                named(
                    "Sol", "Ferro", "sol.ferro@harbor.example",
                    Job_Title="Lead Driver", Department="Transport", Employee_Number="H-7",
                ),
            )
        ],
        ["create applied", "update applied", "deactivate applied", "reactivate applied"],
    ),
    "okta-aiw-users": Expected(
        "userName",
        [
            Person(
                "mila.okafor@north.example", "00u1k2mila", True,
                named(
                    "Mila", "Okafor-Reyes", "mila.okafor@north.example",
                    Job_Title="Lab Technician", Department="Science", Employee_Number="N-0441",
                ),
            )
        ],
        ["create applied", "update applied", "deactivate applied", "reactivate applied"],
        ["create rejected"],
    ),
    "okta-header-auth": Expected("userName"),
    "okta-import": Expected(
        "email",
        [
            Person(
                f"seed{n}@north.example", f"00useed{n}", True,
                named(f"Given{n}", f"Family{n}", f"seed{n}@north.example"),
            )
            for n in range(3)
        ],
        ["create applied"] * 3,
        ["request rejected"],
    ),
    # A password alone changes nothing that is kept.
    "okta-oin-users": Expected(
        "userName",
        [
            Person(
                "tomas.brandt@south.example", "00u2tomas", True,
                named("Tomas", "Brandt", "tomas.brandt@south.example"),
            )
        ],
        ["create applied", "deactivate applied", "reactivate applied", "update no_change"],
    ),
    # Members leave the list's people alone, whatever is done to groups.
    "entra-default-group": Expected(
        "userName",
        [
            Person(f"{name.lower()}@alpine.example", name.lower(), True,
                   named(name, "Aalto", f"{name.lower()}@alpine.example"))
            for name in ("Una", "Veli", "Wim")
        ],
        ["create applied"] * 3,
        ["create rejected"],
        ["create applied", *["update applied"] * 3, "delete applied"],
    ),
    "entra-flag-group": Expected(
        "userName",
        [
            Person(f"{name.lower()}@delta.example", name.lower(), True,
                   named(name, "Lund", f"{name.lower()}@delta.example"))
            for name in ("Ari", "Bo")
        ],
        ["create applied"] * 2,
        groups=["create applied", "update applied", "update applied"],
    ),
    # The test user is deleted, and comes back by the second run of the test: one person, active.
    "jumpcloud-test-connection": Expected(
        "userName",
        [
            Person("scim-check@harbor.example", "${u2}", True,
                   named("Test", "User", "scim-check@harbor.example"))
        ],
        ["create applied", "update applied", "deactivate applied", "delete no_change", "create applied"],
        groups=["create applied", "update applied", "delete applied"],
    ),
    # The same member twice is no change.
    "jumpcloud-group": Expected(
        "userName",
        [Person("rui", "${u}", True, named("Rui", "Pinto", "rui@harbor.example"))],
        ["create applied"],
        groups=["create applied", "update no_change", "update applied", "update applied", "delete applied"],
    ),
    "okta-aiw-groups": Expected(
        "userName",
        [
            Person("ana.lindqvist@north.example", "00u1ana", True,
                   named("Ana", "Lindqvist", "ana.lindqvist@north.example"))
        ],
        ["create applied"],
        groups=["create applied", "update applied", "update applied", "delete applied"],
    ),
    "okta-oin-groups": Expected(
        "userName",
        [
            Person(f"{name.lower()}@south.example", f"00u2{name.lower()}", True,
                   named(name, "Sato", f"{name.lower()}@south.example"))
            for name in ("Ida", "Joel")
        ],
        ["create applied"] * 2,
        groups=["create applied", *["update applied"] * 4],
    ),
    "onelogin-group": Expected(
        "userName",
        [Person("ewa@fjord.example", "${u}", True, named("Ewa", "Dahl", "ewa@fjord.example"))],
        ["create applied"],
        groups=["create applied", "update applied", "update applied"],
    ),
    "pingone-group": Expected(
        "userName",
        [Person("lev.aas", "${u}", True, named("Lev", "Aas", "lev@cedar.example"))],
        ["create applied"],
        groups=["create applied", "update applied", "update applied"],
    ),
    # The address is the UID and changes: the same person. Later PUTs leave title and department out.
    "onelogin-user": Expected(
        "email",
        [Person("n.haddad@fjord.example", "${u}", False, named("Noor", "Haddad", "n.haddad@fjord.example"))],
        [
            "create applied", "update applied", "update applied", "deactivate applied", "reactivate applied",
            "delete applied",
        ],
    ),
    "pingone-user": Expected(
        "userName",
        [Person("petra.novak", "${u}", False, named("Petra", "Novakova", "petra@cedar.example"))],
        [
            "create applied", "update applied", "update applied", "deactivate applied", "reactivate applied",
            "delete applied",
        ],
    ),
}  # fmt: skip
