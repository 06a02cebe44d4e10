"""What `muster fill` writes: people whom an IdP pushed, and what it has sent since, as lines of COPY's text format.

Everything about person N follows from N, and every stretch of the log from where it begins: nothing is remembered, so
that memory stays flat, and any number of streams can write at once. No value holds a backslash, a tab or a line end.
"""

import json
import random
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

DAYS = 60  # that the log reaches back
GIVEN = ("Ada", "Bo", "Chidi", "Dana", "Elif", "Farid", "Grace", "Hugo", "Imani", "Jonas", "Kiri", "Lena", "Mei")
FAMILY = ("Okafor", "Brandt", "Tanaka", "Petrov", "Qureshi", "Haddad", "Iyer", "Eriksen", "Rousseau", "Smith", "Ames")
UNITS = ("Admissions", "Library", "Facilities", "Science", "Music", "Finance", "Sport", "Languages")
TITLES = ("Registrar", "Librarian", "Technician", "Lecturer", "Analyst", "Manager", "Coach", "Tutor")
# (operation, result): how often in a thousand; what IdPs send once a list is filled.
MIX = {
    ("update", "applied"): 620, ("update", "no_change"): 120, ("create", "applied"): 130, ("deactivate", "applied"): 50,
    ("reactivate", "applied"): 15, ("delete", "applied"): 8, ("update", "partly_applied"): 12,
    ("create", "rejected"): 12, ("update", "rejected"): 13, ("create", "waiting"): 5, ("request", "rejected"): 15,
}  # fmt: skip
SENTENCES = {
    "rejected": "userName: '{}' belongs to another user of this list: give each user a userName of their own",
    "waiting": "employeeNumber is missing: it is this list's unique identifier, and the user becomes a person as soon"
    " as the identity provider sends it",
    "partly_applied": "Email: '{}@' is not an e-mail address: the field keeps its value",
}
CORE, ENTERPRISE = (f"urn:ietf:params:scim:schemas:{name}:2.0:User" for name in ("core", "extension:enterprise"))
NULL = r"\N"
_KINDS = [kind for kind, share in MIX.items() for _ in range(share)]


def user_name(number: int) -> str:
    """A person's userName, which is their UID and e-mail address, in the form in which it is looked up."""
    return f"{GIVEN[number % len(GIVEN)]}.{FAMILY[number // 7 % len(FAMILY)]}.{number}@harbour.example".lower()


