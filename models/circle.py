"""Who waits for whose UID: people whose identities claim UIDs that others have."""

from models.database import Cursor
from models.identity import pairs

Key = tuple[str, str]  # a list's id and a UID's key
MOST = 2_000  # people looked at, nearest first: some 10 µs each. Who is read by a drain anyway does not count
# Look-ups in this order, whatever the statistics say, as in `identity.lock`.
_CLAIMED = (
    " cross join lateral (select list_id, uid_key, identity_id from person"
    " where list_id = v.list_id and uid_key = v.key offset 0) p"
    " cross join lateral (select uid_key from identity"
    " where list_id = p.list_id and id = p.identity_id and uid_key <> p.uid_key offset 0) i"
)
_AHEAD = (
    "with recursive ahead (list_id, has, key) as ("
    f"select p.list_id, p.uid_key, i.uid_key from unnest(%b::text[], %b::text[]) v (list_id, key){_CLAIMED}"
    f" union select p.list_id, p.uid_key, i.uid_key from ahead v{_CLAIMED}"
    f") select list_id, has, key from ahead limit {MOST}"
)


def ahead(cursor: Cursor, uid_keys: set[Key]) -> dict[Key, Key]:
    """Which UID the holder of each of these claims instead, the holder of that one, and so on. Nobody is locked."""
    cursor.execute(_AHEAD, pairs(uid_keys))
    return {(list_id, has): (list_id, key) for list_id, has, key in cursor.fetchall()}
