"""What happens in a simulated tenant by itself: joiners, new titles, leavers, and moves between groups."""

import random
import threading

from ops.simulators.graph.directory import Directory
from ops.simulators.graph.users import OF_A_SEED
from ops.simulators.people import Employee

_TITLES = ("Senior teacher", "Head of year", "Bursar", "Examinations officer", "Technician")
_KINDS = ("joiner", "title", "title", "title", "leaver", "move", "move")


class Days:
    """Random changes of a directory, the same for the same seed."""

    def __init__(self, directory: Directory, seed: int = 0) -> None:
        self._directory, self._seed = directory, seed
        # What is simulated needs no secrecy.
        self._random = random.Random(seed)

    def run(self, per_minute: float, end: threading.Event) -> None:
        """So many changes a minute, until the end is set."""
        while not end.wait(60 / per_minute):
            self.change()

    def change(self) -> str:
        """One change; its kind."""
        with self._directory.lock:
            kind, user_id = self._random.choice(_KINDS), self._somebody()
            if user_id is None or kind == "joiner":
                self._join()
                return "joiner"
            if kind == "title":
                self._directory.change_user(user_id, jobTitle=self._random.choice(_TITLES))
            elif kind == "leaver":
                self._directory.remove_user(user_id)
            else:
                self._move(user_id)
            return kind

    def _somebody(self) -> str | None:
        """Anybody who is there: numbers are tried, for a list of everybody is long."""
        users = self._directory.users
        for _ in range(100 if users.count else 0):
            number = self._random.randrange(users.count)
            if number not in users.removed:
                return users.id(number)
        return None

    def _join(self) -> None:
        number = self._directory.users.count
        employee = Employee.of(self._seed * OF_A_SEED + number, "entra")
        user_id = self._directory.add_user(
            displayName=f"{employee.given} {employee.family}", givenName=employee.given, surname=employee.family,
            userPrincipalName=employee.user_name, mail=employee.user_name, employeeId=f"E{employee.number:06d}",
            jobTitle=employee.title, department=employee.department,
        )  # fmt: skip
        if groups := self._directory.group_ids():
            self._directory.add_members(self._random.choice(groups), [user_id])

    def _move(self, user_id: str) -> None:
        """Out of a group that they are in, or into it."""
        groups = self._directory.group_ids()
        if not groups:
            return
        group = self._directory.groups[self._random.choice(groups)]
        move = (
            self._directory.remove_members if self._directory.is_member(group, user_id) else self._directory.add_members
        )
        move(group.id, [user_id])
