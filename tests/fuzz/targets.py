"""Whatever takes bytes from outside, as a function of them: each understands or refuses, and nothing else is raised.

The corpus (`corpus/TARGET/*`, a file each) is tried at every test run, with mutations of it for a while. Where the
package atheris is installed (it is in no lock), the same targets are led by coverage, and what is found is kept there:
    python -m tests.fuzz.led filter -max_total_time=600 tests/fuzz/corpus/filter
"""

import random
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from ingress import proxy
from ingress.api import cursors as api_cursors
from ingress.auth import bearer
from ingress.proxy import Proxies
from ingress.scim import cursors, errors, intake, patch, projection, query, schema
from ingress.scim.conditions import Compiler
from models import networks
from models.errors import Refused
from models.imports import reading
from models.text import equality_key, masked

CORPUS = Path(__file__).parent / "corpus"
ODD = (b"\x00", b"\xff", b"\\u0000", b"\\ud800", b"\xe2\x80\x8b", b'"', b"[", b"%")
MOST = 4_096  # bytes of a mutation
STORED = intake.user({"userName": "ada", "emails": [{"value": "a@x", "type": "work"}], "urn:x:y": {"z": [1, "2"]}})
TRUSTING = Proxies("127.0.0.1,10.0.0.0/8,::1", "http://muster.example", fixed=False)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def body(data: bytes) -> None:
    """A user's and a group's body; what is kept would be the same if it were sent again."""
    for made in (intake.user, intake.group):
        with suppress(Refused):
            document = made(intake.load(data))
            assert made(document) == document


def patches(data: bytes) -> None:
    """A PATCH of a user; what it leaves is sound, and what was there is untouched."""
    before = repr(STORED)
    with suppress(Refused):
        patched = patch.apply(patch.parse(intake.load(data)), STORED)
        assert intake.user(patched)["userName"]
    assert repr(STORED) == before


def path(data: bytes) -> None:
    """A path of a PATCH."""
    with suppress(Refused):
        patch.target(_text(data))


def filters(data: bytes) -> None:
    """A filter; its SQL has a parameter for each place."""
    for of in (schema.USER, schema.GROUP):
        with suppress(Refused):
            found = Compiler("abcdefghij", of, lambda urn, name: True).condition(query.parse(_text(data)))
            assert found.text.count("%s") == len(found.parameters)


def parameters(data: bytes) -> None:
    """A query string, and all that it may ask for."""
    given = query.parameters(data)
    with suppress(Refused):
        query.page(given)
    with suppress(Refused):
        projection.project({"id": "1", **STORED}, given.get("attributes"), given.get("excludedattributes"))


def headers(data: bytes) -> None:
    """Headers that proxies and clients send: an address, a root, a token, a masked line."""
    told = {b"forwarded": data, b"x-forwarded-for": data, b"x-forwarded-host": data, b"x-forwarded-prefix": data}
    for chosen in (told, {b"forwarded": data}, {b"x-forwarded-for": data}):
        root = TRUSTING.root(chosen, "127.0.0.1")
        assert root.isprintable()
        assert " " not in root
        TRUSTING.client(chosen, "127.0.0.1")
        assert len(TRUSTING.request_id({b"x-request-id": data}, "127.0.0.1")) == 32
    proxy.is_host(data[:300])
    with suppress(Refused):
        bearer(data)
    masked(_text(data))


def cursor(data: bytes) -> None:
    """Cursors of SCIM and of the API."""
    with suppress(Refused):
        api_cursors.read("people", _text(data), str)
    with suppress(Refused):
        cursors.unseal(cursors.key("sct_" + "a" * 46), _text(data), b"")


def words(data: bytes) -> None:
    """Networks, keys of equality, and quotes in sentences."""
    text = _text(data)
    with suppress(Refused):
        kept = networks.parse([text])
        assert networks.parse(kept) == kept
    assert equality_key(equality_key(text)) == equality_key(text)
    errors.quote(text).encode()


def files(data: bytes) -> None:
    """A file of people."""
    with suppress(Refused), reading.sheet(BytesIO(data)) as sheet:
        for row in sheet.rows:
            assert len(row.cells) == len(sheet.columns)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "body": body, "patch": patches, "path": path, "filter": filters, "parameters": parameters, "headers": headers,
    "cursor": cursor, "words": words, "file": files,
}  # fmt: skip


def mutated(choose: random.Random, kept: list[bytes]) -> bytes:
    """One of the corpus, changed in a few places: bytes, pieces of another, repetitions."""
    data = bytearray(choose.choice(kept)[:MOST])
    for _ in range(choose.randint(1, 6)):
        at, piece = choose.randint(0, len(data)), choose.choice(kept)
        begin = choose.randint(0, len(piece))
        match choose.randint(0, 4):
            case 0:
                data[at : at + 1] = bytes([choose.randrange(256)])
            case 1:
                data[at:at] = piece[begin : begin + choose.randint(1, 40)]
            case 2:
                del data[at : at + choose.randint(1, 20)]
            case 3:
                data[at:at] = bytes(data[at : at + 8]) * choose.randint(1, 30)
            case 4:
                data[at:at] = choose.choice(
                    (b"\x00", b"\xff", b"\\u0000", b"\\ud800", b"\xe2\x80\x8b", b'"', b"[", b"%")
                )
    return bytes(data[:MOST])
