"""Whether what was answered is right, and still there when it is asked for: of a sample, because decoding every
answer would slow the generator of load."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from ops.bench.scale import Line
from ops.bench.traffic import SEEDED, Target

EVERY = 50  # answers; of each so many one is kept
LOOKED_UP = 20  # of those who were created
Answer = tuple[bytes, int, bytes]  # request, status, body
_decode = msgspec.json.decode


class Sample:
    """Every fiftieth answer of a run, kept as it came."""

    def __init__(self, every: int = EVERY) -> None:
        self.kept: list[Answer] = []
        self._every, self._count = every, 0

    def __call__(self, request: bytes, status: int, body: bytes) -> None:
        """One more answer."""
        self._count += 1
        if self._count % self._every == 0:
            self.kept.append((request, status, body))

    def wrong(self) -> list[str]:
        """A sentence for each answer that is not as it should be."""
        return [sentence for answer in self.kept if (sentence := difference(*answer)) is not None]

    def created(self) -> Iterator[tuple[str, str]]:
        """Ids and user names of those who were created."""
        for request, status, body in self.kept:
            if status == 201 and request.startswith(b"POST"):
                with suppress(msgspec.DecodeError, KeyError, TypeError):
                    answer = _decode(body)
                    yield answer["id"], answer["userName"]


def difference(request: bytes, status: int, body: bytes) -> str | None:
    """What an answer should say and does not; None where it does. Statuses other than 2xx are counted elsewhere."""
    if status not in (200, 201):
        return None
    head, _, content = request.partition(b"\r\n\r\n")
    method, target = head.decode().split(" ", 2)[:2]
    try:
        return _difference(method, target, _decode(content) if content else {}, _decode(body))
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        return f"{method} {target}: {error!r} in {body[:200]!r}"


def _difference(method: str, target: str, sent: dict[str, Any], answer: dict[str, Any]) -> str | None:
    path, _, query = target.partition("?")
    if query:
        return _of_lookup(unquote(query).split('"')[1], answer)
    if method == "POST":
        right = bool(answer["id"]) and answer["userName"] == sent["userName"]
    else:
        right = answer["id"] == path.rpartition("/")[2] and bool(answer["userName"])
    titles = [one["value"] for one in sent.get("Operations", ()) if one["path"] == "title"]
    if right and all(answer["title"] == title for title in titles):
        return None
    return f"{method} {target}: {sent} was answered {answer}"


def _of_lookup(name: str, answer: dict[str, Any]) -> str | None:
    found = [one["userName"] for one in answer.get("Resources", ())]
    # Seeded users are there; others may be created by somebody else at the same time.
    if found == [name] or (not found and not name.startswith(SEEDED)):
        return None
    return f"a look-up of {name} found {found}"


def read_back(target: Target, users: int | None, created: Iterable[tuple[str, str]]) -> list[str]:
    """A sentence for each user that is not there afterwards. `users`: how many there are to be; None: not asked."""
    line, wrong = Line(target), []
    if users is not None:
        _, page = line.send("GET", "/Users?startIndex=1&count=1")
        if page["totalResults"] != users:
            wrong.append(f"{users} users were acknowledged and {page['totalResults']} are there")
    some = list(created)
    for user_id, name in some[:: max(1, len(some) // LOOKED_UP)]:
        query = quote(f'userName eq "{name}"')
        _, page = line.send("GET", f"/Users?filter={query}")
        if [one["id"] for one in page["Resources"]] != [user_id]:
            wrong.append(f"{name} was created as {user_id} and is not found so")
    line.close()
    return wrong
