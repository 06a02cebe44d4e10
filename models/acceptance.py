"""The one way into an identity: `accept`, many changes in one transaction, each journaled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from models import identity, journal, mapping
from models.database import Cursor
from models.errors import Refused, Taken, Unknown
from models.identity import Document, Identity
from models.journal import Entry, Lane
from models.text import equality_key, new_id

_encode = msgspec.json.Encoder().encode
MOST_BYTES = 262_144  # of a stored user; the largest seen is a few thousand


@dataclass(frozen=True, slots=True)
class Request:
    """Where a change came from: what its log entry tells of it."""

    request_id: str
    body: str | None = None
    token_prefix: str | None = None
    idp: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One pure change to one identity of one list.

    `verb` is create, update or delete. `apply` turns the present document into the next one (for a
    create it gets None) and raises `Refused`; it may run more than once, so it changes nothing.
    """

    list_id: str
    verb: str
    request: Request
    apply: Callable[[Document | None], Document]
    identity_id: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a change came to: the identity as it stands after it."""

    id: str
    document: Document
    version: int
    created: datetime
    modified: datetime
    operation: str


Outcome = Accepted | Refused


@dataclass(slots=True)
class _Batch:
    """The identities that a batch concerns, as they stand after the changes applied so far."""

    cursor: Cursor
    unique_identifiers: dict[str, str]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    rows: dict[tuple[str, str], Identity | None] = field(default_factory=dict)
    names: dict[tuple[str, str], Identity | None] = field(default_factory=dict)
    uids: dict[tuple[str, str], Identity | None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    changed: dict[tuple[str, str], Identity] = field(default_factory=dict)

    def load(self, ids: set[tuple[str, str]], names: set[tuple[str, str]], uids: set[tuple[str, str]]) -> None:
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


def accept(
    cursor: Cursor, changes: Sequence[Change], unique_identifiers: dict[str, str]
) -> tuple[list[Outcome], list[Lane]]:
    """Apply changes in this order and journal each, in the caller's transaction.

    `unique_identifiers` says for every list of the batch which attribute is its UID. Returns an
    outcome a change, and the lanes to ring after COMMIT. Raises psycopg's UniqueViolation where
    another transaction was faster: nothing of the batch is stored then, and it can be repeated.
    """
    batch = _Batch(cursor, unique_identifiers)
    drafts = [_draft(change) for change in changes]
    _load_announced(batch, changes, drafts)
    outcomes = [_apply(batch, change, draft) for change, draft in zip(changes, drafts, strict=True)]
    identity.write(cursor, list(batch.changed.values()))
    lanes = journal.append(cursor, batch.entries) if batch.entries else []
    return outcomes, lanes


def _draft(change: Change) -> Document | Refused | None:
    """What a create will store: known before anything is read."""
    if change.verb != "create":
        return None
    try:
        return change.apply(None)
    except Refused as refusal:
        return refusal


def _load_announced(batch: _Batch, changes: Sequence[Change], drafts: Sequence[Document | Refused | None]) -> None:
    ids, names, uids = set(), set(), set()
    for change, draft in zip(changes, drafts, strict=True):
        if change.identity_id is not None:
            ids.add((change.list_id, change.identity_id))
        if isinstance(draft, dict):
            names.add((change.list_id, equality_key(draft["userName"])))
            uid = mapping.uid_of(draft, batch.unique_identifiers[change.list_id])
            if uid is not None:
                uids.add((change.list_id, equality_key(uid)))
    batch.load(ids, names, uids)


def _apply(batch: _Batch, change: Change, draft: Document | Refused | None) -> Outcome:
    try:
        if isinstance(draft, Refused):
            return draft
        if draft is not None:
            return _create(batch, change, draft)
        row = batch.rows.get((change.list_id, change.identity_id or ""))
        if row is None or row.deleted:
            return Unknown(f"no user has the id '{change.identity_id}' in this list: look the user up by userName")
        if change.verb == "delete":
            return _delete(batch, change, row)
        return _about(row, _update, batch, change, row, change.apply(row.document))
    except Refused as refusal:
        refusal.identity_id = refusal.identity_id or change.identity_id
        return refusal


def _about(row: Identity, decide: Callable[..., Outcome], *arguments: Any) -> Outcome:
    """An outcome; a refusal tells whom it was about."""
    try:
        outcome = decide(*arguments)
    except Refused as refusal:
        outcome = refusal
    if isinstance(outcome, Refused):
        outcome.identity_id, outcome.user_name = row.id, row.document.get("userName")
        wanted = arguments[-1]["active"]
        if wanted != row.active:
            outcome.operation = "reactivate" if wanted else "deactivate"
    return outcome


class TooLarge(Refused):
    """The user that this would make is larger than one may be."""

    status = 413


def _check_size(document: Document) -> None:
    # Every journal row carries the whole document, and a drain holds hundreds of rows.
    size = len(_encode(document))
    if size > MOST_BYTES:
        raise TooLarge(f"the user would have {size} bytes, and {MOST_BYTES} is the most: send fewer or shorter values")


def _create(batch: _Batch, change: Change, document: Document) -> Outcome:
    _check_size(document)
    key = equality_key(document["userName"])
    present = batch.named(change.list_id, key)
    if present is not None:
        return _revive(batch, change, present, document)
    uid_key = _claim_uid(batch, change.list_id, document, None)
    row = Identity(
        change.list_id, new_id(), document.get("externalId"), key, uid_key, document["active"], 1, document,
        batch.now, batch.now, fresh=True,
    )  # fmt: skip
    batch.index(row)
    return _record(batch, change, row, "create")


def _revive(batch: _Batch, change: Change, row: Identity, document: Document) -> Outcome:
    """A POST for a user name that exists: product rule V3a."""
    name, external_id = document["userName"], document.get("externalId")
    if row.active:
        return Taken(f"userName '{name}' belongs to another active user of this list: change it, or update that user")
    if external_id is not None and row.external_id is not None and external_id != row.external_id:
        return Taken(
            f"userName '{name}' belongs to an inactive user of this list (id {row.id}, externalId"
            f" '{row.external_id}'): reactivate or delete that user, or send another userName"
        )
    outcome = _update(batch, change, row, document)
    if isinstance(outcome, Accepted) and outcome.operation == "update":
        return _relabel(batch, outcome)
    return outcome


def _relabel(batch: _Batch, outcome: Accepted) -> Accepted:
    """A POST that leaves its user inactive is logged as a reactivation all the same (L1)."""
    last = batch.entries[-1]
    batch.entries[-1] = Entry(
        last.list_id, last.resource_id, "reactivate", last.document, last.body, last.token_prefix,
        last.request_id, last.idp,
    )  # fmt: skip
    return Accepted(outcome.id, outcome.document, outcome.version, outcome.created, outcome.modified, "reactivate")


def _update(batch: _Batch, change: Change, row: Identity, document: Document) -> Outcome:
    _check_size(document)
    operation = "update"
    if document["active"] != row.active:
        operation = "reactivate" if document["active"] else "deactivate"
    if _alike(document, row.document):
        return _record(batch, change, row, operation)
    key = equality_key(document["userName"])
    other = batch.named(row.list_id, key)
    if other is not None and other is not row:
        return Taken(f"userName '{document['userName']}' belongs to another user of this list: send another one")
    uid_key = _claim_uid(batch, row.list_id, document, row)
    batch.unindex(row)
    row.external_id, row.user_name_key, row.uid_key = document.get("externalId"), key, uid_key
    row.active, row.document, row.text = document["active"], document, ""
    row.version, row.modified = row.version + 1, batch.now
    batch.index(row)
    return _record(batch, change, row, operation)


def _alike(one: Any, other: Any) -> bool:
    """Equal in type as well: to Python True is 1, to an IdP it is not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other)


