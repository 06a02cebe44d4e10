"""What a page of Graph's comes to: members and users, staged in the transaction that moves the stream on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.database import Cursor
from models.directory import staging, syncs
from models.directory.staging import LEAVE, USER, Member, Pulled
from models.directory.syncs import Sync
from ops.graph import Answer, listed
from ops.graph_errors import Broken, Throttled, refusal_of_graph
from workers.directory import documents
from workers.directory.streams import Stream

USER_TYPE = "#microsoft.graph.user"
LEAST_WAIT = 1.0


def take(page: Any, stream: Stream) -> tuple[list[dict[str, Any]], bool]:
    """The objects of a page, and whether it is the stream's last; the stream is moved on."""
    objects = listed(page)
    following, end = page.get("@odata.nextLink"), page.get("@odata.deltaLink")
    if not isinstance(following or end, str):
        raise Broken("Microsoft Graph answered with a page without a link to the next one")
    stream.link = following or end
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
        if isinstance(name, str) and name and name != names[group_id]:
            syncs.rename_group(cursor, sync.list_id, group_id, name)
        told = group.get("members@delta") or []
        staging.note_members(cursor, sync.list_id, stream.round, _members(group_id, told))
        warnings += _not_followed(name or names[group_id], told)
    return warnings


def _members(group_id: str, told: Sequence[Mapping[str, Any]]) -> list[Member]:
    return [
        Member(group_id, str(one["id"]), "@removed" in one)
        for one in told
        if one.get("id") and ("@removed" in one or one.get("@odata.type", USER_TYPE) == USER_TYPE)
    ]


def _not_followed(name: str, told: Sequence[Mapping[str, Any]]) -> list[str]:
    kinds = Counter(str(one.get("@odata.type", USER_TYPE)).rpartition(".")[2] for one in told if "@removed" not in one)
    if not kinds["group"]:
        return []
    return [f"The group “{name}” holds other groups, whose members are not followed: choose those groups as well"]


def keep_fetched(
    cursor: Cursor, sync: Sync, round: int, answers: Mapping[str, Answer], uid: str, managers: bool
) -> Throttled | None:
    """Stage users who were asked for one by one. What Graph has put off is returned, and is asked for again."""
    pulled: list[Pulled] = []
    late: list[Answer] = []
    for object_id, answer in answers.items():
        if answer.status == 200:
            pulled.append(documents.pulled(answer.body, uid, sync.scope.guests, managers))
        elif answer.status == 404:
            pulled.append(Pulled(object_id, LEAVE))
        else:
            late.append(_put_off(answer))
    staging.stage(cursor, sync.list_id, round, pulled)
    staging.note_read(cursor, sync.list_id, [one.object_id for one in pulled])
    return _until(late)


def keep_managers(cursor: Cursor, list_id: str, answers: Mapping[str, Answer]) -> Throttled | None:
    """Add managers to staged documents; what Graph has put off is returned."""
    managers: dict[str, str | None] = {}
    late: list[Answer] = []
    for object_id, answer in answers.items():
        if answer.status == 200:
            managers[object_id] = documents.manager(answer.body)
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


def _until(late: Sequence[Answer]) -> Throttled | None:
    if not late:
        return None
    seconds = max(one.retry_after or LEAST_WAIT for one in late)
    return Throttled(seconds, f"Microsoft put {len(late)} of a batch off, for {seconds:.0f} s")
