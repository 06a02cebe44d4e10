"""What no IdP should send: refused in SCIM words, nothing stored, and the connection goes on."""

import gzip
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from models.token import generate
from tests.factories import ERROR, USER, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster, NewList

pytestmark = pytest.mark.journey

SCIM = "application/scim+json"


@dataclass(frozen=True)
class Bad:
    """A request that must be refused; `path` follows the Base URL, None as a header leaves it out."""

    id: str
    status: int
    method: str = "POST"
    path: str = "/Users"
    body: str | bytes = json.dumps(user("eve@north.example"))
    scim_type: str | None = None
    names: str = ""
    token: str | None = "own"
    media_type: str | None = SCIM
    encoding: str | None = None
    base: str | None = None


def _with(**values: object) -> str:
    return json.dumps(user("eve@north.example") | values)


def _nested(depth: int) -> str:
    return '{"schemas":["' + USER + '"],"userName":"eve","x":' + "[" * depth + "]" * depth + "}"


BAD = [
    Bad("malformed JSON", 400, body='{"schemas":[', scim_type="invalidSyntax"),
    Bad("no body at all", 400, body="", scim_type="invalidSyntax"),
    Bad("an array for a user", 400, body="[]", scim_type="invalidSyntax"),
    Bad("bytes that are not UTF-8", 400, body=b'{"userName":"\xff\xfe"}', scim_type="invalidSyntax"),
    Bad("a number for userName", 400, body=_with(userName=7), scim_type="invalidValue", names="userName"),
    Bad("an empty userName", 400, body=_with(userName=" "), scim_type="invalidValue", names="userName"),
    Bad("a text for name", 400, body=_with(name="Eve"), scim_type="invalidValue", names="name"),
    Bad("a word for active", 400, body=_with(active="perhaps"), scim_type="invalidValue", names="active"),
    Bad("a NUL in a value", 400, body=_with(title="De\0an"), scim_type="invalidValue", names="title"),
    Bad("a NUL in a key", 400, body=_with(**{"ti\0tle": "Dean"}), scim_type="invalidValue"),
    Bad(
        "a lone surrogate", 400, body=r'{"userName":"eve","title":"\ud800"}', scim_type="invalidValue", names="title"
    ),
    Bad("nesting of 40 levels", 400, body=_nested(40)),
    Bad("nesting of 100,000 levels", 400, body=_nested(100_000)),
    Bad("nesting of 600 levels beside a password", 400, body='{"x":"password","y":' + "[" * 600 + "]" * 600 + "}"),
    Bad("userName twice", 400, body='{"userName":"eve","userName":"bob"}', names="userName"),
    Bad("2 MB", 413, body=_with(title="x" * 2_000_000)),
    Bad("a wrong media type", 415, media_type="text/xml", names="text/xml"),
    Bad("a form", 415, media_type="application/x-www-form-urlencoded"),
    Bad("a compressed body", 415, body=gzip.compress(_with().encode()), encoding="gzip", names="gzip"),
    Bad("no token", 401, token=None),
    Bad("junk for a token", 401, token="letmein"),
    Bad("a token that never was", 401, token=generate()),
    Bad("another list's token", 401, token="other"),
    Bad("a list that does not exist", 401, base="aaaaaaaaaa"),
    Bad("a list id that cannot be", 401, base="%2e%2e"),
    Bad("an unknown path", 404, method="GET", path="/Nonsense", body=""),
    Bad("an unknown path below a user", 404, method="GET", path="/Users/x/y", body=""),
    Bad("a user that does not exist", 404, method="GET", path="/Users/none", body=""),
    Bad("PATCH of all users", 405, method="PATCH"),
    Bad("DELETE of all users", 405, method="DELETE", body=""),
    Bad("POST to a user", 405, path="/Users/00000000-0000-7000-8000-000000000000"),
    Bad("an unsupported filter", 400, method="GET", path="/Users?filter=userName%20zz%201", body="",
        scim_type="invalidFilter"),
    Bad("a filter on an unknown attribute", 400, method="GET", path="/Users?filter=shoe%20eq%20%2242%22", body="",
        scim_type="invalidFilter", names="shoe"),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(muster: Muster) -> NewList:
    return muster.new_list()


@pytest.fixture(scope="module")
def other(muster: Muster) -> NewList:
    return muster.new_list()


@pytest.fixture
def line(home: NewList) -> Iterator[http.client.HTTPConnection]:
    """One connection."""
    address = urlsplit(home.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    yield connection
    connection.close()


def _send(line: http.client.HTTPConnection, bad: Bad, home: NewList, other: NewList) -> http.client.HTTPResponse:
    token = {"own": home.token, "other": other.token}.get(bad.token or "", bad.token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if bad.media_type:
        headers["Content-Type"] = bad.media_type
    if bad.encoding:
        headers["Content-Encoding"] = bad.encoding
    root = urlsplit(home.base_url).path.rsplit("/", 1)[0]
    line.request(bad.method, f"{root}/{bad.base or home.list_id}{bad.path}", bad.body or None, headers)
    return line.getresponse()


@pytest.mark.parametrize("bad", BAD, ids=[bad.id for bad in BAD])
def test_bad_input_is_refused_in_scim_words_and_stores_nothing(
    line: http.client.HTTPConnection, home: NewList, other: NewList, bad: Bad
) -> None:
    line.connect()
    socket = line.sock
    answer = _send(line, bad, home, other)
    body = json.loads(answer.read())

    assert (answer.status, body["schemas"], body["status"]) == (bad.status, [ERROR], str(bad.status)), body
    assert (answer.getheader("Content-Type") or "").startswith(SCIM)
    assert len(body["detail"]) > 10
    assert bad.names in body["detail"]
    if bad.scim_type:
        assert body["scimType"] == bad.scim_type
    with Idp(*home) as idp:
        assert idp.total() == 0
    # The same connection serves the next request.
    line.request("GET", urlsplit(home.base_url).path + "/Users", headers={"Authorization": f"Bearer {home.token}"})
    after = line.getresponse()
    assert (after.status, json.loads(after.read())["totalResults"]) == (200, 0)
    assert line.sock is socket


def test_a_missing_media_type_is_accepted(muster: Muster) -> None:
    home = muster.new_list()
    address = urlsplit(home.base_url)
    line = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    answer = _send(line, Bad("fine", 201, media_type=None), home, home)
    created = json.loads(answer.read())
    line.close()

    assert (answer.status, created["userName"]) == (201, "eve@north.example")


def test_a_refusal_leaks_nothing_of_the_inside(muster: Muster, staff: Idp) -> None:
    answers = [
        staff.request("GET", "/Users/'; drop table identity; --"),
        staff.request("GET", "/Users?filter=userName%20eq%20%22" + "x" * 3_000 + "%22"),
        staff.request("GET", "/Users?startIndex=abc&count=-5"),
    ]

    for answer in answers:
        assert answer.status_code < 500
        assert "Traceback" not in answer.text
        assert "psycopg" not in answer.text