class People:
    """The generated people of a list: `count` of them, whose fields have these keys by label."""

    def __init__(self, list_id: str, count: int, keys: dict[str, str]) -> None:
        self.list_id, self.count, self._keys = list_id, count, keys
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._ticks = int(self._now.timestamp() * 1000) - (count >> 12)
        self._tails = [f"8{secrets.token_hex(1)[0]}{secrets.token_hex(1)}-{secrets.token_hex(6)}" for _ in range(2)]

    def identity_id(self, number: int) -> str:
        """Of the user: a UUID version 7 in the order of numbers, as ingress makes them."""
        return self._id(number, self._tails[0])

    def person_id(self, number: int) -> str:
        """Of the person."""
        return self._id(number, self._tails[1])

    def _id(self, number: int, tail: str) -> str:
        text = f"{self._ticks + (number >> 12):012x}"
        return f"{text[:8]}-{text[8:]}-7{number & 0xFFF:03x}-{tail}"

    def fields(self, number: int) -> dict[str, str]:
        """Values by label."""
        given, family = GIVEN[number % len(GIVEN)], FAMILY[number // 7 % len(FAMILY)]
        return {
            "First Name": given, "Last Name": family, "Display Name": f"{given} {family}", "Email": user_name(number),
            "Primary Email": user_name(number),
            "Department": UNITS[number % len(UNITS)], "Job Title": TITLES[number // 3 % len(TITLES)],
        }  # fmt: skip

    def identities(self, first: int, end: int) -> Iterator[str]:
        """As ingress stores them."""
        for number in range(first, end):
            name = user_name(number)
            yield (
                f"{self.list_id}\t{self.identity_id(number)}\tfill-{number}\t{name}\t{name}\tt\t1\t"
                f"{self._document(number, name)}\t{self._now}\t{self._now}\n"
            )

    def _document(self, number: int, name: str) -> str:
        values = self.fields(number)
        return (
            f'{{"schemas": ["{CORE}", "{ENTERPRISE}"], "userName": "{name}", "externalId": "fill-{number}",'
            f' "active": true, "title": "{values["Job Title"]}", "displayName": "{values["Display Name"]}",'
            f' "emails": [{{"value": "{name}", "type": "work"}}], "name": {{"givenName": "{values["First Name"]}",'
            f' "familyName": "{values["Last Name"]}"}}, "{ENTERPRISE}": {{"department": "{values["Department"]}"}}}}'
        )

    def emails(self, first: int, end: int) -> Iterator[str]:
        """How they are looked up."""
        for number in range(first, end):
            yield f"{self.list_id}\t{user_name(number)}\t{self.identity_id(number)}\n"

    def people(self, first: int, end: int) -> Iterator[str]:
        """As workers write them; one in twenty has left."""
        for number in range(first, end):
            values = {self._keys[label]: value for label, value in self.fields(number).items() if label in self._keys}
            uid, active = user_name(number), "f" if number % 20 == 19 else "t"
            yield (
                f"{self.list_id}\t{self.person_id(number)}\t{uid}\t{uid}\tfill-{number}\t{self.identity_id(number)}\t"
                f"{active}\t{json.dumps(values)}\n"
            )


class Log:
    """The log of these people: `count` entries from `first_id` on, evenly over the last days, oldest first."""

    def __init__(self, people: People, count: int, first_id: int) -> None:
        self._people, self._first_id = people, first_id
        self.begin = datetime.now(UTC) - timedelta(days=DAYS)
        self._step = timedelta(days=DAYS) / max(1, count)

    def entries(self, first: int, end: int) -> Iterator[str]:
        """A stretch of it, the mix being what IdPs send."""
        chance = random.Random(first)  # noqa: S311
        for number in range(first, end):
            at = self.begin + self._step * number
            yield self._entry(self._first_id + number, at, int(chance.random() * self._people.count), chance)

    def _entry(self, entry_id: int, at: datetime, who: int, chance: random.Random) -> str:
        operation, result = _KINDS[int(chance.random() * 1000)]
        people, name = self._people, user_name(who)
        known, request = result not in ("rejected", "waiting"), operation == "request"
        sentence = SENTENCES[result].format(name) if result in SENTENCES else NULL
        applied = NULL if result == "rejected" else at + timedelta(milliseconds=chance.expovariate(1 / 60) + 8)
        return (
            f"{people.list_id}\t{at}\t{entry_id}\t{'request' if request else 'user'}\t{operation}\t{result}\t"
            f"{NULL if request else people.identity_id(who)}\t{people.person_id(who) if known else NULL}\t"
            f"{NULL if request else name}\t{name if known else NULL}\t"
            f"{json.dumps(_changes(people, who, operation, result, chance))}\t{sentence}\t"
            f"{chance.getrandbits(128):032x}\tsct_filled00\t{chance.choice(('okta', 'entra', NULL))}\t"
            f'{{"userName": "{name}", "title": "{TITLES[who % 8]}"}}\t{applied}\n'
        )


def _changes(
    people: People, who: int, operation: str, result: str, chance: random.Random
) -> list[dict[str, str | None]]:
    if result not in ("applied", "partly_applied"):
        return []
    if operation == "create":
        return [{"field": label, "before": None, "after": value} for label, value in people.fields(who).items()]
    if operation != "update":
        states = ("Inactive", "Active") if operation == "reactivate" else ("Active", "Inactive")
        return [{"field": "Status", "before": states[0], "after": states[1]}]
    before = int(chance.random() * 8)
    return [{"field": "Job Title", "before": TITLES[before], "after": TITLES[before - 1]}]
