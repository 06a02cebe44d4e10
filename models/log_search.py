"""Whom a search of the log means: people by any of their words, users who are in no list, a request."""

import re
from typing import NamedTuple

from models.database import Cursor
from models.person_page import LONGEST_SEARCH, SHORTEST, contains
from models.search import TRUE, Sql, join
from models.text import UUID, equality_key, fold, literal

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
    condition = _meant(fold(shortened))
    if person_id:
        condition = join("and", [condition, Sql("id = %s", (person_id,))])
    cursor.execute(
        f"select id::text from person where list_id = %s and {condition.text} limit %s",
        (list_id, *condition.parameters, MOST_PEOPLE + 1),
    )
    people = [row[0] for row in cursor.fetchall()]
    if person_id:
        return Found(people, False)
    request = shortened.lower() if _REQUEST.fullmatch(shortened) else ""
    return Found(people[:MOST_PEOPLE], len(people) > MOST_PEOPLE, shortened.lower(), request)


def _meant(text: str) -> Sql:
    """Which people a folded search means."""
    if UUID.fullmatch(text):
        # An id that was copied from somewhere: a person's own, or their SCIM id.
        return join("or", [Sql("id = %s", (text,)), Sql("identity_id = %s", (text,))])
    words = text.split()
    if words and max(map(len, words)) < SHORTEST:
        return Sql("uid_key = %s", (equality_key(text),))
    return join("and", [TRUE, *(contains(word, "search") for word in words)])


def entries_about(list_id: str, found: Found, wanted: Sql, order: str, limit: int) -> Sql:
    """The keys of the entries that a search means and that are wanted besides."""
    parts = [
        Sql(
            "select e.at, e.id from unnest(%s::uuid[]) w (person) cross join lateral (select at, id from log_entry"
            f" where list_id = %s and person_id = w.person{wanted.text} order by {order} limit %s) e",
            (found.people, list_id, *wanted.parameters, limit),
        )
    ]
    if found.user_name:
        parts.append(
            Sql(
                "(select at, id from log_entry where list_id = %s and person_id is null"
                f" and lower(user_name) like %s{wanted.text} order by {order} limit %s)",
                (list_id, literal(found.user_name) + "%", *wanted.parameters, limit),
            )
        )
    if found.request:
        parts.append(
            Sql(
                f"(select at, id from log_entry where list_id = %s and request_id like %s{wanted.text}"
                f" order by {order} limit %s)",
                (list_id, found.request + "%", *wanted.parameters, limit),
            )
        )
    return Sql(" union ".join(part.text for part in parts), tuple(value for part in parts for value in part.parameters))
