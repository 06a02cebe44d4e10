"""A simulated Entra ID tenant: who is in it, and the log of what changed, which delta queries are answered from."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ops.simulators.graph.groups import Group
from ops.simulators.graph.sessions import Sessions
from ops.simulators.graph.states import States
from ops.simulators.graph.users import CHANGED, DELETED, OF_A_SEED, Users
from ops.simulators.people import Team

USERS, GROUPS = "User.Read.All", "GroupMember.Read.All"  # permissions


class Change(NamedTuple):
    """A line of the log: `properties` None is all of them; `related` is who became or ceased to be member or
    manager."""

    key: int | str  # a user's number, a group's id
    properties: frozenset[str] | None
    related: str | None = None


class Directory:
    """A tenant. Its ids, client and secret follow from the seed: what they protect is made up, so they are no secrets.

    `permissions` are those an administrator consented to; `lock` is held while a request is answered or a change made.
    """

    def __init__(self, users: int = 0, groups: int = 0, seed: int = 0) -> None:
        self.tenant_id = f"{0x11111111 + seed:08x}-2222-4333-8444-555555555555"
        self.client_id = f"{0x22222222 + seed:08x}-3333-4444-8555-666666666666"
        self.client_secret = f"simulated~{seed}~secret"
        self.sessions = Sessions()
        self.permissions = {USERS, GROUPS}
        self.lock = threading.RLock()
        self.states = States()
        self.users = Users(users, seed)
        self.groups: dict[str, Group] = {}
        self.log: dict[str, list[Change]] = {"users": [], "groups": []}
        self._seed = seed
        for number in range(groups):
            # A few large ones, the first with everybody, and many small.
            self._new_group(Team(seed * OF_A_SEED + number, "entra").name, range(number, users, number + 1))

    def user_ids(self) -> list[str]:
        """Everybody who is there."""
        with self.lock:
            return [self.users.id(number) for number in self.users.present()]

    def group_ids(self) -> list[str]:
        """Every group that is there."""
        with self.lock:
            return [group.id for group in self.groups.values() if not group.removed]

    def add_user(self, **properties: Any) -> str:
        """Somebody new: Graph's property names, what is left out follows from the number; the id."""
        with self.lock:
            name = f"new{self.users.count}@entra.example"
            usual = {"accountEnabled": True, "userType": "Member", "userPrincipalName": name, "displayName": name}
            number = self.users.add(usual | properties)
            self.log["users"].append(Change(number, None))
            return self.users.id(number)

    def change_user(self, user_id: str, **properties: Any) -> None:
        """Set properties; only those that differ are a change."""
        with self.lock:
            number = self._user(user_id)
            before = self.users.properties(number)
            changed = {name: value for name, value in properties.items() if before.get(name) != value}
            self.users.change(number, changed)
            if changed:
                self.log["users"].append(Change(number, frozenset(changed)))

    def set_manager(self, user_id: str, manager_id: str | None) -> None:
        """Whom somebody reports to."""
        with self.lock:
            number = self._user(user_id)
            before = self.users.manager(number)
            self.users.set_manager(number, manager_id)
            for related in (before, manager_id):
                if before != manager_id and related is not None:
                    self.log["users"].append(Change(number, frozenset({"manager"}), related))

    def remove_user(self, user_id: str, permanently: bool = False) -> None:
        """Into the recycle bin, or out of it too; with their memberships."""
        with self.lock:
            number = self._user(user_id)
            self.users.removed[number] = DELETED if permanently else CHANGED
            self.log["users"].append(Change(number, None))
            self._log_relations(number)

    def restore_user(self, user_id: str) -> None:
        """Out of the recycle bin, with memberships and manager."""
        with self.lock:
            number = self._user(user_id)
            if self.users.removed.get(number) != CHANGED:
                raise ValueError(f"{user_id} is not in the recycle bin")
            del self.users.removed[number]
            self.log["users"].append(Change(number, None, self.users.manager(number)))
            self._log_relations(number)

    def add_group(self, name: str, members: Iterable[str] = (), **properties: Any) -> str:
        """A new group; the id."""
        with self.lock:
            group = self._new_group(name, range(0), **properties)
            self.log["groups"].append(Change(group.id, None))
            self.add_members(group.id, members)
            return group.id

    def change_group(self, group_id: str, **properties: Any) -> None:
        """Set properties."""
        with self.lock:
            self.groups[group_id].properties |= properties
            self.log["groups"].append(Change(group_id, frozenset(properties)))

    def add_members(self, group_id: str, members: Iterable[str]) -> None:
        """Users, groups, or, with an id of neither, devices."""
        self._move(group_id, members, joins=True)

    def remove_members(self, group_id: str, members: Iterable[str]) -> None:
        """Who is a member no longer."""
        self._move(group_id, members, joins=False)

    def remove_group(self, group_id: str, permanently: bool = False) -> None:
        """Into the recycle bin, or out of it too."""
        with self.lock:
            self.groups[group_id].removed = DELETED if permanently else CHANGED
            self.log["groups"].append(Change(group_id, None))
            self._log_memberships(group_id)

    def members(self, group_id: str) -> list[str]:
        """The ids of the members who are there, of any type."""
        with self.lock:
            group = self.groups[group_id]
            return list(self.members_at(group, 0, len(group)))

    def size(self, group: Group) -> int:
        """How many members there are: the places, without empty ones and those of removed users and groups."""
        removed = (self.users.id(number) for number in self.users.removed)
        nested = (one.id for one in self.groups.values() if one.removed)
        absent = sum(self.is_member(group, one) for ids in (removed, nested) for one in ids)
        return len(group.share) - len(group.left) + len(group.places) - absent

    def members_at(self, group: Group, first: int, last: int) -> Iterator[str]:
        """The ids of members who are there, by their places."""
        for one in group.at(first, last):
            member_id = self.users.id(one) if isinstance(one, int) else one
            if self.is_there(member_id):
                yield member_id

    def is_there(self, object_id: str) -> bool:
        """Whether it was not removed; devices never are."""
        if (number := self.users.number(object_id)) is not None:
            return number not in self.users.removed
        return object_id not in self.groups or not self.groups[object_id].removed

    def is_member(self, group: Group, member_id: str) -> bool:
        """Whether a group has this member, there or removed."""
        return group.has(member_id, self.users.number(member_id))

    def kind(self, object_id: str) -> str:
        """The `@odata.type`."""
        if self.users.number(object_id) is not None:
            return "#microsoft.graph.user"
        return f"#microsoft.graph.{'group' if object_id in self.groups else 'device'}"

    def expire_delta_tokens(self) -> None:
        """As after seven days: tokens are unknown."""
        with self.lock:
            self.states.expire()

    def demand_resync(self) -> None:
        """As after maintenance: tokens are answered 410."""
        with self.lock:
            self.states.demand_resync()

    def _user(self, user_id: str) -> int:
        number = self.users.number(user_id)
        if number is None:
            raise KeyError(user_id)
        return number

    def _new_group(self, name: str, share: range, **properties: Any) -> Group:
        group_id = properties.pop("id", None) or f"{0xB0000000 + self._seed:08x}-0000-4000-8000-{len(self.groups):012x}"
        group = self.groups[group_id] = Group(group_id, {"displayName": name, **properties}, share)
        return group

    def _move(self, group_id: str, members: Iterable[str], joins: bool) -> None:
        with self.lock:
            group = self.groups[group_id]
            for member_id in members:
                number = self.users.number(member_id)
                if group.has(member_id, number) != joins:
                    (group.add if joins else group.remove)(member_id, number)
                    self.log["groups"].append(Change(group_id, frozenset({"members"}), member_id))

    def _log_relations(self, number: int) -> None:
        """Somebody came or went, and with them a member and a manager."""
        user_id = self.users.id(number)
        self._log_memberships(user_id)
        self.log["users"] += [Change(one, frozenset({"manager"}), user_id) for one in self.users.reports(number)]

    def _log_memberships(self, member_id: str) -> None:
        for group in self.groups.values():
            if self.is_member(group, member_id):
                self.log["groups"].append(Change(group.id, frozenset({"members"}), member_id))
