"""Fill a list for measurements: people whom an IdP pushed, and two months of log, written by COPY."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from models import master_list
from models.database import Connection, connect, transaction
from models.text import equality_key, new_id

DAYS = 60  # that the log reaches back
GIVEN = ("Ada", "Bo", "Chidi", "Dana", "Elif", "Farid", "Grace", "Hugo", "Imani", "Jonas", "Kiri", "Lena", "Mei")
FAMILY = ("Okafor", "Brandt", "Tanaka", "Petrov", "Qureshi", "Haddad", "Iyer", "Eriksen", "Rousseau", "Smith", "Ames")
UNITS = ("Admissions", "Library", "Facilities", "Science", "Music", "Finance", "Sport", "Languages")
TITLES = ("Registrar", "Librarian", "Technician", "Lecturer", "Analyst", "Manager", "Coach", "Tutor")
# (operation, result): how often; what IdPs send once a list is filled.
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
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
Row = tuple[Any, ...]


class People:
    """The generated people: everything about number N follows from N and the ids that were drawn for them."""

    def __init__(self, list_id: str, count: int, keys: dict[str, str]) -> None:
        self._list_id, self._keys = list_id, keys
        self.identities = [new_id() for _ in range(count)]
        self.ids = [new_id() for _ in range(count)]
        self._now = datetime.now(UTC).replace(microsecond=0)

    def name(self, number: int) -> str:
        """A person's userName, which is their UID."""
        return f"{GIVEN[number % len(GIVEN)]}.{FAMILY[number // 7 % len(FAMILY)]}.{number}@harbour.example".lower()

    def fields(self, number: int) -> dict[str, str]:
        """Values by label."""
        given, family = GIVEN[number % len(GIVEN)], FAMILY[number // 7 % len(FAMILY)]
        return {
            "First Name": given, "Last Name": family, "Display Name": f"{given} {family}", "Email": self.name(number),
            "Primary Email": self.name(number),
            "Department": UNITS[number % len(UNITS)], "Job Title": TITLES[number // 3 % len(TITLES)],
        }  # fmt: skip

    def identity_rows(self) -> Iterator[Row]:
        """As ingress stores them."""
        for number, identity_id in enumerate(self.identities):
            yield (
                self._list_id, identity_id, f"fill-{number}", self.name(number), self.name(number), True, 1,
                json.dumps(self._document(number)), self._now, self._now,
            )  # fmt: skip

    def _document(self, number: int) -> dict[str, Any]:
        values = self.fields(number)
        return {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "userName": self.name(number), "externalId": f"fill-{number}", "active": True, "title": values["Job Title"],
            "displayName": values["Display Name"], "emails": [{"value": values["Email"], "type": "work"}],
            "name": {"givenName": values["First Name"], "familyName": values["Last Name"]},
            ENTERPRISE: {"department": values["Department"]},
        }  # fmt: skip

    def email_rows(self) -> Iterator[Row]:
        """How they are looked up."""
        for number, identity_id in enumerate(self.identities):
            yield self._list_id, self.name(number), identity_id

    def person_rows(self) -> Iterator[Row]:
        """As workers write them; one in twenty has left."""
        for number, person_id in enumerate(self.ids):
            values = {self._keys[label]: value for label, value in self.fields(number).items() if label in self._keys}
            uid = self.name(number)
            yield (
                self._list_id, person_id, uid, equality_key(uid), f"fill-{number}", self.identities[number],
                number % 20 != 19, json.dumps(values),
            )  # fmt: skip


def log_rows(list_id: str, people: People, count: int, first_id: int, seed: int = 7) -> Iterator[Row]:
    """Entries spread over the last two months, oldest first, the mix being what IdPs send."""
    chance = random.Random(seed)  # noqa: S311
    kinds = chance.choices(list(MIX), weights=list(MIX.values()), k=count)
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    step = timedelta(days=DAYS) / max(1, count)
    for number, (operation, result) in enumerate(kinds):
        at = begin + step * number
        who = chance.randrange(len(people.ids))
        yield _entry(list_id, people, first_id + number, at, who, operation, result, chance)


def _entry(
    list_id: str, people: People, entry_id: int, at: datetime, who: int, operation: str, result: str,
    chance: random.Random,
) -> Row:  # fmt: skip
    known = result not in ("rejected", "waiting")
    sentence = SENTENCES.get(result)
    applied = at + timedelta(milliseconds=chance.expovariate(1 / 60) + 8) if result != "rejected" else None
    return (
        list_id, at, entry_id, "request" if operation == "request" else "user", operation, result,
        people.identities[who] if operation != "request" else None, people.ids[who] if known else None,
        people.name(who) if operation != "request" else None, people.name(who) if known else None,
        json.dumps(_changes(people, who, operation, result, chance)),
        sentence.format(people.name(who)) if sentence else None, f"{chance.getrandbits(128):032x}", "sct_filled00",
        chance.choice(("okta", "entra", None)), json.dumps({"userName": people.name(who), "title": TITLES[who % 8]}),
        applied,
    )  # fmt: skip


def _changes(people: People, who: int, operation: str, result: str, chance: random.Random) -> list[dict[str, Any]]:
    if result not in ("applied", "partly_applied"):
        return []
    if operation == "create":
        return [{"field": label, "before": None, "after": value} for label, value in people.fields(who).items()]
    if operation != "update":
        states = ("Inactive", "Active") if operation == "reactivate" else ("Active", "Inactive")
        return [{"field": "Status", "before": states[0], "after": states[1]}]
    before, after = chance.sample(TITLES, 2)
    return [{"field": "Job Title", "before": before, "after": after}]


def fill(connection: Connection, owner_url: str, list_id: str, people: int, entries: int) -> None:
    """Add people and entries to a list, then analyse as the tables' owner (autovacuum does within the minute)."""
    with transaction(connection, [list_id]) as cursor:
        keys = {field.label: field.key for field in master_list.fields(cursor, list_id)}
        made = People(list_id, people, keys)
        _copy(
            cursor, "identity (list_id, id, external_id, user_name_key, uid_key, active, version, document, created,"
            " modified)", made.identity_rows(),
        )  # fmt: skip
        _copy(cursor, "identity_email (list_id, key, identity_id)", made.email_rows())
        _copy(cursor, "person (list_id, id, uid, uid_key, anchor, identity_id, active, fields)", made.person_rows())
        first = cursor.execute(
            "select min(n) from (select nextval('journal_seq') n from generate_series(1, %s)) s", (entries,)
        ).fetchone()
        assert first
        _copy(
            cursor, "log_entry (list_id, at, id, resource, operation, result, identity_id, person_id, user_name, uid,"
            " changes, detail, request_id, token_prefix, idp, body, applied_at)",
            log_rows(list_id, made, entries, first[0] or 0),
        )  # fmt: skip
    with connect(owner_url, "muster-fill") as owner:
        for table in ("identity", "identity_email", "person", "log_entry"):
            owner.execute(f"vacuum analyze {table}")


def _copy(cursor: Any, target: str, rows: Iterator[Row]) -> None:
    with cursor.copy(f"copy {target} from stdin") as copy:
        for row in rows:
            copy.write_row(row)
