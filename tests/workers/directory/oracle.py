"""What must have come of a history: the list is as the directory."""

from typing import Any, NamedTuple

from models import database, guard
from models.guard import Guard
from models.text import equality_key
from tests.workers.directory.history import AT_LEAST, History

Wanted = dict[str, tuple[str | None, str | None]]


class Known(NamedTuple):
    """An identity."""

    user_id: str
    active: bool
    waiting_reason: str | None
    id: str


def wanted(history: History) -> Wanted:
    """Who is to be active: UID and first name by object id."""
    staff, directory = history.staff, history.directory
    inside = {one for group in history.scope if not directory.groups[group].removed for one in directory.members(group)}
    found: Wanted = {}
    for one in history.users():
        user = history.look(one)
        is_in = (one in inside or not history.scope) and (history.guests or user.get("userType") != "Guest")
        if is_in and user["accountEnabled"]:
            uids = {
                "userName": user["userPrincipalName"],
                "employeeNumber": user.get("employeeId"),
                "email": user.get("mail") or user["userPrincipalName"],
            }
            found[one] = (uids[staff.unique_identifier], user.get("givenName"))
    return found


class Outcome:
    """What is there."""

    def __init__(self, history: History) -> None:
        self.wanted, self.by_hand = wanted(history), history.by_hand
        self.people = history.staff.people()
        list_id = history.staff.list_id
        with database.transaction(history.staff.connection, [list_id]) as cursor:
            self.held = history.held(cursor)
            cursor.execute(
                "select external_id, active, waiting_reason, id::text from identity where list_id = %s", (list_id,)
            )
            self.identities = {row[0]: Known(*row) for row in cursor.fetchall()}
            cursor.execute("select object_id, kind, error from directory_change where list_id = %s", (list_id,))
            self.staged = cursor.fetchall()
            self.deactivated = guard.lately(cursor, [list_id])[list_id]
        self.allowed = Guard(at_least=AT_LEAST).allowed(len(self.people)) if history.guarded else len(self.people)
        self._followed = {one["identity_id"]: one for one in self.people if one["identity_id"]}
        self._by_uid = {equality_key(one["uid"]): one for one in self.people}
        self._users = {one.id: one.user_id for one in self.identities.values()}

    def wrong(self) -> list[str]:
        """What is not as it has to be, a sentence each."""
        found = [f"{row} is staged still" for row in self.staged]
        if self.deactivated > self.allowed:
            found.append(f"{self.deactivated} were deactivated within the hour, of {len(self.people)}")
        found += [wrong for user_id in self.wanted if (wrong := self._of_user(user_id)) is not None]
        found += [
            f"{one} is active" for one in self.identities.values() if one.active and one.user_id not in self.wanted
        ]
        excused = self.held | self.by_hand
        for one in self.people:
            if one["active"] and self._users.get(one["identity_id"]) not in self.wanted and one["id"] not in excused:
                found.append(f"{one} is active")
        return found

    def person(self, user_id: str) -> dict[str, Any] | None:
        """Who follows a user."""
        known = self.identities.get(user_id)
        return self._followed.get(known.id) if known else None

    def _of_user(self, user_id: str) -> str | None:
        uid, name = self.wanted[user_id]
        known, person = self.identities.get(user_id), self.person(user_id)
        if known is None or not known.active:
            return f"{user_id} is no active identity: {known}"
        if uid is None and person is None:
            return None if known.waiting_reason == "uid_missing" else f"{user_id} does not wait: {known}"
        if uid is not None and not self._has_its_uid_or_cannot(user_id):
            return f"{user_id} is to have {uid}, and has {person}, {known}"
        if person is None:
            return None if known.waiting_reason == "uid_held" else f"{user_id} ({uid}) is nobody: {known}"
        if known.waiting_reason == "uid_held" and equality_key(person["uid"]) == equality_key(uid or ""):
            return f"{known} waits for what it has"
        right = (True, user_id, name, False)
        has = (person["active"], person["anchor"], person["fields"].get("First Name"), person["id"] in self.held)
        return None if has == right else f"{user_id} is {has} and not {right}"

    def _has_its_uid_or_cannot(self, user_id: str) -> bool:
        """A person keeps the old UID while another has the new one (V2). That is right where the last of those who wait
        for each other waits for somebody inactive, or who has no other to get; and wrong in a circle."""
        at, seen = user_id, set[str]()
        while at in self.wanted and at not in seen:
            seen.add(at)
            uid, person = self.wanted[at][0], self.person(at)
            if uid is None:
                return True
            if person is not None and equality_key(person["uid"]) == equality_key(uid):
                return at == user_id
            holder = self._by_uid.get(equality_key(uid))
            if holder is None:
                return False
            at = self._users.get(holder["identity_id"], "")
        return at not in seen
