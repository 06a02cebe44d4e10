"""What a page of Graph's comes to: members and users, staged in the transaction that moves the stream on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.database import Cursor
from models.directory import staging, syncs
from models.directory.staging import LEAVE, USER, Member, Pulled
from models.directory.syncs import Sync
from models.errors import Unavailable
from models.text import is_line
from ops.graph import Answer, Graph, is_id, listed
from ops.graph_errors import LEAST_WAIT, Broken, Throttled, refusal_of_graph
from workers.directory import documents
from workers.directory.streams import Stream

USER_TYPE = "#microsoft.graph.user"
LONGEST_NAME = 256  # characters of a group's, which is Microsoft's own limit


def take(page: Any, stream: Stream, graph: Graph) -> tuple[list[dict[str, Any]], bool]:
    """The objects of a page, and whether it is the stream's last; the stream is moved on. Refused where the link
    cannot be followed: kept, it would be in the way of every later run."""
    objects = listed(page)
    following = page.get("@odata.nextLink")
    link = following or page.get("@odata.deltaLink")
    if not isinstance(link, str) or not link:
        raise Broken("Microsoft Graph answered with a page without a link to the next one")
    graph.url(link)
    stream.go_on(link, at_end=not following)
    return objects, not following


def keep_users(
    cursor: Cursor, sync: Sync, stream: Stream, page: Sequence[Mapping[str, Any]], uid: str, managers: bool
) -> None:
    """Stage the users of a page who are in scope. `uid` is the list's unique identifier."""
    pulled = [documents.pulled(one, uid, sync.scope.guests, managers) for one in page]
    if sync.scope.groups is not None:
        inside = staging.members(cursor, sync.list_id, [one.object_id for one in pulled])
        pulled = [one for one in pulled if one.kind != USER or one.object_id in inside]
        staging.note_read(cursor, sync.list_id, [one.object_id for one in pulled])
    staging.stage(cursor, sync.list_id, stream.round, pulled)


def keep_groups(cursor: Cursor, sync: Sync, stream: Stream, page: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keep the members that a page tells of; returns what an operator should know."""
    warnings: list[str] = []
    names = {group.id: group.name for group in sync.scope.groups or ()}
    for group in page:
        group_id = str(group.get("id"))
        if group_id not in names:
            continue
        if "@removed" in group:
            staging.forget_group(cursor, sync.list_id, group_id)
            warnings.append(f"The group “{names[group_id]}” was deleted from the directory: choose another one")
            continue
        name = group.get("displayName")
        name = name if isinstance(name, str) and is_line(name, LONGEST_NAME) else names[group_id]
        if name != names[group_id]:
            syncs.rename_group(cursor, sync.list_id, group_id, name)
        told = _told(group)
        staging.note_members(cursor, sync.list_id, stream.round, _members(group_id, told))
        warnings += _not_followed(name, told)
    return warnings


def _told(group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Who became or ceased to be a member; what has no id is nobody."""
    told = group.get("members@delta")
    return [one for one in told if isinstance(one, dict) and is_id(one.get("id"))] if isinstance(told, list) else []


def _members(group_id: str, told: Sequence[Mapping[str, Any]]) -> list[Member]:
    return [
        Member(group_id, one["id"], "@removed" in one)
        for one in told
        if "@removed" in one or one.get("@odata.type", USER_TYPE) == USER_TYPE
    ]


def _not_followed(name: str, told: Sequence[Mapping[str, Any]]) -> list[str]:
    kinds = Counter(str(one.get("@odata.type", USER_TYPE)).rpartition(".")[2] for one in told if "@removed" not in one)
    if not kinds["group"]:
        return []
    return [f"The group “{name}” holds other groups, whose members are not followed: choose those groups as well"]


def keep_fetched(
    cursor: Cursor, sync: Sync, round: int, answers: Mapping[str, Answer], uid: str, managers: bool
) -> Unavailable | None:
    """Stage users who were asked for one by one. What Graph has put off is returned, and is asked for again."""
    pulled: list[Pulled] = []
    late: list[Answer] = []
    for object_id, answer in answers.items():
        if answer.status == 200:
            # Somebody else's properties would leave the one who was asked for to be asked for, without end.
            if _object(answer)["id"] != object_id:
                raise Broken("Microsoft Graph answered with another user than was asked for")
            pulled.append(documents.pulled(answer.body, uid, sync.scope.guests, managers))
        elif answer.status == 404:
            pulled.append(Pulled(object_id, LEAVE))
        else:
            late.append(_put_off(answer))
    staging.stage(cursor, sync.list_id, round, pulled)
    staging.note_read(cursor, sync.list_id, [one.object_id for one in pulled])
    return _until(late)


def keep_managers(cursor: Cursor, list_id: str, answers: Mapping[str, Answer]) -> Unavailable | None:
    """Add managers to staged documents; what Graph has put off is returned."""
    managers: dict[str, str | None] = {}
    late: list[Answer] = []
    for object_id, answer in answers.items():
        if answer.status == 200:
            managers[object_id] = documents.manager(_object(answer))
        elif answer.status == 404:
            managers[object_id] = None
        else:
            late.append(_put_off(answer))
    if managers:
        staging.set_managers(cursor, list_id, documents.MANAGER_PATH, managers)
    return _until(late)


def _put_off(answer: Answer) -> Answer:
    """An answer that will be another one later; refused where it will not."""
    if answer.status != 429 and answer.status < 500:
        raise refusal_of_graph(answer.status, {}, documents.encode(answer.body))
    return answer


def _object(answer: Answer) -> dict[str, Any]:
    return listed({"value": [answer.body]})[0]


def _until(late: Sequence[Answer]) -> Unavailable | None:
    """What is to be done about those that were put off: waited for, or, where nobody said so, given up some time."""
    if not late:
        return None
    waits = [one.retry_after or LEAST_WAIT for one in late if one.status in (429, 503)]
    if len(waits) < len(late):
        status = next(one.status for one in late if one.status not in (429, 503))
        return Unavailable(
            f"Microsoft Graph answered {status} for {len(late) - len(waits)} of a batch: try again later"
        )
    return Throttled(max(waits), f"Microsoft put {len(late)} of a batch off, for {max(waits):.0f} s")
