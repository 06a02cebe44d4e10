"""What an accepted write leaves, and what a refused one does: the checks after every write."""

import json
from typing import Any
from urllib.parse import quote

from tests.fuzz.client import Answer, Headers, check_page, has_password, same
from tests.fuzz.queries import escaped_query
from tests.fuzz.world import World

_NAMES = {"User": "userName", "Group": "displayName"}


def write(world: World, method: str, path: str, content: str, headers: Headers = ()) -> Answer:
    """A write, and what must hold afterwards: all of it is kept, or nothing has changed."""
    path = world.fill(path)
    before = world.ask("GET", path) if method != "POST" else None
    answer = world.ask(method, path, world.fill(content).encode("utf-8", "surrogatepass"), headers=headers)
    if answer.status < 300:
        check_answer(answer)
        check_stored(world, answer.body if answer.content else world.ask("GET", path).body)
    elif before is not None:
        after = world.ask("GET", path)
        assert same(after.body, before.body), (answer, before, after)
    return answer


def look(world: World, probe: tuple[str, str, str]) -> None:
    """Whatever is stored now, it can be looked for, sorted and shown in parts."""
    text, name, listed = probe
    for place in ("/Users", "/Groups", ""):
        for asked in ({"filter": text}, {"sortBy": name, "attributes": listed}):
            found = world.ask("GET", place, query=escaped_query({key: world.fill(one) for key, one in asked.items()}))
            if found.status == 200:
                check_page(found.body)


def check_answer(answer: Answer) -> None:
    """The headers of an accepted write say what its body does."""
    if answer.content:
        meta = answer.body["meta"]
        assert answer.headers[b"etag"].decode() == meta["version"], answer
        assert (b"location" in answer.headers) == (answer.status == 201), answer
        assert answer.headers.get(b"location", meta["location"].encode()).decode() == meta["location"], answer


def check_stored(world: World, stored: Any) -> None:
    """It is the same to whoever reads it, is found by its names, and stays as it is when it is sent back."""
    path = world.relative(stored["meta"]["location"])
    found = world.ask("GET", path)
    assert found.status == 200, (stored, found)
    assert same(found.body, stored), (stored, found.body)
    assert not has_password(stored), stored
    assert {key for key in stored if ":" in key} <= set(stored["schemas"]), stored
    _check_found(world, stored)
    _check_again(world, path, stored)


def _check_found(world: World, stored: Any) -> None:
    kind = stored["meta"]["resourceType"]
    assert _find(world, kind, "id", stored["id"]) == [stored["id"]], stored
    assert _find(world, kind, _NAMES[kind], stored[_NAMES[kind]]) == [stored["id"]], stored
    assert stored["id"] in _find(world, kind, "externalId", stored.get("externalId")), stored
    for member in stored.get("members", []):
        assert world.ask("GET", f"/Users/{member['value']}").status == 200, stored


def _find(world: World, kind: str, name: str, value: str | None) -> list[str]:
    text = f"{name} eq {json.dumps(value, ensure_ascii=False)}"
    found = world.ask("GET", f"/{kind}s", query=f"filter={quote(text)}".encode())
    assert found.status == 200, (text, found)
    return check_page(found.body)


def _check_again(world: World, path: str, stored: Any) -> None:
    version = stored["meta"]["version"].encode()
    unchanged = world.ask("GET", path, headers=[(b"if-none-match", version)])
    assert unchanged.status == 304, (stored, unchanged)
    body = json.dumps(stored).encode()
    refused = world.ask("PUT", path, body, headers=[(b"if-match", b'W/"99999"')])
    assert refused.status == 412, refused
    back = world.ask("PUT", path, body, headers=[(b"if-match", version)])
    assert back.status == 200, (stored, back)
    assert same(back.body, stored), (stored, back.body)
