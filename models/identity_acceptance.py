"""Changes to users, applied in memory in the order of their arrival and written together."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from models import extension, group, identity, mapping
from models.change import Accepted, Change, check_version
from models.database import Cursor
from models.errors import Refused, Taken, TooLarge, Unknown
from models.identity import Identity
from models.journal import Entry
from models.resource import USER, Document, alike
from models.text import equality_key, new_id

_encode = msgspec.json.Encoder().encode
MOST_BYTES = 262_144  # of a stored user; the largest seen is a few thousand
Key = tuple[str, str]  # a list's id, and what is looked for in it


@dataclass(slots=True)
class Identities:
    """The identities that a transaction concerns, as they stand after the changes applied so far."""

    cursor: Cursor
    unique_identifiers: dict[str, str]
    now: datetime
    entries: list[Entry]
    rows: dict[Key, Identity | None] = field(default_factory=dict)
    names: dict[Key, Identity | None] = field(default_factory=dict)
    uids: dict[Key, Identity | None] = field(default_factory=dict)
    changed: dict[Key, Identity] = field(default_factory=dict)

    def announce(self, changes: Iterable[Change]) -> None:
        """Read and lock, in one statement, whom these changes concern as far as that is known beforehand."""
        ids: set[Key] = set()
        names: set[Key] = set()
        uids: set[Key] = set()
        for change in changes:
            if change.verb != "create":
                ids.add((change.list_id, change.resource_id or ""))
                continue
            with suppress(Refused):
                document = change.apply(None)
                names.add((change.list_id, equality_key(document["userName"])))
                attribute = self.unique_identifiers.get(change.list_id)
                uid = mapping.uid_of(document, attribute) if attribute is not None else None
                if uid is not None:
                    uids.add((change.list_id, equality_key(uid)))
        if ids or names:
            self.load(ids, names, uids)

    def flush(self) -> None:
        """Write what was changed so far."""
        if not self.changed:
            return
        rows = list(self.changed.values())
        gone = [row for row in rows if row.deleted and not row.fresh]
        if gone:
            group.leave(self.cursor, [row.list_id for row in gone], [row.id for row in gone], self.now)
        identity.write(self.cursor, rows)
        extension.note(self.cursor, ((row.list_id, USER, row.document) for row in rows if not row.deleted))
        for row in rows:
            row.fresh = False
        self.changed.clear()

    def load(self, ids: set[Key], names: set[Key], uids: set[Key]) -> None:
        """Read and lock, in key order, the rows of these ids, user names and active UIDs."""
        for known, wanted in ((self.rows, ids), (self.names, names), (self.uids, uids)):
            for key in wanted:
                known.setdefault(key, None)
        for row in identity.lock(self.cursor, ids, names, uids):
            # A row read before is the one that changes are applied to; it is indexed already.
            if self.rows.get((row.list_id, row.id)) is None:
                self.index(row)

    def index(self, row: Identity) -> None:
        """Let the row be found by its present keys."""
        self.rows[row.list_id, row.id] = row
        self.names[row.list_id, row.user_name_key] = row
        if row.active and row.uid_key is not None:
            self.uids[row.list_id, row.uid_key] = row

    def unindex(self, row: Identity) -> None:
        """Forget the row's keys before they change."""
        self.names[row.list_id, row.user_name_key] = None
        if row.active and row.uid_key is not None:
            self.uids[row.list_id, row.uid_key] = None

    def named(self, list_id: str, key: str) -> Identity | None:
        """Who has this user name; read now if no change announced it."""
        if (list_id, key) not in self.names:
            self.load(set(), {(list_id, key)}, set())
        return self.names[list_id, key]

    def holding(self, list_id: str, uid_key: str) -> Identity | None:
        """Which active identity claims this UID."""
        if (list_id, uid_key) not in self.uids:
            self.load(set(), set(), {(list_id, uid_key)})
        return self.uids[list_id, uid_key]


def apply(known: Identities, change: Change) -> Accepted:
    """What one change to a user comes to; raises `Refused` before anything is changed."""
    if change.verb == "create":
        return _create(known, change, change.apply(None))
    row = known.rows.get((change.list_id, change.resource_id or ""))
    if row is None or row.deleted:
        raise Unknown(f"no user has the id '{change.resource_id}' in this list: look the user up by userName")
    check_version(change, row.version)
    if change.verb == "delete":
        return _delete(known, change, row)
    return _update_told(known, change, row, change.apply(row.document))


