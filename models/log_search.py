"""Whom a search of the log means: people by any of their words, users who are in no list, a request."""

import re
from typing import NamedTuple

from models.database import Cursor
from models.person_page import LONGEST_SEARCH, SHORTEST, contains, saying
from models.search import TRUE, Sql, join
from models.text import UUID, equality_key, fold

MOST_PEOPLE = 1_000  # whose entries are looked through
# Shorter pieces of a request id begin many others, and words too ("ada", "decade"). That of a run is known whole.
_REQUEST = re.compile(rf"[0-9a-f]{{8,}}|sync-{UUID.pattern}", re.IGNORECASE)


class Found(NamedTuple):
    """What a search came to."""

    people: list[str]
    partial: bool
    user_name: str = ""  # the beginning of one
    request: str = ""  # the beginning of a request id


def look_up(cursor: Cursor, list_id: str, person_id: str, search: str) -> Found:
    """Resolve a search, within one person's entries if a person is named."""
    shortened = search[:LONGEST_SEARCH].replace("\x00", "").strip()
    source, condition = _meant(list_id, fold(shortened), person_id)
    cursor.execute(
        f"select id::text from {source.text} p where p.list_id = %s and {condition.text} limit %s",
        (*source.parameters, list_id, *condition.parameters, MOST_PEOPLE + 1),
    )
    people = [row[0] for row in cursor.fetchall()]
    if person_id:
        return Found(people, False)
    request = shortened.lower() if _REQUEST.fullmatch(shortened) else ""
    return Found(people[:MOST_PEOPLE], len(people) > MOST_PEOPLE, shortened.lower(), request)


def _meant(list_id: str, text: str, person_id: str) -> tuple[Sql, Sql]:
    """Which people a folded search means: where they are looked for, and what is true of them."""
    everybody, one = Sql("person"), Sql("p.id = %s", (person_id,)) if person_id else TRUE
    if UUID.fullmatch(text):
        # An id that was copied from somewhere: a person's own, or their SCIM id.
        same = join("or", [Sql("p.id = %s", (text,)), Sql("p.identity_id = %s", (text,))])
        return everybody, join("and", [same, one])
    words = text.split()
    if not words:
        return everybody, one
    if max(map(len, words)) < SHORTEST:
        return everybody, join("and", [Sql("p.uid_key = %s", (equality_key(text),)), one])
    if person_id:
        return everybody, join("and", [one, *(contains(word) for word in words)])
    return saying(list_id, words, most=MOST_PEOPLE + 1), TRUE


def entries_about(list_id: str, found: Found, wanted: Sql, strangers: Sql, order: str, limit: int) -> Sql:
    """The keys of the entries that a search means and that are wanted besides. `strangers` selects those about users
    who are in no list, where a user name is meant."""
    parts = [
        Sql(
            "select e.at, e.id from unnest(%s::uuid[]) w (person) cross join lateral (select at, id from log_entry"
            f" where list_id = %s and person_id = w.person{wanted.text} order by {order} limit %s) e",
            (found.people, list_id, *wanted.parameters, limit),
        )
    ]
    if found.user_name:
        parts.append(strangers)
    if found.request:
        parts.append(
            Sql(
                # Not LIKE, which is not leakproof: row-level security would forbid its index.
                f"(select at, id from log_entry where list_id = %s and starts_with(request_id, %s){wanted.text}"
                f" order by {order} limit %s)",
                (list_id, found.request, *wanted.parameters, limit),
            )
        )
    return Sql(" union ".join(part.text for part in parts), tuple(value for part in parts for value in part.parameters))
