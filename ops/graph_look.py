"""What operators ask of a directory while they set a sync up: whether it answers, and which groups it has."""

from base64 import b64decode
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote

from models.directory.connections import GUID
from models.directory.syncs import Group
from models.errors import Refused, Unknown
from ops.graph import EVENTUAL, MOST_IN_BATCH, Graph, listed
from ops.graph_errors import GraphRefused

FOUND = MOST_IN_BATCH  # groups of one search: their members are counted in one batch


class Seen(NamedTuple):
    """How many users and groups a connection can see."""

    users: int
    groups: int


class FoundGroup(NamedTuple):
    """A group of the directory; `members` None where they cannot be counted at the moment."""

    id: str
    name: str
    members: int | None


def test(graph: Graph) -> Seen:
    """Test Connection: signs in, counts, and reads as a run will. Raises what `graph_errors` has, with what to do."""
    seen = Seen(_count(graph, "/users/$count"), _count(graph, "/groups/$count"))
    graph.get("/users/delta?$select=id,displayName&$deltatoken=latest")
    graph.get("/groups/delta?$select=displayName,members&$deltatoken=latest")
    return seen


def _count(graph: Graph, path: str) -> int:
    text = graph.get(path, EVENTUAL)
    if not isinstance(text, str) or not text.strip().isdecimal():
        raise Refused("Microsoft Graph answered with no number: look whether the cloud is right")
    return int(text)


def search_groups(graph: Graph, text: str) -> list[FoundGroup]:
    """The first groups by name, or those whose name has words that begin like these, with how many members each has."""
    words = " ".join(text.replace('"', " ").replace("\\", " ").split())
    if words:
        condition = f"&$search={quote(f'{chr(34)}displayName:{words}{chr(34)}', safe='')}"
    else:
        condition = "&$orderby=displayName"
    page = graph.get(f"/groups?$select=id,displayName&$top={FOUND}{condition}", EVENTUAL)
    groups = [(str(one["id"]), str(one.get("displayName") or one["id"])) for one in listed(page)[:FOUND]]
    return _counted(graph, sorted(groups, key=lambda group: group[1].casefold())) if groups else []


def _counted(graph: Graph, groups: list[tuple[str, str]]) -> list[FoundGroup]:
    answers = graph.batch([f"/groups/{group_id}/members/$count" for group_id, _ in groups], EVENTUAL)
    return [
        FoundGroup(group_id, name, _number(answer.body) if answer.status == 200 else None)
        for (group_id, name), answer in zip(groups, answers, strict=True)
    ]


def _number(body: object) -> int | None:
    """A count out of a batch, where what is no JSON may come as text or, as photos do, in base64."""
    text = str(body).strip("\ufeff \r\n")
    if text.isdecimal():
        return int(text)
    with suppress(ValueError):
        return int(b64decode(text, validate=True).decode("utf-8-sig"))
    return None


def find_group(graph: Graph, wanted: str) -> Group:
    """The group that has this object id or, if only one has it, this name; Graph compares names without case."""
    if GUID.fullmatch(wanted):
        [answer] = graph.batch([f"/groups/{wanted}?$select=id,displayName"])
        if answer.status == 404:
            raise Unknown(f"the directory has no group with the id {wanted}")
        if answer.status != 200:
            raise GraphRefused(f"Microsoft Graph answered {answer.status} when it was asked for group {wanted}")
        found = [answer.body]
    else:
        condition = quote("displayName eq '" + wanted.replace("'", "''") + "'", safe="'")
        found = listed(graph.get(f"/groups?$select=id,displayName&$top={FOUND}&$filter={condition}"))
    if not found:
        raise Unknown(f"the directory has no group called '{wanted}': `muster directory groups` finds what there is")
    if len(found) > 1:
        ids = ", ".join(str(one["id"]) for one in found)
        raise Unknown(f"{len(found)} groups are called '{wanted}': name one by its id ({ids})")
    return Group(str(found[0]["id"]), str(found[0].get("displayName") or found[0]["id"]))