def _update_told(known: Identities, change: Change, row: Identity, document: Document) -> Accepted:
    """An update; its refusal tells whom it was about."""
    try:
        return _update(known, change, row, document)
    except Refused as refusal:
        refusal.identity_id, refusal.user_name = row.id, row.document.get("userName")
        active = _active(document, row)
        if active != row.active:
            refusal.operation = "reactivate" if active else "deactivate"
        raise


def _active(document: Document, row: Identity) -> bool:
    """Whether the user is to be active; a document that does not say leaves it as it is."""
    return bool(document.get("active", row.active))


def _text(document: Document) -> str:
    """The document as it is stored; refused where it is too large."""
    encoded = _encode(document)
    # Every journal row carries the whole document, and a drain holds hundreds of rows.
    if len(encoded) > MOST_BYTES:
        raise TooLarge(
            f"the user would have {len(encoded)} bytes, and {MOST_BYTES} is the most: send fewer or shorter values"
        )
    return encoded.decode()


def _create(known: Identities, change: Change, document: Document) -> Accepted:
    text = _text(document)
    key = equality_key(document["userName"])
    present = known.named(change.list_id, key)
    if present is not None:
        return _revive(known, change, present, document)
    uid_key = _claim_uid(known, change.list_id, document, document["active"], None)
    row = Identity(
        change.list_id, change.resource_id or new_id(), document.get("externalId"), key, uid_key, document["active"],
        1, document, known.now, known.now, fresh=True, text=text,
    )  # fmt: skip
    known.index(row)
    return _record(known, change, row, "create")


def _revive(known: Identities, change: Change, row: Identity, document: Document) -> Accepted:
    """A POST for a user name that exists: product rule V3a."""
    name, external_id = document["userName"], document.get("externalId")
    if row.active:
        raise Taken(f"userName '{name}' belongs to another active user of this list: change it, or update that user")
    if external_id is not None and row.external_id is not None and external_id != row.external_id:
        raise Taken(
            f"userName '{name}' belongs to an inactive user of this list (id {row.id}, externalId"
            f" '{row.external_id}'): reactivate or delete that user, or send another userName"
        )
    # One that leaves its user inactive is logged as a reactivation all the same (L1).
    return _update(known, change, row, document, "reactivate")


def _update(
    known: Identities, change: Change, row: Identity, document: Document, operation: str = "update"
) -> Accepted:
    text = _text(document)
    active = _active(document, row)
    if active != row.active:
        operation = "reactivate" if active else "deactivate"
    if alike(document, row.document):
        return _record(known, change, row, operation)
    key = equality_key(document["userName"])
    other = known.named(row.list_id, key)
    if other is not None and other is not row:
        raise Taken(f"userName '{document['userName']}' belongs to another user of this list: send another one")
    uid_key = _claim_uid(known, row.list_id, document, active, row)
    known.unindex(row)
    row.external_id, row.user_name_key, row.uid_key = document.get("externalId"), key, uid_key
    row.active, row.document, row.text = active, document, text
    row.version, row.modified = row.version + 1, known.now
    known.index(row)
    return _record(known, change, row, operation)


def _delete(known: Identities, change: Change, row: Identity) -> Accepted:
    known.unindex(row)
    row.deleted = True
    return _record(known, change, row, "delete")


def _claim_uid(known: Identities, list_id: str, document: Document, active: bool, row: Identity | None) -> str | None:
    """The key of the document's UID; refused where another active identity claims it (V3)."""
    attribute = known.unique_identifiers[list_id]
    uid = mapping.uid_of(document, attribute)
    if uid is None:
        return None
    key = equality_key(uid)
    if active:
        holder = known.holding(list_id, key)
        if holder is not None and holder is not row:
            raise Taken(
                f"{attribute} '{uid}' is this list's unique identifier and belongs to another active user"
                f" ('{holder.document['userName']}'): send another value, or deactivate that user first"
            )
    return key


def _record(known: Identities, change: Change, row: Identity, operation: str) -> Accepted:
    row.text = row.text or _encode(row.document).decode()
    request = change.request
    known.changed[row.list_id, row.id] = row
    known.entries.append(
        Entry(
            row.list_id,
            row.id,
            operation,
            row.text if "active" in row.document else _encode({**row.document, "active": row.active}).decode(),
            request.body,
            request.token_prefix,
            request.request_id,
            request.idp,
        )  # fmt: skip
    )
    return Accepted(row.id, row.text, row.version, row.created, row.modified, operation=operation)
