"""The scale suite: every kind of request, one at a time, against a list with many users and groups of any size."""

import http.client
import importlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any
from urllib.parse import quote

from models.database import Connection, connect
from models.text import equality_key, new_id
from ops.bench.traffic import PATCH_OP, Target, user

SMALL = 10  # members of the group that a large one is compared with
REPEATS = 30
Say = Callable[[str], None]
Json = dict[str, Any]
Asked = tuple[str, str, Json | None]  # method, path, body


@dataclass(slots=True)
class Measured:
    """One kind of request: milliseconds from sending it to having its answer."""

    what: str
    p50_ms: float
    worst_ms: float
    times: int


@dataclass(slots=True)
class Filled:
    """What `fill` made: ids in order of age, and the two groups."""

    users: list[str]
    large: str
    small: str
    now: datetime


def fill(owner_url: str, list_id: str, users: int) -> Filled:
    """Users, a group of all of them and one of a few, written as ingress writes them, without journal or log.

    By the tables' owner, who may COPY for all row-level security, and vacuums and analyses them, as autovacuum does
    within the minute otherwise.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    filled = Filled([new_id() for _ in range(users)], new_id(), new_id(), now)
    with connect(owner_url, "muster-bench") as owner:
        _copy(owner, list_id, filled)
        for table in ("identity", "identity_email", "scim_group", "group_member"):
            owner.execute(f"vacuum analyze {table}")
    return filled


def _copy(owner: Connection, list_id: str, filled: Filled) -> None:
    with owner.transaction(), owner.cursor() as cursor:
        with cursor.copy(
            "copy identity (list_id, id, external_id, user_name_key, uid_key, active, version, document, created,"
            " modified) from stdin"
        ) as copy:
            for number, user_id in enumerate(filled.users):
                copy.write_row(_row(list_id, user_id, user(f"scale.{number}"), filled.now))
        with cursor.copy("copy identity_email (list_id, key, identity_id) from stdin") as copy:
            for number, user_id in enumerate(filled.users):
                copy.write_row((list_id, f"scale.{number}@bench.example", user_id))
        for name, group_id, members in (
            ("Everyone", filled.large, filled.users),
            ("Few", filled.small, filled.users[:SMALL]),
        ):
            _fill_group(cursor, list_id, group_id, name, members, filled.now)


def _row(list_id: str, user_id: str, body: Json, now: datetime) -> tuple[Any, ...]:
    document = {key: value for key, value in body.items() if key not in ("meta", "roles")}
    key = equality_key(body["userName"])
    return list_id, user_id, body["externalId"], key, key, True, 1, json.dumps(document), now, now


def _fill_group(cursor: Any, list_id: str, group_id: str, name: str, members: list[str], now: datetime) -> None:
    document = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
    cursor.execute(
        "insert into scim_group (list_id, id, display_name, display_name_key, member_count, document, created,"
        " modified) values (%s, %s, %s, %s, %s, %s::jsonb, %s, %s)",
        (list_id, group_id, name, equality_key(name), len(members), json.dumps(document), now, now),
    )
    with cursor.copy("copy group_member (list_id, group_id, identity_id) from stdin") as copy:
        for user_id in members:
            copy.write_row((list_id, group_id, user_id))


class Line:
    """One kept-alive connection to a list, and how long each answer took."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection = http.client.HTTPConnection(*target.address, timeout=60)
        self._headers = {"Authorization": f"Bearer {target.token}", "Content-Type": "application/scim+json"}

    def send(self, method: str, path: str, body: Json | None = None) -> tuple[float, Any]:
        """Milliseconds, and the answer; refused ones end the measurement."""
        content = json.dumps(body).encode() if body is not None else None
        started = time.perf_counter()
        self._connection.request(method, self._target.path + path, content, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - started) * 1000
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path[:100]} was answered {answer.status}: {text[:300]!r}")
        return took, json.loads(text) if text else None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def measure(target: Target, filled: Filled, say: Say) -> list[Measured]:
    """Every kind of request, `REPEATS` times each (fewer where one takes long)."""
    line = Line(target)
    results = []
    for what, requests in _kinds(filled).items():
        say(what)
        took = [line.send(*request)[0] for request in requests]
        results.append(Measured(what, round(median(took), 2), round(max(took), 2), len(took)))
    say("walk by cursor")
    results += _walk(line, len(filled.users))
    line.close()
    return results


