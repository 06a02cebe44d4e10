"""Single objects, counts, and lists with `$search`, `$filter`, `$orderby` and `$top`."""

import re
from collections.abc import Iterator
from typing import Any

from ops.simulators.graph import groups, users
from ops.simulators.graph.directory import Directory
from ops.simulators.graph.exchange import Answer, Refused, Request, document, not_found, text, unsupported
from ops.simulators.graph.groups import Group

PAGE, LARGEST_PAGE = 100, 999
_GUIDE = "Refer to https://aka.ms/graph-docs/advanced-queries for more information"
_SEARCH = re.compile(r'\s*"displayName:(.*)"\s*', re.DOTALL)
_STARTS = re.compile(r"\s*startswith\(\s*displayName\s*,\s*'((?:[^']|'')*)'\s*\)\s*", re.IGNORECASE)
_EQUALS = re.compile(r"\s*displayName\s+eq\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)


def count_users(directory: Directory, request: Request) -> Answer:
    """`/users/$count`."""
    _need_eventual(request)
    return text(str(directory.users.count - len(directory.users.removed)))


def count_groups(directory: Directory, request: Request) -> Answer:
    """`/groups/$count`."""
    _need_eventual(request)
    return text(str(sum(not group.removed for group in directory.groups.values())))


def count_members(directory: Directory, request: Request, group_id: str) -> Answer:
    """`/groups/{id}/members/$count`."""
    group = _group(directory, group_id)
    _need_eventual(request)
    return text(str(directory.size(group)))


def user(directory: Directory, request: Request, user_id: str) -> Answer:
    """`/users/{id}`."""
    shown = _user(directory, user_id, _select(request, users.DEFAULTS, users.PROPERTIES, "user"))
    return document({"@odata.context": f"{request.base}/v1.0/$metadata#users/$entity", **shown})


def manager(directory: Directory, request: Request, user_id: str) -> Answer:
    """`/users/{id}/manager`."""
    select = _select(request, users.DEFAULTS, users.PROPERTIES, "user")
    _user(directory, user_id, ())
    manager_id = directory.users.manager(directory.users.number(user_id) or 0)
    if manager_id is None:
        raise Refused(404, "Request_ResourceNotFound", "Resource 'manager' does not exist or one of its queried"
                      " reference-property objects are not present.")  # fmt: skip
    shown = {"@odata.type": "#microsoft.graph.user", **_user(directory, manager_id, select)}
    return document({"@odata.context": f"{request.base}/v1.0/$metadata#directoryObjects/$entity", **shown})


def group(directory: Directory, request: Request, group_id: str) -> Answer:
    """`/groups/{id}`."""
    shown = _group(directory, group_id).shown(_select(request, groups.DEFAULTS, groups.PROPERTIES, "group"))
    return document({"@odata.context": f"{request.base}/v1.0/$metadata#groups/$entity", **shown})


def all_groups(directory: Directory, request: Request) -> Answer:
    """`/groups`."""
    asked, select = request.query, _select(request, groups.DEFAULTS, groups.PROPERTIES, "group")
    found = [one for one in directory.groups.values() if not one.removed and _wanted(request, one)]
    if order := asked.get("$orderby"):
        name, _, way = order.strip().partition(" ")
        if name != "displayName" or way not in ("", "asc", "desc"):
            raise unsupported("Sorting is supported by displayName alone.")
        if "$filter" in asked and not _counted(request):
            raise unsupported("Sorting not supported for current query.")
        found.sort(key=lambda one: str(one.properties["displayName"]).casefold(), reverse=way == "desc")
    first, last = _stretch(request)
    return _page(request, "groups", [one.shown(select) for one in found[first:last]], last < len(found), len(found))


def user_members(directory: Directory, request: Request, group_id: str) -> Answer:
    """`/groups/{id}/members/microsoft.graph.user`: members of other types are left out."""
    found = _group(directory, group_id)
    select = _select(request, users.DEFAULTS, users.PROPERTIES, "user")
    first, last = _stretch(request)
    shown = [directory.users.shown(number, select) for number in _users_at(directory, found, first, last)]
    total = sum(1 for _ in _users_at(directory, found, 0, len(found))) if _counted(request) else 0
    return _page(request, "users", shown, last < len(found), total)


def _users_at(directory: Directory, found: Group, first: int, last: int) -> Iterator[int]:
    numbers = map(directory.users.number, directory.members_at(found, first, last))
    return (number for number in numbers if number is not None)


def _counted(request: Request) -> bool:
    return request.query.get("$count") == "true" and request.eventual


def _page(request: Request, kind: str, value: list[dict[str, Any]], more: bool, total: int) -> Answer:
    content: dict[str, Any] = {"@odata.context": f"{request.base}/v1.0/$metadata#{kind}"}
    if _counted(request):
        content["@odata.count"] = total
    if more:
        _, last = _stretch(request)
        path, _, query = request.target.partition("?")
        kept = [one for one in query.split("&") if one and not one.lower().startswith(("$skiptoken=", "%24skiptoken="))]
        content["@odata.nextLink"] = f"{request.base}{path}?{'&'.join([*kept, f'$skiptoken={last:08x}'])}"
    return document(content | {"value": value})


def _stretch(request: Request) -> tuple[int, int]:
    asked = request.query
    top, token = asked.get("$top", str(PAGE)), asked.get("$skiptoken", "0")
    if not top.isdecimal() or not 1 <= int(top) <= LARGEST_PAGE:
        raise unsupported(f"Invalid page size specified: '{top}'. Must be between 1 and {LARGEST_PAGE} inclusive.")
    try:
        first = int(token, 16)
    except ValueError:
        raise Refused(400, "Request_BadRequest", "Invalid skip token.") from None
    return first, first + int(top)


def _wanted(request: Request, one: Group) -> bool:
    """Whether a group has the name that is asked for."""
    name, asked = str(one.properties["displayName"]).casefold(), request.query
    if search := asked.get("$search"):
        return any(word.startswith(_searched(request, search)) for word in _tails(name))
    if expression := asked.get("$filter"):
        if starts := _STARTS.fullmatch(expression):
            return name.startswith(starts[1].replace("''", "'").casefold())
        if equals := _EQUALS.fullmatch(expression):
            return name == equals[1].replace("''", "'").casefold()
        raise unsupported("Unsupported or invalid query filter clause specified.")
    return True


def _searched(request: Request, search: str) -> str:
    if not request.eventual:
        raise unsupported(
            "Request with $search query parameter only works through MSGraph with a special request header:"
            " 'ConsistencyLevel: eventual'"
        )
    match = _SEARCH.fullmatch(search)
    if not match:
        raise Refused(400, "BadRequest", f"Syntax error in the $search clause: {search}")
    return match[1].casefold()


def _tails(name: str) -> Iterator[str]:
    """The name from each of its words on: what is searched begins a word."""
    words = name.split()
    return (" ".join(words[start:]) for start in range(len(words)))


def _need_eventual(request: Request) -> None:
    if not request.eventual:
        raise unsupported(
            f"Raw count (/$count) is not supported because the 'ConsistencyLevel:eventual' header is missing. {_GUIDE}"
        )


def _select(request: Request, defaults: tuple[str, ...], known: frozenset[str], kind: str) -> tuple[str, ...]:
    named = tuple(name.strip() for name in request.query.get("$select", "").split(",") if name.strip())
    users.check_select(named, known, kind)
    return named or defaults


def _user(directory: Directory, user_id: str, select: tuple[str, ...]) -> dict[str, Any]:
    number = directory.users.number(user_id)
    if number is None or number in directory.users.removed:
        raise not_found(user_id)
    return directory.users.shown(number, select)


def _group(directory: Directory, group_id: str) -> Group:
    found = directory.groups.get(group_id)
    if found is None or found.removed:
        raise not_found(group_id)
    return found
