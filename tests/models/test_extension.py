"""What is remembered of extensions that no standard knows."""

from typing import Any

from models import database, extension
from models.database import Connection
from models.extension import Seen
from tests.factories import ENTERPRISE

LIST = "abcdefghij"
URN = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"


def seen(connection: Connection, *documents: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """What a list has seen after these documents, one transaction each: name, type, several values."""
    for document in documents:
        with database.transaction(connection, [LIST]) as cursor:
            extension.note(cursor, [(LIST, "user", document)])
    with database.transaction(connection, [LIST]) as cursor:
        return [(one.name, one.type, one.multi_valued) for one in extension.listing(cursor, LIST)]


def test_each_attribute_is_remembered_with_its_type_and_its_parts(connection: Connection) -> None:
    held = {"badge": 7, "pay": 1.5, "on": True, "skills": ["a"], "desks": [{"floor": 2}, {"room": "x"}]}

    assert seen(connection, {"userName": "ada", URN: held, ENTERPRISE: {"department": "x"}}) == [
        ("badge", "integer", False),
        ("desks", "complex", True),
        ("desks.floor", "integer", False),
        ("desks.room", "string", False),
        ("on", "boolean", False),
        ("pay", "decimal", False),
        ("skills", "string", True),
    ]


def test_what_comes_in_two_types_is_text(connection: Connection) -> None:
    assert seen(connection, {URN: {"badge": 7}}, {URN: {"badge": "seven"}}, {URN: {"badge": 8}}) == [
        ("badge", "string", False)
    ]


def test_a_list_remembers_so_many_attributes_and_no_more(connection: Connection) -> None:
    held = {f"a{number:04d}": number for number in range(extension.MOST_SEEN)}

    assert len(seen(connection, {URN: held}, {URN: {"late": 1}})) == extension.MOST_SEEN


def test_one_document_cannot_bring_more(connection: Connection) -> None:
    held = {f"a{number:05d}": number for number in range(2 * extension.MOST_SEEN)}

    assert len(seen(connection, {URN: held})) == extension.MOST_SEEN
    assert len(seen(connection, {URN: {"late": 1}})) == extension.MOST_SEEN


def test_a_name_that_no_index_holds_is_not_remembered(connection: Connection) -> None:
    long = "".join(map(chr, range(200, 3_200)))

    assert seen(connection, {URN: {long: 1, "badge": {long: 1}}}) == [("badge", "complex", False)]


def test_types_and_several_values_are_told_of_one_batch_and_of_several_alike(connection: Connection) -> None:
    with database.transaction(connection, [LIST]) as cursor:
        extension.note(cursor, [(LIST, "user", {URN: {"x": value}}) for value in (1, "t", 2)])

    assert seen(connection, {URN: {"x": ["t", "u"]}}, {URN: {"x": "t"}}) == [("x", "string", True)]


def test_what_is_known_locks_nothing(connection: Connection, database_url: str) -> None:
    seen(connection, {URN: {"badge": 7}})

    with (
        database.connect(database_url, options="-c lock_timeout=1000") as other,
        database.transaction(connection, [LIST]) as first,
        database.transaction(other, [LIST]) as second,
    ):
        for cursor in (first, second):
            extension.note(cursor, [(LIST, "user", {URN: {"badge": 8}})])
        assert extension.listing(second, LIST) == (Seen("user", URN, "badge", "integer", False),)