def _kinds(filled: Filled) -> dict[str, list[Asked]]:
    users = filled.users
    some = [users[number * len(users) // REPEATS] for number in range(REPEATS)]
    numbers = [number * len(users) // REPEATS for number in range(REPEATS)]
    last = max(1, len(users) - 99)

    def filtered(form: str, endpoint: str = "/Users", more: str = "") -> list[Asked]:
        texts = (form.format(n=number, id=users[number]) for number in numbers)
        return [("GET", f"{endpoint}?filter={quote(text)}{more}", None) for text in texts]

    def everywhere(path: str, times: int = REPEATS) -> list[Asked]:
        return [("GET", path, None)] * times

    without = "&excludedAttributes=members"
    member = f'id eq "{filled.large}" and members eq "{{id}}"'
    return {
        "create": [("POST", "/Users", user(f"new{time.time_ns()}.{n}")) for n in range(REPEATS)],
        "get": [("GET", f"/Users/{one}", None) for one in some],
        "PATCH title": [("PATCH", f"/Users/{one}", _replace("title", f"T{time.time_ns()}")) for one in some],
        "filter userName eq": filtered('userName eq "scale.{n}@bench.example"'),
        "filter id eq": filtered('id eq "{id}"'),
        "filter externalId eq": filtered('externalId eq "scale.{n}-object"'),
        "filter emails.value eq": filtered('emails.value eq "scale.{n}@bench.example"'),
        "filter emails[type eq work].value eq": filtered('emails[type eq "work"].value eq "scale.{n}@bench.example"'),
        "filter userName sw": filtered('userName sw "scale.{n}@"'),
        "filter displayName eq (every row)": filtered('displayName eq "Scale {n}"')[:5],
        "filter title co and not (…) (every row)": filtered('title co "gist" and not (userName ew "{n}")')[:5],
        "first page of 100 by index": everywhere("/Users?startIndex=1&count=100"),
        "last page of 100 by index": everywhere(f"/Users?startIndex={last}&count=100"),
        "first page sorted by userName": everywhere("/Users?sortBy=userName&count=100"),
        "first page sorted by title (every row)": everywhere("/Users?sortBy=title&count=100", 5),
        "group by id, members left out": everywhere(f"/Groups/{filled.large}?excludedAttributes=members"),
        "group by displayName, members left out": filtered('displayName eq "EVERYONE"', "/Groups", without),
        "groups of a member, members left out": filtered('members eq "{id}"', "/Groups", without),
        "is X a member (id and members eq)": filtered(member, "/Groups", without),
        "one member removed, large group": [one_member("remove", filled.large, one) for one in some],
        "one member added, large group": [one_member("add", filled.large, one) for one in some],
        "one member removed, small group": [one_member("remove", filled.small, one) for one in users[:SMALL]],
        "one member added, small group": [one_member("add", filled.small, one) for one in users[:SMALL]],
        "the large group with its members": everywhere(f"/Groups/{filled.large}", 3),
        "PUT of the large group, one member less or more": [
            ("PUT", f"/Groups/{filled.large}?excludedAttributes=members", _whole(part)) for part in (users[:-1], users)
        ],
    }  # fmt: skip


def _replace(path: str, value: Any) -> Json:
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": path, "value": value}]}


def one_member(op: str, group_id: str, user_id: str) -> Asked:
    """A PATCH that adds or removes one member."""
    operation: Json = {"op": op, "path": "members", "value": [{"value": user_id}]}
    # Both groups answer alike: with the group, without its members.
    path = f"/Groups/{group_id}?excludedAttributes=members"
    return "PATCH", path, {"schemas": [PATCH_OP], "Operations": [operation]}


def _whole(users: list[str]) -> Json:
    return {"displayName": "Everyone", "members": [{"value": one} for one in users]}


def _walk(line: Line, users: int) -> Iterator[Measured]:
    """A walk over everybody by cursor: what pages cost at its beginning and at its end."""
    took, shown, cursor = [], 0, ""
    while cursor is not None:
        milliseconds, page = line.send("GET", f"/Users?cursor={cursor}&count=100")
        took.append(milliseconds)
        shown, cursor = shown + page["itemsPerPage"], page.get("nextCursor")
    if shown < users:
        raise RuntimeError(f"a walk by cursor showed {shown} of {users} users")
    yield Measured("first page of 100 by cursor (with the count)", round(took[0], 2), round(took[0], 2), 1)
    for name, part in (("pages 2 to 31 by cursor", took[1:31]), ("the last 30 pages by cursor", took[-30:])):
        if part:  # a small list is one page
            yield Measured(name, round(median(part), 2), round(max(part), 2), len(part))


def table(results: list[Measured]) -> str:
    """The results as text."""
    lines = [f"{'request':48} {'p50 ms':>9} {'worst ms':>9} {'times':>6}"]
    lines += [f"{one.what:48} {one.p50_ms:9.2f} {one.worst_ms:9.2f} {one.times:6}" for one in results]
    return "\n".join(lines)


def plans(database_url: str, list_id: str, filled: Filled) -> str:
    """The plans of filters and pages, which ingress alone knows: by name, as processes are loaded."""
    told: str = importlib.import_module("ingress.plans").plans(
        database_url, list_id, filled.users, filled.now.isoformat()
    )
    return told
