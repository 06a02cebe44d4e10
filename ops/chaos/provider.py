"""A provisioning job that does not give up: after a lost answer or a 5xx it looks the user up, as identity providers
do, and repeats what is not there. It remembers that an attempt it heard nothing of may have been committed."""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote

from ops.chaos.door import Answer, Document, Door
from ops.chaos.ledger import BREACH, LOST, STALE, Ledger, Team, User
from ops.simulators.schemas import GROUP, PATCH, USER

AGAIN_AFTER = 0.1  # seconds
GIVES_UP = 180.0  # seconds without an answer, after which something was found
CHECKED, TRESPASSED = 0.2, 0.02  # shares of writes after which the state is read, and another list's is tried


class Gone(Exception):
    """Nobody answered for so long that the job ends."""


class Provider:
    """One job of one list: its own users and its own group, one write at a time, each with a mark of its own."""

    def __init__(self, ledger: Ledger, name: str, base_url: str, token: str, users: int) -> None:
        self.ledger, self.name, self.base_url, self.token = ledger, name, base_url, token
        self.users = [User(f"{name}-{number}@chaos.example") for number in range(users)]
        ledger.users.extend(self.users)
        self.neighbour: Provider | None = None  # a job of another list
        self.team: Team | None = None
        self._door = Door(base_url, token)
        self._chance, self._marks = Random(name), 0  # noqa: S311

    def run(self, ends: threading.Event, pause: float) -> None:
        """Write after write until told to end."""
        try:
            self._found_team()
            while not ends.wait(pause):
                self._write(self._chance.choice(self.users))
        except Gone:
            self.ledger.find(LOST, f"{self.name} had no answer for {GIVES_UP:.0f} s")
        finally:
            self._door.close()

    def _write(self, user: User) -> None:
        self._marks += 1
        mark = f"{self.name} {self._marks}"
        if user.id is None:
            user.title, user.active = mark, True
            self._create(user)
            return
        acts: dict[Callable[[User, str], None], int] = {
            self._retitle: 45, self._overwrite: 15, self._turn: 20, self._delete: 8, self._move: 12
        }  # fmt: skip
        [act] = self._chance.choices([*acts], weights=[*acts.values()])
        act(user, mark)
        if self._chance.random() < CHECKED:
            self._check(user)
        if self._chance.random() < TRESPASSED:
            self._trespass(user)

    def _create(self, user: User) -> None:
        answer = self._insist("POST", "/Users", lambda: _body(user), lambda: self._is_there(user))
        if answer is not None and answer.status == 201:
            user.id = answer.document["id"]
        elif not self._is_there(user):
            told = f"{answer.status} {answer.document.get('detail')}" if answer else "no answer"
            self.ledger.find(LOST, f"{user.user_name} could not be created: {told}")
        if user.id is not None:
            user.ids.append(user.id)

    def _retitle(self, user: User, mark: str) -> None:
        user.title = mark
        self._change(user, "PATCH", lambda: _patch(("title", mark)))

    def _overwrite(self, user: User, mark: str) -> None:
        user.title = mark
        self._change(user, "PUT", lambda: _body(user))

    def _turn(self, user: User, mark: str) -> None:
        user.active, user.title = not user.active, mark
        self._change(user, "PATCH", lambda: _patch(("active", user.active), ("title", mark)))

    def _change(self, user: User, method: str, body: Callable[[], Document]) -> None:
        answer = self._insist(method, f"/Users/{user.id}", body, lambda: self._is_there(user))
        if answer is not None and answer.status != 200:
            self.ledger.find(LOST, f"{user.user_name} ({user.id}) could not be changed: {answer.status}")

    def _delete(self, user: User, mark: str) -> None:
        answer = self._insist("DELETE", f"/Users/{user.id}", None, lambda: not self._is_there(user))
        # 404: an attempt that was never answered has deleted the user.
        if answer is not None and answer.status not in (204, 404):
            self.ledger.find(LOST, f"{user.user_name} ({user.id}) could not be deleted: {answer.status}")
        if self.team is not None:
            self.team.members.discard(user.id or "")
        user.id = None

    def _move(self, user: User, mark: str) -> None:
        """Into the team, or out of it; said again, either comes to the same."""
        assert self.team is not None
        assert user.id is not None
        joins = user.id not in self.team.members
        operation: Document = (
            {"op": "add", "path": "members", "value": [{"value": user.id}]}
            if joins else {"op": "remove", "path": f'members[value eq "{user.id}"]'}
        )  # fmt: skip
        body = {"schemas": [PATCH], "Operations": [operation]}
        answer = self._insist("PATCH", f"/Groups/{self.team.id}", lambda: body, lambda: False)
        if answer is not None and answer.status in (200, 204):
            self.team.members ^= {user.id}
        else:
            self.ledger.find(LOST, f"the group {self.team.id} could not be changed: {answer and answer.status}")

    def _found_team(self) -> None:
        name = f"Team {self.name}"
        body = {"schemas": [GROUP], "displayName": name}
        there: list[Document] = []

        def is_there() -> bool:
            query = quote(f'displayName eq "{name}"')
            there[:] = self._look(f"/Groups?filter={query}").document["Resources"]
            return bool(there)

        answer = self._insist("POST", "/Groups", lambda: body, is_there)
        if answer is not None and answer.status == 201:
            there[:] = [answer.document]
        elif not there:
            is_there()
        self.team = Team(name, there[0]["id"])
        self.ledger.teams.append(self.team)

    def _insist(
        self, method: str, path: str, body: Callable[[], Document] | None, done: Callable[[], bool]
    ) -> Answer | None:
        """The answer to this request, or None where a look-up shows that an earlier attempt did it."""
        began, retried = time.monotonic(), False
        while True:
            answer = self._ask(method, path, body() if body else None, retried)
            if answer is not None and answer.status < 500 and answer.status != 429:
                if answer.status < 300:
                    self.ledger.acknowledge(answer.request_id, answer.version, began, time.monotonic())
                return answer
            self._wait(began)
            retried = True
            if done():
                return None

    def _ask(self, method: str, path: str, body: Document | None = None, retried: bool = False) -> Answer | None:
        self.ledger.count(retried)
        return self._door.ask(method, path, body)

    def _wait(self, began: float) -> None:
        if time.monotonic() > began + GIVES_UP:
            raise Gone
        time.sleep(AGAIN_AFTER)

    def _is_there(self, user: User) -> bool:
        """Whether the server holds the user as it is to be; keeps the id that it was found under."""
        query = quote(f'userName eq "{user.user_name}"')
        found: list[Document] = self._look(f"/Users?filter={query}").document["Resources"]
        if found and user.id is None:
            user.id = found[0]["id"]
        return bool(found) and (found[0].get("title"), found[0]["active"]) == (user.title, user.active)

    def _look(self, path: str) -> Answer:
        began = time.monotonic()
        while True:
            answer = self._ask("GET", path)
            if answer is not None and answer.status == 200:
                return answer
            self._wait(began)

    def _check(self, user: User) -> None:
        """Whoever answers has what was acknowledged."""
        if user.id is None:
            return
        answer = self._ask("GET", f"/Users/{user.id}")
        if answer is None or answer.status >= 500:
            return
        shown = (answer.document.get("title"), answer.document.get("active"))
        if answer.status != 200 or shown != (user.title, user.active):
            self.ledger.find(STALE, f"{user.user_name}: {answer.status} {shown}, not {(user.title, user.active)}")

    def _trespass(self, user: User) -> None:
        """The neighbour's list with our token, and the neighbour's user in our list: refused, both."""
        other = self.neighbour
        known = next((one.id for one in other.users if one.id), None) if other else None
        if other is None or known is None:
            return
        body = _patch(("title", "stolen"))
        with_ours = Door(other.base_url, self.token)
        tried = [(with_ours.ask("GET", f"/Users/{known}"), 401), (with_ours.ask("PATCH", f"/Users/{known}", body), 401)]
        with_ours.close()
        tried += [(self._ask("GET", f"/Users/{known}"), 404), (self._ask("PATCH", f"/Users/{known}", body), 404)]
        for answer, expected in tried:
            if answer is not None and answer.status < 500 and answer.status != expected:
                self.ledger.find(BREACH, f"{self.name} was answered {answer.status} for {known} of {other.name}")


def _body(user: User) -> Document:
    work = {"type": "work", "value": user.user_name, "primary": True}
    return {
        "schemas": [USER], "userName": user.user_name, "externalId": f"x-{user.user_name}", "title": user.title,
        "active": user.active, "emails": [work], "name": {"givenName": "Chaos", "familyName": user.user_name},
    }  # fmt: skip


def _patch(*changes: tuple[str, Any]) -> Document:
    operations = [{"op": "replace", "path": path, "value": value} for path, value in changes]
    return {"schemas": [PATCH], "Operations": operations}
