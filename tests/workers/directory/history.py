"""A history of a directory and of the list that is pulled from it, at random."""

from collections.abc import Callable
from itertools import chain
from random import Random
from typing import Any

import pytest

from models import database, guard, hold
from models.directory import runs
from models.guard import Guard
from models.hold import Chosen
from models.journal import LANES, Lane
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import OPERATOR, Pulled
from workers.directory import running

NAMES = [f"n{number}@n.example" for number in range(14)]
NUMBERS = [f"E{number}" for number in range(12)]
AT_LEAST = 3  # deactivations that are a wave
FAULTS: list[dict[str, Any]] = [
    {"status": 429, "headers": {"Retry-After": "7"}},
    {"status": 503, "headers": {"Retry-After": "7"}},
    {"status": 500},
    {"status": 500, "times": 4},
    {"status": 401, "body": {"error": {"code": "InvalidAuthenticationToken"}}},
    {"status": 410, "body": {"error": {"code": "resyncRequired"}}},
    {"status": 200, "body": "<html>"},
    {"cut": "before"},
    {"cut": "middle", "times": 3},
]


class Killed(BaseException):
    """The worker's process ends here."""


class History:
    """What happens to one list; the same for the same seed."""

    def __init__(self, staff: Pulled, directory: Directory, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.staff, self.directory, self.random = staff, directory, Random(seed)
        self.patch, self.deadly, self.told = patch, 0.0, list[str]()
        self.by_hand: set[str] = set()  # people whose activity an operator decided
        self.groups = [directory.add_group(f"G{number}", id=f"g{number}") for number in range(3)]
        self.scope, self.guests, self.renamed = list[str](), True, 0
        for _ in range(6):
            self.join()
        if self.random.random() < 0.5:
            self.scope = self.groups[:2]
        self.staff.connect(*self.scope, guests=self.guests)
        if self.random.random() < 0.3:
            self.staff.map("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "Manager")
        self.guarded = self.random.random() < 0.4  # from beginning to end
        self._guard(self.guarded or self.random.random() < 0.5)
        keep = running.Run.keep

        def keep_or_die(run: running.Run, cursor: Any) -> None:
            if self.random.random() < self.deadly:
                raise Killed
            keep(run, cursor)

        patch.setattr(running.Run, "keep", keep_or_die)
        # From beginning to end, for links of the simulator's count members by the page.
        self.staff.graph.routes.paging.members = self.random.choice([1, 2, 1000])

    def _guard(self, enabled: bool) -> None:
        with database.transaction(self.staff.connection, [self.staff.list_id]) as cursor:
            guard.save(cursor, self.staff.list_id, Guard(enabled=enabled, at_least=AT_LEAST))

    # What people do in Entra.

    def users(self) -> list[str]:
        return self.directory.user_ids()

    def look(self, user_id: str) -> dict[str, Any]:
        number = self.directory.users.number(user_id)
        assert number is not None
        return self.directory.users.properties(number)

    def some(self, count: int = 1) -> list[str]:
        present = self.users()
        return self.random.sample(present, count) if len(present) >= count else []

    def free_name(self) -> str | None:
        taken = {self.look(one)["userPrincipalName"] for one in self.users()}
        free = [one for one in NAMES if one not in taken]
        return self.random.choice(free) if free else None

    def new_name(self) -> str:
        """One that nobody ever had."""
        self.renamed += 1
        return f"was{self.renamed}@n.example"

    def join(self) -> None:
        if (name := self.free_name()) is not None:
            given = {"employeeId": self.random.choice([*NUMBERS, None]), "mail": self.free_mail()}
            user_id = self.directory.add_user(userPrincipalName=name, givenName=self.random.choice("ABC"), **given)
            if self.random.random() < 0.7:
                self.directory.add_members(self.random.choice(self.groups), [user_id])

    def free_mail(self) -> str | None:
        taken = set(chain(*((self.look(one).get("mail"), self.look(one)["userPrincipalName"]) for one in self.users())))
        free = [one for one in NAMES if one not in taken]
        return self.random.choice([*free, None])

    def rename(self) -> None:
        for one in self.some():
            if (name := self.free_name()) is not None:
                self.directory.change_user(one, userPrincipalName=name)

    def circle(self) -> None:
        chosen = self.some(self.random.choice([2, 2, 3, 6]))
        for name in self.random.sample(["userPrincipalName", "employeeId", "mail"], self.random.choice([1, 1, 2])):
            values = [self.look(one).get(name) for one in chosen]
            for one, value in zip(chosen, values[1:] + values[:1], strict=True):
                self.directory.change_user(one, **{name: value})

    def chain(self) -> None:
        """Everybody's number moves on by one."""
        chosen = sorted(self.some(self.random.choice([4, 6])), reverse=self.random.random() < 0.5)
        values = [self.look(one).get("employeeId") for one in chosen]
        for one, value in zip(chosen, [self.random.choice(NUMBERS), *values[:-1]] if values else [], strict=True):
            self.directory.change_user(one, employeeId=value)

    def edit(self) -> None:
        for one in self.some():
            self.directory.change_user(one, givenName=self.random.choice("ABCDE"))

    def number(self) -> None:
        for one in self.some():
            self.directory.change_user(one, employeeId=self.random.choice([*NUMBERS, None]))

    def mail(self) -> None:
        for one in self.some():
            self.directory.change_user(one, mail=self.free_mail())

    def toggle(self) -> None:
        for one in self.some():
            self.directory.change_user(one, accountEnabled=self.look(one)["accountEnabled"] is False)

    def guest(self) -> None:
        for one in self.some():
            self.directory.change_user(one, userType=self.random.choice(["Guest", "Member"]))

    def hand_over(self) -> None:
        """Somebody leaves, or is renamed, and another one gets the name and number."""
        old, *new = self.some(2) or [""]
        if not new:
            return
        before = self.look(old)
        match self.random.randrange(3):
            case 0:
                self.directory.remove_user(old, permanently=self.random.random() < 0.5)
            case 1:
                self.directory.change_user(old, accountEnabled=False, userPrincipalName=self.new_name())
            case 2:
                renamed = self.free_name() or self.new_name()
                self.directory.change_user(old, accountEnabled=True, userPrincipalName=renamed)
        self.directory.change_user(
            new[0], userPrincipalName=before["userPrincipalName"], employeeId=before.get("employeeId")
        )

    def leave(self) -> None:
        for one in self.some():
            self.directory.remove_user(one, permanently=self.random.random() < 0.4)

    def restore(self) -> None:
        removed = [number for number, why in self.directory.users.removed.items() if why == "changed"]
        if removed and (name := self.free_name()) is not None:
            one = self.directory.users.id(self.random.choice(removed))
            taken = {self.look(other)["userPrincipalName"] for other in self.users()}
            taken |= {self.look(other).get("mail") for other in self.users()}
            self.directory.restore_user(one)
            if self.look(one)["userPrincipalName"] in taken:
                self.directory.change_user(one, userPrincipalName=name)
            if self.look(one).get("mail") in taken:
                self.directory.change_user(one, mail=None)

    def enter_group(self) -> None:
        self.directory.add_members(self.random.choice(self.groups), self.some(self.random.randint(1, 4)))

    def leave_group(self) -> None:
        group = self.random.choice(self.groups)
        members = [one for one in self.users() if one in self.directory.members(group)]
        self.directory.remove_members(group, members[: self.random.randint(1, 6)])

    def name_group(self) -> None:
        self.directory.change_group(self.random.choice(self.groups), displayName=self.random.choice("XYZ"))

    def lose_group(self) -> None:
        if self.random.random() < 0.3:
            self.directory.remove_group(self.random.choice(self.groups))

    def manage(self) -> None:
        if chosen := self.some(2):
            self.directory.set_manager(chosen[0], self.random.choice([chosen[1], None]))

    # What Microsoft does.

    def forget_tokens(self) -> None:
        self.random.choice([self.directory.expire_delta_tokens, self.directory.demand_resync])()

    def page(self) -> None:
        paging = self.staff.graph.routes.paging
        paging.size = self.random.choice([1, 2, 200])
        paging.empty, paging.repeat = self.random.random() < 0.5, self.random.random() < 0.5
        paging.tombstones = self.random.random() < 0.5

    def fail(self) -> None:
        where = self.random.choice(["", "users/delta", "groups/delta", "GET /v1.0/users/", "batch", "token"])
        self.staff.graph.faults.add(where, **self.random.choice(FAULTS))

    # What operators and workers do.

    def open_run(self) -> str | None:
        with database.transaction(self.staff.connection, [self.staff.list_id]) as cursor:
            run = runs.latest(cursor, self.staff.list_id)
        return run.id if run and run.is_open else None

    def work(self) -> None:
        run_id = self.open_run() or self.staff.begin(preview=self.random.random() < 0.2)
        self.deadly = self.random.choice([0, 0, 0.1, 0.3])
        try:
            for _ in range(self.random.choice([1, 3, 10, 30])):
                if not self.staff.look(run_id).is_open:
                    break
                self.staff.work(run_id, seconds=0)
                self.staff.hurry(run_id)
                if self.random.random() < 0.5:
                    self.drain_some()
        except Killed:
            self.told.append("killed")
            with database.transaction(self.staff.connection, [self.staff.list_id]) as cursor:
                cursor.execute("update job set heartbeat_at = now() - interval '31 s' where id = %s", (run_id,))
        finally:
            self.deadly = 0.0

    def drain_some(self) -> None:
        lanes = self.random.sample(range(LANES), LANES // 2)
        self.staff.drain(*(Lane(self.staff.list_id, number) for number in lanes))

    def drain_all(self) -> None:
        self.staff.drain()

    def run_through(self) -> None:
        run_id = self.open_run() or self.staff.begin()
        self.staff.finish(run_id)

    def stop(self) -> None:
        with database.transaction(self.staff.connection, [self.staff.list_id]) as cursor:
            runs.stop(cursor, self.staff.list_id)

    def choose(self) -> None:
        if self.open_run() is None:
            self.scope = self.random.choice([[], [], self.groups[:1], self.groups[:2], self.groups[1:]])
            self.guests = self.random.random() < 0.6
            self.staff.choose(*self.scope, guests=self.guests)

    def turn_guard(self) -> None:
        self._guard(self.guarded or self.random.random() < 0.5)

    def end_holds(self) -> None:
        with database.transaction(self.staff.connection, [self.staff.list_id]) as cursor:
            held = self.held(cursor)
            if not held:
                return
            if self.random.random() < 0.5:
                hold.release(cursor, self.staff.list_id, Chosen(), OPERATOR)
            else:
                hold.discard(cursor, self.staff.list_id, Chosen(), OPERATOR)
                self.by_hand |= held

    def held(self, cursor: database.Cursor) -> set[str]:
        cursor.execute("select id::text from person where list_id = %s and held_seq is not null", (self.staff.list_id,))
        return {row[0] for row in cursor.fetchall()}

    def reactivate(self) -> None:
        inactive = [one["id"] for one in self.staff.people() if not one["active"]]
        if inactive:
            chosen = self.random.choice(inactive)
            self.by_hand.add(chosen)
            with database.transaction(self.staff.connection, [self.staff.list_id]) as cursor:
                cursor.execute(
                    "update person set active = true where list_id = %s and id = %s", (self.staff.list_id, chosen)
                )

    def happen(self, count: int) -> None:
        """Let so many things happen."""
        entra: list[Callable[[], None]] = [
            self.join, self.join, self.rename, self.circle, self.circle, self.chain, self.edit, self.number, self.mail,
            self.toggle, self.toggle, self.guest, self.hand_over, self.hand_over, self.leave, self.restore,
            self.restore, self.enter_group, self.enter_group, self.leave_group, self.name_group, self.lose_group,
            self.manage,
        ]  # fmt: skip
        others = [
            self.forget_tokens, self.page, self.fail, self.work, self.work, self.work, self.work, self.drain_some,
            self.run_through, self.stop, self.choose, self.turn_guard, self.end_holds, self.reactivate,
        ]  # fmt: skip
        for _ in range(count):
            what = self.random.choice(entra if self.random.random() < 0.5 else others)
            self.told.append(what.__name__)
            what()

    def come_to_rest(self) -> None:
        """Let nothing go wrong any more, nobody share a number, and two runs come to their end."""
        self.staff.graph.faults.clear()
        taken: set[Any] = {None}
        for one in self.users():
            if self.look(one).get("employeeId") in taken:
                self.directory.change_user(one, employeeId=f"N{one[-6:]}")
            taken.add(self.look(one).get("employeeId"))
        mails: set[Any] = {self.look(one)["userPrincipalName"] for one in self.users()}
        for one in self.users():
            if self.look(one).get("mail") in mails - {self.look(one)["userPrincipalName"]}:
                self.directory.change_user(one, mail=None)
            mails.add(self.look(one).get("mail"))
        if (run_id := self.open_run()) is not None:
            self.staff.finish(run_id)
        for _ in range(2):
            self.staff.run()
