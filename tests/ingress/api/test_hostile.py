"""Requests that mean harm, or nothing at all: a problem that says so, never a 500."""

from typing import Any

import pytest

from ingress.api.table import OPERATIONS
from tests.ingress.api.conftest import Caller, answered

JSON = {"Content-Type": "application/json"}


def send(caller: Caller, body: bytes, method: str = "POST", path: str = "/lists/L/people", **headers: str) -> Any:
    named = {"Authorization": f"Bearer {caller.key}", **JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return caller.client.request(method, f"/api/v1{caller.at(path)}", content=body, headers=named)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"null", 422), (b"[]", 422), (b'"x"', 422), (b"\xff\xfe", 400),
        (b"[" * 100_000, 400), (b'{"uid": ' + b"[" * 200 + b"]" * 200 + b"}", 422), (b'{"uid": "a\\u0000"}', 422),
        (b'{"uid": "\\ud800"}', 400), (b'{"uid": "\xed\xa0\x80"}', 400), (b'{"\xff": 1}', 400),
        (b'{"uid": "a", "uid": 1}', 422), (b'{"uid": 1e400}', 400), (b'{"uid": "a", "fields": {"locker": 1e308}}', 201),
        (b'{"uid": "a", "fields": {"\\u0000": "x"}}', 422), (b'{"uid": "a", "fields": {"locker": true}}', 422),
        (b'{"uid": "a", "fields": {"locker": 123456789012345678901234567890}}', 201), (b'{"uid": "  "}', 422),
        (b'{"uid": "a\\nb"}', 422), (b'{"uid": "' + b"a" * 251 + b'"}', 422), (b'{"uid": "a", "fields": null}', 422),
        (b'{"uid": "a", "fields": {"uid": "b"}}', 422),
    ],
)  # fmt: skip
def test_bodies(caller: Caller, body: bytes, status: int) -> None:
    answered(send(caller, body), status)


def test_a_body_that_is_too_large_or_no_json(caller: Caller) -> None:
    answered(send(caller, b'{"uid": "' + b"a" * 1_100_000 + b'"}'), 413)
    answered(send(caller, b"uid=a", Content_Type="application/x-www-form-urlencoded"), 415)
    answered(send(caller, b"{}", Content_Encoding="gzip"), 415)


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0", "?limit=201", "?limit=x", "?limit=1&limit=2", "?unknown=1", "?cursor=%00", "?cursor=abc",
        "?cursor=" + "a" * 3000, "?status=none", "?q=%00", "?cursor=WyJsb2ciLCIxLjIiXQ", "?limit=99999999999999999999",
        "?cursor=WyJwZW9wbGUiLFsxXV0", "?q=" + "a" * 101,
    ],
)  # fmt: skip
def test_parameters(caller: Caller, query: str) -> None:
    told = caller.get(f"/lists/L/people{query}", 400)

    assert told["errors"][0]["parameter"] in ("limit", "unknown", "cursor", "status", "q")


@pytest.mark.parametrize(
    "path",
    [
        "/lists/L/people/%00", "/lists/%00/people", "/lists/L/people/x", "/lists/' or 1=1/people", "/lists/L/log/-1",
        "/lists/L/log/99999999999999999999", "/lists/L/log/²", "/lists/L/runs/x", "/lists/L/people/%FF",
        "/directory-connections/x", "/lists/..%2f..%2fetc",
    ],
)  # fmt: skip
def test_ids_that_are_none(caller: Caller, path: str) -> None:
    caller.get(path, 404)


@pytest.mark.parametrize("tag", ["", '"', 'W/"1"', "1", '"2"', '"1', "," * 5000, '"' + "9" * 400 + '"'])
def test_versions_that_are_none(caller: Caller, tag: str) -> None:
    made = caller.post("/lists/L/people", {"uid": "E1"}, 201)

    caller.patch(f"/lists/L/people/{made['id']}", {"fields": {}}, 412, If_Match=tag)


def test_words_of_others_stay_words(caller: Caller) -> None:
    for word in ("%", "_", "\\", "'; drop table person; --", "a" * 100, "' || chr(0)", "\u202e"):
        assert caller.ask("GET", "/lists/L/people", None).status_code == 200
        found = caller.client.get(
            caller.at("/api/v1/lists/L/people"), params={"q": word}, headers={"Authorization": f"Bearer {caller.key}"}
        )
        assert (found.status_code, found.json()["items"]) == (200, [])


PATHS = sorted({one.path for one in OPERATIONS})


@pytest.mark.parametrize("path", PATHS)
def test_an_address_tells_all_its_methods_and_nothing_to_other_origins(caller: Caller, path: str) -> None:
    wanted = {"OPTIONS"} | {one.method for one in OPERATIONS if one.path == path}
    wanted |= {"HEAD"} if "GET" in wanted else set()
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    told = caller.client.options(f"/api/v1{path}", headers=asked)
    refused = caller.client.request("TRACE", f"/api/v1{path}", headers=asked)

    for answer in (told, refused):
        assert set(answer.headers["allow"].split(", ")) == wanted
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert (told.status_code, told.content) == (204, b"")
    assert answered(refused, 405)["type"].endswith("#problem-method")


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/lists/L/people", "/lists/L/people-export"])
def test_a_head_is_the_head_of_the_same_get(caller: Caller, path: str) -> None:
    head, whole = (caller.ask(method, path) for method in ("HEAD", "GET"))
    names = ("content-type", "cache-control", "content-security-policy")

    assert (head.status_code, head.content) == (200, b"")
    assert [head.headers.get(name) for name in names] == [whole.headers.get(name) for name in names]


def test_numbers_that_are_too_long_are_refused_in_a_sentence(caller: Caller) -> None:
    body = b'{"uid": "a", "fields": {"locker": ' + b"9" * 5_000 + b"}}"

    assert "Integer value out of range" in answered(send(caller, body), 400)["detail"]
