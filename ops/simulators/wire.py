"""What the simulated identity providers share: employees, teams, one kept-alive connection, a tally."""

import http.client
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

Document = dict[str, Any]
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PATIENCE = 60  # seconds; Okta's
TRIES = 3  # of a request answered 429 or 503

_GIVEN = ("Mila", "Ravi", "Noor", "Petra", "Sol", "Amara", "Jonas", "Yuki", "Carlos", "Ines", "Tomas", "Leila")
_FAMILY = ("Okafor", "Menon", "Haddad", "Novak", "Ferro", "Diallo", "Berg", "Tanaka", "Reyes", "Costa", "Zeman")
_TITLES = ("Teacher", "Registrar", "Librarian", "Counsellor", "Bursar", "Caretaker")
_DEPARTMENTS = ("Admissions", "Science", "Library", "Finance", "Sport")


@dataclass(frozen=True)
class Employee:
    """Somebody in an IdP's directory; everything follows from the number, so that a run can be repeated."""

    number: int
    idp: str
    title: str

    @classmethod
    def of(cls, number: int, idp: str) -> "Employee":
        """The employee of this number."""
        return cls(number, idp, _TITLES[number % len(_TITLES)])

    @property
    def given(self) -> str:
        """First name."""
        return _GIVEN[self.number % len(_GIVEN)]

    @property
    def family(self) -> str:
        """Last name."""
        return _FAMILY[self.number // len(_GIVEN) % len(_FAMILY)]

    @property
    def user_name(self) -> str:
        """Unique in an IdP's directory."""
        return f"{self.given}.{self.family}{self.number}@{self.idp}.example".lower()

    @property
    def anchor(self) -> str:
        """The IdP's own identifier."""
        return f"{self.idp[:2]}u{self.number:012d}"

    @property
    def department(self) -> str:
        """Where they work."""
        return _DEPARTMENTS[self.number % len(_DEPARTMENTS)]

    def core(self, **more: Any) -> Document:
        """The attributes that every IdP sends, in the RFC's shape."""
        return {
            "schemas": [USER],
            "userName": self.user_name,
            "name": {"givenName": self.given, "familyName": self.family},
            "displayName": f"{self.given} {self.family}",
            "emails": [{"value": self.user_name, "type": "work", "primary": True}],
            "title": self.title,
            **more,
        }

    def enterprise(self) -> Document:
        """The enterprise extension (RFC 7643 §4.3)."""
        return {"employeeNumber": f"E{self.number:06d}", "department": self.department}


@dataclass(frozen=True)
class Team:
    """A group in an IdP's directory."""

    number: int
    idp: str

    @property
    def name(self) -> str:
        """Unique in an IdP's directory."""
        return f"{_DEPARTMENTS[self.number % len(_DEPARTMENTS)]} {self.number}"

    @property
    def first_name(self) -> str:
        """What it is called until it is filled, by IdPs that can rename."""
        return f"{self.name} (new)"

    @property
    def anchor(self) -> str:
        """The IdP's own identifier."""
        return f"{self.idp[:2]}g{self.number:012d}"


@dataclass
class Tally:
    """What one run counted. Not shared between threads: each has its own, added up at the end."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take over what another counted."""
        self.statuses.update(other.statuses)
        self.failures.extend(other.failures)
        for step, seconds in other.seconds.items():
            self.seconds[step].extend(seconds)

    def steps(self) -> list[Document]:
        """One row a step: requests, failures, latencies in milliseconds."""
        rows = []
        for step, seconds in self.seconds.items():
            ordered = sorted(seconds)
            bad = sum(
                count
                for (name, status), count in self.statuses.items()
                if name == step and not _fine(status) and not (step == REPEAT and 400 <= status < 500)
            )
            rows.append(
                {
                    "step": step,
                    "requests": len(ordered),
                    "failed": bad,
                    "p50_ms": _milliseconds(ordered, 0.50),
                    "p99_ms": _milliseconds(ordered, 0.99),
                    "worst_ms": _milliseconds(ordered, 1.0),
                }
            )
        return rows


REPEAT = "repeat"  # a request sent again; 409 or 404 is then a good answer


def _fine(status: int) -> bool:
    return 200 <= status < 300


def _milliseconds(ordered: list[float], share: float) -> float:
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


class Refusal(Exception):
    """The server refused; the text is its own sentence."""


class Pace:
    """At most so many requests a second, over all connections; without a rate as many as go."""

    def __init__(self, rate: float | None = None) -> None:
        self._seconds = 1 / rate if rate else 0.0
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Until the next request may go."""
        if not self._seconds:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + self._seconds
        time.sleep(turn - now)


class Wire:
    """A kept-alive connection to one SCIM Base URL, with an IdP's headers."""

    def __init__(
        self,
        base_url: str,
        authorization: str,
        headers: Mapping[str, str],
        pace: Pace | None = None,
        repeats: float = 0.0,
    ) -> None:
        self._pace = pace or Pace()
        self._repeats, self._chance = repeats, random.Random(0)  # noqa: S311
        self._parts = urlsplit(base_url)
        self._headers = {"Authorization": authorization, **headers}
        self._connection: http.client.HTTPConnection | None = None
        self.tally = Tally()

    def call(self, step: str, method: str, path: str, body: Document | None = None) -> Document:
        """One request, repeated when the server is busy; its answer, or Refusal."""
        for _ in range(TRIES - 1):
            status, answer, wait = self._once(step, method, path, body)
            if status not in (429, 503):
                break
            time.sleep(wait)
        else:
            status, answer, _ = self._once(step, method, path, body)
        if not _fine(status):
            raise Refusal(f"{step}: {status} {answer.get('detail', '')}".strip())
        if method != "GET" and self._chance.random() < self._repeats:
            # As after an answer that was lost on its way: whatever it says now, the first one holds.
            self._once(REPEAT, method, path, body)
        return answer

    def _once(self, step: str, method: str, path: str, body: Document | None) -> tuple[int, Document, float]:
        payload = None if body is None else json.dumps(body).encode()
        self._pace.wait()
        started = time.perf_counter()
        response, text = self._exchange(method, self._parts.path + path, payload)
        self.tally.seconds[step].append(time.perf_counter() - started)
        self.tally.statuses[step, response.status] += 1
        answer: Document = json.loads(text) if text else {}
        return response.status, answer, float(response.headers.get("Retry-After", 1))

    def _exchange(self, method: str, path: str, payload: bytes | None) -> tuple[http.client.HTTPResponse, bytes]:
        headers = (
            self._headers if payload is not None else {k: v for k, v in self._headers.items() if k != "Content-Type"}
        )
        for last in (False, True):
            connection = self._connection or self._connect()
            try:
                connection.request(method, path, payload, headers)
                response = connection.getresponse()
                return response, response.read()
            except (http.client.HTTPException, ConnectionError):
                # A kept-alive connection that the server closed: once more on a new one, as IdPs do.
                self.close()
                if last:
                    raise
        raise AssertionError("unreachable")

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(self._parts.hostname or "", self._parts.port, timeout=PATIENCE)
        return self._connection

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Idp:
    """How one identity provider speaks. What differs from the RFC or from the others is overridden."""

    name = "rfc"
    list_name = "Default"
    headers: Mapping[str, str] = {"Content-Type": "application/scim+json", "Accept": "application/scim+json"}
    parallel = 4  # requests in flight

    def authorization(self, token: str) -> str:
        """The Authorization header."""
        return f"Bearer {token}"

    def test(self, wire: Wire) -> None:
        """The "Test connection" button."""
        self.find(wire, "nobody-by-this-name", "test")

    def find(self, wire: Wire, user_name: str, step: str = "lookup") -> Document | None:
        """The user of this name."""
        text = f'userName eq "{user_name}"'
        found = wire.call(step, "GET", f"/Users?filter={quote(text)}")
        resources: list[Document] = found["Resources"]
        return resources[0] if resources else None

    def create(self, wire: Wire, employee: Employee) -> Document:
        """A new user."""
        return wire.call("create", "POST", "/Users", self.body(employee))

    def body(self, employee: Employee) -> Document:
        """What a create sends."""
        return employee.core(active=True)

    def update(self, wire: Wire, user: Document, employee: Employee) -> None:
        """The employee's present attributes."""
        wire.call("update", "PUT", f"/Users/{user['id']}", self.body(employee) | {"id": user["id"]})

    def deactivate(self, wire: Wire, user: Document, employee: Employee) -> None:
        """A leaver."""
        inactive = self.body(employee) | {"id": user["id"], "active": False}
        wire.call("deactivate", "PUT", f"/Users/{user['id']}", inactive)

    def push(self, wire: Wire, team: Team, members: list[Document]) -> None:
        """A group of these members ({"value", "display"}), of whom the last one leaves again."""
        found = self.find_group(wire, team.name)
        group = found or self.create_group(wire, team, members)
        if members:
            self.join(wire, group, members)
            self.leave(wire, group, members[-1])
        if found is None:
            self.rename(wire, group, team.name)

    def find_group(self, wire: Wire, name: str) -> Document | None:
        """The group of this name, wherever it is in the list of all."""
        start, total = 1, 1
        while start <= total:
            page = wire.call("group lookup", "GET", f"/Groups?startIndex={start}&count=100")
            resources: list[Document] = page["Resources"]
            for group in resources:
                if group["displayName"] == name:
                    return group
            start, total = start + max(1, len(resources)), page["totalResults"]
        return None

    def create_group(self, wire: Wire, team: Team, members: list[Document]) -> Document:
        """A new group, without members."""
        return wire.call("group create", "POST", "/Groups", {"schemas": [GROUP], "displayName": team.first_name})

    def join(self, wire: Wire, group: Document, members: list[Document]) -> None:
        """New members."""
        joining = [{"value": member["value"]} for member in members]
        self.patch_group(wire, "group add", group, {"op": "add", "path": "members", "value": joining})

    def leave(self, wire: Wire, group: Document, member: Document) -> None:
        """A member less."""
        leaving = f'members[value eq "{member["value"]}"]'
        self.patch_group(wire, "group remove", group, {"op": "remove", "path": leaving})

    def rename(self, wire: Wire, group: Document, name: str) -> None:
        """Another name."""
        self.patch_group(wire, "group rename", group, {"op": "replace", "path": "displayName", "value": name})

    def patch_group(self, wire: Wire, step: str, group: Document, operation: Document) -> None:
        """One operation on a group."""
        body = {"schemas": [PATCH], "Operations": [operation]}
        wire.call(step, "PATCH", f"/Groups/{group['id']}", body)
