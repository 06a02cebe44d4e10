"""/Bulk (RFC 7644 §3.7): a request's operations as changes, and what each came to."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingress.http import Response
from ingress.scim import changes, errors, intake, redact, render
from ingress.scim.changes import KINDS, VERBS, Kind
from ingress.scim.errors import InvalidPath, InvalidSyntax, InvalidValue, NotAllowed, quote
from ingress.scim.resources import Call, Doors, beside, known_form, versions
from ingress.scim.schema import member
from models.bulk import Bulk, Operation
from models.change import Accepted, Change, Request
from models.errors import Refused, TooLarge
from models.provisioning_log import BODY_LIMIT

MOST_OPERATIONS = 1_000
MOST_BYTES = 1_048_576
_REFERENCE = re.compile(r"bulkId:([^\s\"\]/]+)")
# Where a reference may stand: a member, a manager, and the paths that name them.
_REFERRING = frozenset({"value", "$ref", "manager", "managerid", "members", "path"})
_STATUS = {"POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
_MAKE: Mapping[str, Callable[[Kind, dict[str, Any]], changes.Apply]] = {
    "POST": changes.create,
    "PUT": changes.replace,
    "PATCH": changes.modify,
}
Record = Callable[[Call, Refused, str, str, Any, str], None]


async def answer(call: Call, doors: Doors, record: Record) -> Response:
    """POST /Bulk. `record` is told of each operation that was refused: why, of which resource, by what
    method, with which data, under which request id."""
    size = len(call.request.body)
    if size > MOST_BYTES:
        raise TooLarge(f"the bulk request has {size} bytes, and {MOST_BYTES} is the most: send it in parts")
    asked, most_errors = await beside(size, _asked, call)
    outcomes = await doors.write(call, Bulk(tuple(one.operation for one in asked), most_errors))
    told = []
    for one, outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, Refused):
            record(call, outcome, one.resource, one.method, one.data, one.request_id)
        if outcome is not None:
            told.append(one.told(outcome, call.base))
    return Response(200, render.encode({"schemas": [render.BULK_RESPONSE], "Operations": told}))


class _Asked:
    """One operation of the request, as it came and as it is carried out."""

    def __init__(self, call: Call, number: int, sent: Any, known: frozenset[str]) -> None:
        self.sent: dict[str, Any] = sent if isinstance(sent, dict) else {}
        self.method = _method(self.sent)
        self.bulk_id = member(self.sent, "bulkId")
        self.data = member(self.sent, "data")
        self.request_id = f"{call.request.request_id}-{number + 1}"
        self.resource = "request"
        try:
            self.operation = self._operation(call, sent, known)
        except Refused as refusal:
            self.operation = Operation(self._own_id(), (), _raising(refusal))

    def _own_id(self) -> str | None:
        """What others may refer to it by."""
        return self.bulk_id if self.method == "POST" and isinstance(self.bulk_id, str) else None

    def _operation(self, call: Call, sent: Any, known: frozenset[str]) -> Operation:
        if not isinstance(sent, dict):
            raise InvalidSyntax(f"each of Operations is an object, and {quote(sent)} arrived: send method and path")
        if not self.method:
            raise InvalidSyntax("an operation needs a method: send POST, PUT, PATCH or DELETE")
        if self.method not in _STATUS:
            raise NotAllowed(self.method, sorted(_STATUS))
        kind, resource_id = _target(self.method, member(sent, "path"))
        self.resource = kind.resource
        needs = tuple(dict.fromkeys(_references([self.data, resource_id])))
        if self.method == "POST" and not _is_bulk_id(self.bulk_id):
            raise InvalidSyntax(
                "a POST needs a bulkId: send a text that is its own within the request, without blanks and quotes"
            )
        for bulk_id in needs:
            if bulk_id not in known:
                raise InvalidValue(
                    f"no POST of this request has the bulkId {quote(bulk_id)}: send it, or refer to an id"
                )
        if self.method != "DELETE" and not isinstance(self.data, dict):
            raise InvalidSyntax(f"a {self.method} needs data, an object, and {quote(self.data)} arrived: send one")
        return Operation(self._own_id(), needs, self._builder(call, kind, resource_id))

    def _builder(self, call: Call, kind: Kind, resource_id: str | None) -> Callable[[Mapping[str, str]], Change]:
        expects = self._expected()
        body = redact.text(self.data)[:BODY_LIMIT] if self.data is not None else None
        origin = Request(self.request_id, body, call.holder.prefix, call.idp)

        def build(ids: Mapping[str, str]) -> Change:
            apply = lambda present: present or {}  # noqa: E731
            if self.method != "DELETE":
                apply = _MAKE[self.method](kind, _resolved(self.data, ids))
            known = _resolved(resource_id, ids, referring=True)
            return Change(
                call.holder.list_id, VERBS[self.method], origin, apply,
                known_form(kind, known) if known is not None else None, kind.resource, expects,
            )  # fmt: skip

        return build

    def _expected(self) -> frozenset[str] | None:
        version = member(self.sent, "version")
        if version is None or self.method == "POST":
            return None
        if not isinstance(version, str):
            raise InvalidValue(f'version takes text such as W/"3", and {quote(version)} arrived: send meta.version')
        return versions("version", version)

    def told(self, outcome: Accepted | Refused, base: str) -> dict[str, Any]:
        """What the answer says of it (RFC 7644 §3.7.3)."""
        found: dict[str, Any] = {"method": self.method} if self.method else {}
        if isinstance(self.bulk_id, str):
            found["bulkId"] = self.bulk_id
        if isinstance(outcome, Refused):
            if self.method != "POST" and isinstance(path := member(self.sent, "path"), str):
                found["location"] = f"{base}/{path.lstrip('/')}"
            return {**found, "status": str(outcome.status), "response": render.decode(errors.body(outcome))}
        found |= {"location": render.location(outcome, base), "status": str(_STATUS[self.method])}
        return found if self.method == "DELETE" else {**found, "version": render.version(outcome)}


def _raising(refusal: Refused) -> Callable[[Mapping[str, str]], Change]:
    def build(_: Mapping[str, str]) -> Change:
        raise refusal

    return build


def _asked(call: Call) -> tuple[list[_Asked], int | None]:
    parsed = intake.load(call.request.body)
    operations = member(parsed, "Operations")
    if not isinstance(operations, list):
        raise InvalidSyntax(f"a bulk request needs a list of Operations, and {quote(operations)} arrived: send one")
    if len(operations) > MOST_OPERATIONS:
        raise TooLarge(f"{len(operations)} operations arrived, and {MOST_OPERATIONS} is the most: send them in parts")
    ids = [member(one, "bulkId") for one in operations if isinstance(one, dict) and _is_post(one)]
    named = [one for one in ids if isinstance(one, str)]
    if len(set(named)) < len(named):
        twice = next(one for one in named if named.count(one) > 1)
        raise InvalidSyntax(f"the bulkId {quote(twice)} stands for several operations: give each one of its own")
    known = frozenset(named)
    return [_Asked(call, number, sent, known) for number, sent in enumerate(operations)], _fail_on_errors(parsed)


def _is_bulk_id(value: Any) -> bool:
    """Whether it is a text that another operation can refer to."""
    return isinstance(value, str) and _REFERENCE.fullmatch(f"bulkId:{value}") is not None


def _is_post(sent: dict[str, Any]) -> bool:
    return _method(sent) == "POST"


def _method(sent: dict[str, Any]) -> str:
    method = member(sent, "method")
    return method.upper() if isinstance(method, str) else ""


def _fail_on_errors(parsed: dict[str, Any]) -> int | None:
    most = member(parsed, "failOnErrors")
    if most is None:
        return None
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise InvalidValue(f"failOnErrors takes a whole number of 1 or more, and {quote(most)} arrived: send one")
    return most


def _target(method: str, path: Any) -> tuple[Kind, str | None]:
    """The endpoint and the resource that a path names, relative to the SCIM Base URL."""
    parts = path.strip("/").split("/") if isinstance(path, str) else []
    kind = KINDS.get(parts[0]) if parts else None
    if kind is None or len(parts) != (1 if method == "POST" else 2):
        wanted = "/Users or /Groups" if method == "POST" else "/Users/{id} or /Groups/{id}"
        raise InvalidPath(f"the path of a {method} is {wanted}, and {quote(path)} arrived: send it so")
    return kind, parts[1] if len(parts) == 2 else None


def _references(value: Any, referring: bool = True) -> Iterator[str]:
    """The bulkIds that data refers to."""
    match value:
        case str() if referring:
            yield from _REFERENCE.findall(value)
        case list():
            for each in value:
                yield from _references(each, referring)
        case dict():
            for key, each in value.items():
                yield from _references(each, _refers(key))


def _refers(key: str) -> bool:
    return key.lower() in _REFERRING or key.lower().rpartition(":")[2] in _REFERRING


def _resolved(value: Any, ids: Mapping[str, str], referring: bool = True) -> Any:
    """The same with ids in the place of references."""
    match value:
        case str() if referring and ids and "bulkId:" in value:
            return _REFERENCE.sub(lambda found: ids[found[1]], value)
        case list():
            return [_resolved(each, ids, referring) for each in value]
        case dict():
            return {key: _resolved(each, ids, _refers(key)) for key, each in value.items()}
    return value