def _delete(batch: _Batch, change: Change, row: Identity) -> Outcome:
    batch.unindex(row)
    row.deleted = True
    return _record(batch, change, row, "delete")


def _claim_uid(batch: _Batch, list_id: str, document: Document, row: Identity | None) -> str | None:
    """The key of the document's UID; refused where another active identity claims it (V3)."""
    attribute = batch.unique_identifiers[list_id]
    uid = mapping.uid_of(document, attribute)
    if uid is None:
        return None
    key = equality_key(uid)
    if document["active"]:
        holder = batch.holding(list_id, key)
        if holder is not None and holder is not row:
            raise Taken(
                f"{attribute} '{uid}' is this list's unique identifier and belongs to another active user"
                f" ('{holder.document['userName']}'): send another value, or deactivate that user first"
            )
    return key


def _record(batch: _Batch, change: Change, row: Identity, operation: str) -> Accepted:
    row.text = row.text or _encode(row.document).decode()
    request = change.request
    batch.changed[row.list_id, row.id] = row
    batch.entries.append(
        Entry(
            row.list_id,
            row.id,
            operation,
            row.text,
            request.body,
            request.token_prefix,
            request.request_id,
            request.idp,
        )  # fmt: skip
    )
    return Accepted(row.id, row.document, row.version, row.created, row.modified, operation)
