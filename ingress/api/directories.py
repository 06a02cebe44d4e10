"""Directory connections of the organisation: credentials of Microsoft Graph, kept sealed and never told."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.operation import Later, operation
from ingress.api.problems import Wrong
from ingress.api.samples import GROUP_ID, OPERATOR, OTHER_ID, WHEN
from ingress.asking import ask
from ingress.storing import store
from models import audit
from models.directory import connections
from models.directory.connections import LONGEST_NAME, DirectoryConnection, Wanted
from ops import graph_look
from ops.graph import Graph

NOUN = "Directory connections"
PATH = "/directory-connections"
ONE = PATH + "/{connection_id}"
TENANT = "8f1c2d3e-4f5a-4b6c-8d7e-9f0a1b2c3d4e"
CLIENT = "2b7e3f4a-5b6c-4d7e-9f8a-0b1c2d3e4f5a"
T = TypeVar("T")
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
Id = Annotated[str, Meta(min_length=1, max_length=253)]


class NewDirectory(Struct, kw_only=True, forbid_unknown_fields=True):
    """An app registration in Entra ID."""

    name: Name
    tenant_id: Annotated[str, Meta(description="Directory (tenant) ID, or a domain.", min_length=1, max_length=253)]
    client_id: Annotated[str, Meta(description="Application (client) ID.", min_length=1, max_length=100)]
    client_secret: Annotated[str, Meta(description="Its Value; never told again.", min_length=1, max_length=400)]
    cloud: Annotated[str, Meta(description="global, us, dod or china.", max_length=20)] = "global"


class DirectoryChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is not named stays."""

    name: Name | None = None
    tenant_id: Id | None = None
    client_id: Id | None = None
    client_secret: Annotated[str, Meta(min_length=1, max_length=400)] | None = None
    cloud: Annotated[str, Meta(max_length=20)] | None = None


class Directory(Struct, kw_only=True):
    """A directory connection without its secret."""

    id: str
    name: str
    cloud: str
    tenant_id: str
    client_id: str
    created_by: str
    created_at: datetime
    used_by: Annotated[list[str], Meta(description="Names of the lists that are synced through it.")]


class Directories(Struct, kw_only=True):
    """The organisation's directory connections, by name."""

    items: list[Directory]


class Tested(Struct, kw_only=True):
    """What a connection can see."""

    users: int
    groups: int


class GroupSearch(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the groups are called."""

    text: Annotated[str, Meta(description="Words that names have; empty for the first by name.", max_length=100)] = ""


class Group(Struct, kw_only=True):
    """A group of the directory."""

    id: str
    name: str
    members: Annotated[int | None, Meta(description="null where they cannot be counted at the moment.")]


class Groups(Struct, kw_only=True):
    """The groups that were found."""

    items: list[Group]


SAMPLE = Directory(
    id=OTHER_ID, name="North", cloud="global", tenant_id=TENANT, client_id=CLIENT, created_by=OPERATOR,
    created_at=WHEN, used_by=["Teachers"],
)  # fmt: skip
GIVEN = {"name": "North", "tenant_id": TENANT, "client_id": CLIENT, "client_secret": "abc8Q~…"}


@operation("GET", PATH, NOUN, Directories(items=[SAMPLE]))
def list_directories(at: Desk) -> Directories:
    """List directory connections."""
    found = connections.listing(at.cursor, at.caller.organisation_id)
    return Directories(items=[_directory(one) for one in found])


def _directory(one: DirectoryConnection) -> Directory:
    members: dict[str, Any] = {name: getattr(one, name) for name in Directory.__struct_fields__}
    return Directory(**members | {"used_by": list(one.used_by)})


def _found(at: Desk, connection_id: str) -> DirectoryConnection:
    return connections.find(at.cursor, at.caller.organisation_id, connection_id.lower())


@operation("POST", PATH, NOUN, SAMPLE, {**GIVEN, "client_secret": "abc8Q~3xAmPlE"}, status=201,
           problems=("plan", "conflict"))  # fmt: skip
def add_directory(at: Desk, body: NewDirectory) -> Directory:
    """Add a directory connection.

    Nothing is asked of Microsoft: test it next.
    """
    wanted = Wanted(body.name, body.tenant_id, body.client_id, body.cloud)
    made = store(at.office, at.cursor, at.caller, at.caller.plan, wanted, body.client_secret)
    at.headers["Location"] = f"/api/v1{PATH}/{made}"
    return _directory(_found(at, made))


@operation("GET", ONE, NOUN, SAMPLE)
def get_directory(at: Desk, connection_id: str) -> Directory:
    """Read a directory connection."""
    return _directory(_found(at, connection_id))


@operation("PATCH", ONE, NOUN, SAMPLE, {"client_secret": "abc8Q~nEw"}, problems=("conflict",))
def change_directory(at: Desk, connection_id: str, body: DirectoryChange) -> Directory:
    """Change a directory connection.

    Its tenant stays while a list is synced from it.
    """
    one = _found(at, connection_id)
    wanted = Wanted(
        body.name or one.name, body.tenant_id or one.tenant_id, body.client_id or one.client_id, body.cloud or one.cloud
    )
    store(at.office, at.cursor, at.caller, at.caller.plan, wanted, body.client_secret or "", one.id)
    return _directory(_found(at, one.id))


@operation("DELETE", ONE, NOUN, problems=("conflict",))
def remove_directory(at: Desk, connection_id: str) -> None:
    """Remove a directory connection.

    One that no list is synced through.
    """
    name = connections.remove(at.cursor, at.caller.organisation_id, connection_id.lower())
    audit.record(at.cursor, at.caller, None, "directory.remove", name)


@operation("POST", ONE + "/test", NOUN, Tested(users=1240, groups=61), problems=("invalid",))
def test_directory(at: Desk, connection_id: str) -> Later[Tested]:
    """Test a directory connection.

    Signs in as a run will, and counts; 422 says what is wrong. It takes up to some seconds.
    """
    one = _found(at, connection_id)
    return Later(lambda: _tested(_told(at, one, graph_look.test, anew=True)))


def _tested(seen: graph_look.Seen) -> Tested:
    return Tested(users=seen.users, groups=seen.groups)


def _told(at: Desk, one: DirectoryConnection, question: Callable[[Graph], T], anew: bool = False) -> T:
    told = ask(at.office, one, question, anew)
    if told.answer is None:
        if told.status == 503:
            raise Wrong("unavailable", told.error, Retry_After="5")
        raise Wrong("invalid", told.error)
    return told.answer


@operation(
    "POST", ONE + "/group-search", NOUN, Groups(items=[Group(id=GROUP_ID, name="All teachers", members=86)]),
    {"text": "teachers"},
)  # fmt: skip
def search_groups(at: Desk, connection_id: str, body: GroupSearch) -> Later[Groups]:
    """Search groups.

    Of the directory, with how many members each has. It takes up to some seconds.
    """
    one = _found(at, connection_id)
    search = partial(graph_look.search_groups, text=body.text)
    return Later(lambda: Groups(items=[Group(**found._asdict()) for found in _told(at, one, search)]))


OPERATIONS = [
    list_directories, add_directory, get_directory, change_directory, remove_directory, test_directory, search_groups,
]  # fmt: skip
