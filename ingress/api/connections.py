"""What fills a list: its connection to a provider."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import LIST_ID, OPERATOR, WHEN
from models import audit, connection, networks
from models.errors import Unknown

NOUN = "Connections"
PATH = "/lists/{list_id}/connection"
Identifier = Annotated[
    Literal["employeeNumber", "userName", "email"], Meta(description="The attribute that people are recognised by.")
]


class NewConnection(Struct, kw_only=True, forbid_unknown_fields=True):
    """How a list is to be connected to SCIM."""

    unique_identifier: Identifier


class Networks(Struct, kw_only=True, forbid_unknown_fields=True):
    """From where a list's identity provider may come."""

    networks: Annotated[
        list[Annotated[str, Meta(max_length=60)]],
        Meta(description="In CIDR, IPv4 or IPv6; a single address is a network of one.", max_length=100),
    ]


class Connection(Struct, kw_only=True):
    """A list's link to its provider."""

    provider: Literal["scim", "directory"]
    unique_identifier: str
    state: Annotated[str, Meta(description="connected, or disconnecting until what was accepted is applied.")]
    connected_by: str
    connected_at: datetime
    last_request_at: datetime | None
    idp: Annotated[str | None, Meta(description="The family of the identity provider, as far as it can be told.")]
    mapped: Annotated[int, Meta(description="How many attributes are mapped.")]
    networks: Annotated[list[str], Meta(description="From which it may come, in CIDR; empty: from any address.")]
    scim_base_url: str


SAMPLE = Connection(
    provider="scim", unique_identifier="employeeNumber", state="connected", connected_by=OPERATOR, connected_at=WHEN,
    last_request_at=WHEN, idp="entra", mapped=8, networks=["203.0.113.0/24"],
    scim_base_url=f"https://muster.example/scim/v2/{LIST_ID}",
)  # fmt: skip


@operation("GET", PATH, NOUN, SAMPLE)
def get_connection(at: Desk) -> Connection:
    """Read a list's connection.

    404 where nothing fills the list.
    """
    found = connection.details(at.cursor, at.list.id)
    if found is None:
        raise Unknown("this list is not connected")
    members = {name: getattr(found, name) for name in Connection.__struct_fields__ if name != "scim_base_url"}
    return Connection(**members, scim_base_url=f"{at.asked.root}/scim/v2/{at.list.id}")


@operation(
    "POST", PATH, NOUN, SAMPLE, {"unique_identifier": "employeeNumber"}, status=201, problems=("plan", "conflict")
)
def connect_scim(at: Desk, body: NewConnection) -> Connection:
    """Connect a list to SCIM.

    With the default mappings and their fields; make a token next. A Directory Sync is connected by its own operation.
    """
    connection.connect(at.cursor, at.list.id, body.unique_identifier, at.caller.who)
    audit.record(at.cursor, at.caller, at.list.id, "connection.connect", body.unique_identifier)
    at.headers["Location"] = f"/api/v1/lists/{at.list.id}/connection"
    found: Connection = get_connection.handler(at)
    return found


@operation("PUT", PATH + "/networks", NOUN, SAMPLE, {"networks": ["203.0.113.0/24", "2001:db8::/32"]})
def allow_networks(at: Desk, body: Networks) -> Connection:
    """Allow networks.

    From the next request on, in every process, the identity provider is refused with 403 from anywhere else. An empty
    list lets it in from any address.
    """
    kept = networks.save(at.cursor, at.list.id, body.networks)
    audit.record(at.cursor, at.caller, at.list.id, "connection.networks", networks.told(kept))
    found: Connection = get_connection.handler(at)
    return found


@operation("DELETE", PATH, NOUN)
def disconnect(at: Desk) -> None:
    """Disconnect a list.

    Its tokens are revoked at once, its schedule ends, and its people stay.
    """
    connection.disconnect(at.cursor, at.list.id)
    audit.record(at.cursor, at.caller, at.list.id, "connection.disconnect")


OPERATIONS = [get_connection, connect_scim, allow_networks, disconnect]
