"""Pages, orders and query strings: contract rules C3 and C6, RFC 9865 §2."""

from typing import Any

import pytest

from ingress.scim import query
from ingress.scim.errors import InvalidCount, InvalidSyntax, InvalidValue


@pytest.mark.parametrize(
    ("parameters", "start_index", "count"),
    [
        ({}, 1, 100),
        ({"startindex": "3", "count": "2"}, 3, 2),
        ({"startindex": "0", "count": "-5"}, 1, 0),
        ({"startindex": "-" + "9" * 90, "count": "0"}, 1, 0),
        ({"startindex": "", "count": " "}, 1, 100),
        ({"count": "100000"}, 1, 1000),
        ({"startindex": "9" * 5000, "count": "9" * 5000}, 2**31 - 1, 1000),
    ],
)
def test_a_page_is_clamped(parameters: dict[str, str], start_index: int, count: int) -> None:
    assert query.page(parameters) == query.Page(start_index, count)


@pytest.mark.parametrize("text", ["x", "1.5", "٣", "1e3"])
def test_a_page_of_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="startIndex takes a whole number"):
        query.page({"startindex": text})


@pytest.mark.parametrize(
    ("query_string", "parameters"),
    [
        (b"", {}),
        (
            b"aadOptscim062020&filter=userName%20eq%20%22k%40x%22",
            {"aadoptscim062020": "", "filter": 'userName eq "k@x"'},
        ),
        (b"FILTER=userName+eq+%22a%2Bb%22", {"filter": 'userName eq "a+b"'}),
        (b"startIndex=1&&count=2&", {"startindex": "1", "count": "2"}),
        (b"filter=a=b", {"filter": "a=b"}),
        (b"count=1&count=2", {"count": "1"}),
        (b"x=%ff%zz\xfe", {"x": "\ufffd%zzþ"}),
    ],
)
def test_a_query_string_is_read_leniently(query_string: bytes, parameters: dict[str, Any]) -> None:
    assert query.parameters(query_string) == parameters


@pytest.mark.parametrize(("sent", "count"), [("", 100), ("7", 7), ("100000", 1000)])
def test_a_page_by_cursor_has_no_start_index(sent: str, count: int) -> None:
    assert query.page({"cursor": "abc", "count": sent, "startindex": "9"}) == query.Page(1, count, "abc")


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_a_page_by_cursor_has_at_least_one_resource(count: str) -> None:
    with pytest.raises(InvalidCount):
        query.page({"cursor": "", "count": count})


@pytest.mark.parametrize(("sent", "descending"), [("", False), ("Ascending", False), ("DESCENDING", True)])
def test_an_order_is_read_in_any_case(sent: str, descending: bool) -> None:
    assert query.descending({"sortorder": sent}) is descending


def test_an_order_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidValue, match="sortOrder takes ascending or descending"):
        query.descending({"sortorder": "upwards"})


def test_a_search_request_asks_what_a_query_string_asks() -> None:
    body = {"schemas": ["urn:…:SearchRequest"], "attributes": ["userName", "emails"], "count": 5, "sortBy": None}

    found = query.of_search(body)

    assert found == {"schemas": "urn:…:SearchRequest", "attributes": "userName,emails", "count": "5"}


@pytest.mark.parametrize("value", [True, {}, 1.5, [1]])
def test_a_search_request_of_other_types_is_refused(value: Any) -> None:
    with pytest.raises(InvalidSyntax, match="count of the search takes a whole number"):
        query.of_search({"count": value})


def test_a_search_names_attributes_in_a_list_of_text() -> None:
    with pytest.raises(InvalidSyntax, match="attributes of the search takes a list of names, and a list arrived"):
        query.of_search({"attributes": [5]})
