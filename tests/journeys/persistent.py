"""An IdP's provisioning job that does not give up: after a lost connection or a 5xx it looks the user
up, then creates or repeats, remembering that the attempt it heard nothing of may have been committed."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.factories import Body, patch, replace, user
from tests.journeys.idp import Idp
from tests.journeys.system import NewList
from tests.journeys.waiting import eventually

AWAY = 60  # seconds that a job waits for a server that is being started again


@dataclass
class Record:
    """A user as the IdP has it, and every SCIM id that it ever had."""

    user_name: str
    id: str | None = None
    title: str = ""
    active: bool = True
    ids: list[str] = field(default_factory=list)

    def body(self) -> Body:
        return user(self.user_name, title=self.title, active=self.active, externalId=f"x-{self.user_name}")


class Job:
    """One job of one list: its own users, one write at a time, each with a mark of its own."""

    def __init__(self, target: NewList, name: str, users: int, told: Callable[[], None]) -> None:
        self.idp, self.name, self.told = Idp.of(target), name, told
        self.idp.http.timeout = httpx.Timeout(10)
        self.records = [Record(f"{name}-{n}@north.example") for n in range(users)]
        self.acknowledged: dict[str, int] = {}  # request id to the version that was answered, 0 for none
        self.retried = 0
        self.marks = 0
        self.random = random.Random(name)

    def run(self, writes: int) -> None:
        for _ in range(writes):
            self.write(self.random.choice(self.records))
            self.told()

    def write(self, record: Record) -> None:
        """One write that suits the user's state, acknowledged when this returns."""
        self.marks += 1
        mark = f"{self.name} {self.marks}"
        if record.id is None:
            record.title, record.active = mark, True
            self.create(record)
            return
        acts = (self.retitle, self.overwrite, self.turn, self.delete)
        [act] = self.random.choices(acts, weights=(50, 20, 20, 10))
        act(record, mark)

    def create(self, record: Record) -> None:
        answer = self.insist("POST", "/Users", record.body, done=lambda: self.found(record))
        if answer is not None and answer.status_code == 201:
            record.id = answer.json()["id"]
        else:
            # 409 or found: an attempt that was never answered has created the user.
            assert answer is None or answer.status_code == 409, answer.text
            assert self.found(record)
        assert record.id is not None
        record.ids.append(record.id)

    def retitle(self, record: Record, mark: str) -> None:
        record.title = mark
        self.change(record, "PATCH", lambda: patch(replace("title", mark)))

    def overwrite(self, record: Record, mark: str) -> None:
        record.title = mark
        self.change(record, "PUT", record.body)

    def turn(self, record: Record, mark: str) -> None:
        record.active, record.title = not record.active, mark
        self.change(record, "PATCH", lambda: patch(replace("active", record.active), replace("title", mark)))

    def change(self, record: Record, method: str, body: Callable[[], Body]) -> None:
        answer = self.insist(method, f"/Users/{record.id}", body, done=lambda: self.found(record))
        assert answer is None or answer.status_code == 200, answer.text

    def delete(self, record: Record, mark: str) -> None:
        answer = self.insist("DELETE", f"/Users/{record.id}", None, done=lambda: not self.found(record))
        # 404: the attempt that was never answered has deleted the user.
        assert answer is None or answer.status_code in (204, 404), answer.text
        record.id = None

    def insist(
        self, method: str, path: str, body: Callable[[], Body] | None, done: Callable[[], bool]
    ) -> httpx.Response | None:
        """The answer to this request, or None where a look-up shows that an earlier attempt did it."""
        while True:
            try:
                answer = self.idp.request(method, path, body() if body else None)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < 500:
                if answer.is_success:
                    self.acknowledged[answer.headers["X-Request-Id"]] = version(answer)
                return answer
            self.retried += 1
            if done():
                return None

    def found(self, record: Record) -> bool:
        """Whether the server holds the user as the record has it; keeps the id that it was found under."""
        answer = eventually(lambda: self.look(record), AWAY, "an answer to a look-up")
        resources = answer.json()["Resources"]
        if not resources:
            return False
        if record.id is None:
            record.id = resources[0]["id"]
        return (resources[0].get("title"), resources[0]["active"]) == (record.title, record.active)

    def look(self, record: Record) -> httpx.Response | None:
        try:
            answer = self.idp.lookup(record.user_name)
        except httpx.TransportError:
            return None
        return answer if answer.status_code == 200 else None


def version(answer: httpx.Response) -> int:
    """The version in an answer, 0 where it has no resource."""
    return int(answer.json()["meta"]["version"].strip('W/"')) if answer.content else 0
