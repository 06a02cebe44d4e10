"""What a request says, as the structs that an operation declares."""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from ingress.api.desk import Asked
from ingress.api.problems import Place, Wrong, place, pointer, wrong_parameter

S = TypeVar("S")
JSON = "application/json"
DEEPEST = 32  # levels of a body


def check_media_type(asked: Asked) -> None:
    """JSON, or the file that the operation takes, as it is."""
    wanted = asked.operation.takes or JSON
    kind = asked.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind and kind != wanted:
        raise Wrong("media-type", f"Content-Type '{kind[:100]}' is not understood: send {wanted}")
    encoding = asked.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Wrong("media-type", f"Content-Encoding '{encoding[:100]}' is not understood: send it uncompressed")


def query(asked: Asked) -> Any:
    """The parameters of the query; one that the operation does not have is refused by its name."""
    wanted = asked.operation.query
    known = {field.encode_name: field for field in msgspec.structs.fields(wanted)} if wanted else {}
    given: dict[str, str] = {}
    for name, value in asked.parameters:
        if name not in known:
            told = f"this operation has {', '.join(known)}" if known else "this operation has none"
            raise wrong_parameter(f"there is no parameter '{name[:60]}': {told}", name[:60])
        if name in given:
            raise wrong_parameter(f"parameter '{name}' is given twice: give it once", name)
        if "\x00" in value:
            raise wrong_parameter(f"parameter '{name}' has a character that cannot be stored", name)
        given[name] = value
    if wanted is None:
        return None
    try:
        return msgspec.convert(given, wanted, strict=False)
    except msgspec.ValidationError as error:
        where = place(error)
        name = (where.pointer or "").removeprefix("#/")
        raise wrong_parameter(f"parameter '{name}': {where.detail}", name) from None


def body(asked: Asked) -> Any:
    """The body, checked."""
    wanted = asked.operation.body
    if wanted is None:
        return None
    check_media_type(asked)
    try:
        document = msgspec.json.decode(asked.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Wrong("malformed", f"the body is no JSON: {str(error)[:200]}") from None
    for path in _unfit(document, ()):
        where = Place("This text has a character that cannot be stored: remove it.", pointer(*path))
        raise Wrong("invalid", "the body has a character that cannot be stored", where)
    try:
        return msgspec.convert(document, wanted)
    except msgspec.ValidationError as error:
        where = place(error)
        raise Wrong("invalid", f"the body is not as it has to be: {where.detail}", where) from None


def _unfit(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where text is that PostgreSQL does not take, or that nests deeper than anything here."""
    if len(path) > DEEPEST or (isinstance(value, str) and "\x00" in value):
        yield path
    elif isinstance(value, dict):
        for name, held in value.items():
            if "\x00" in name:
                yield path
            yield from _unfit(held, (*path, name))
    elif isinstance(value, list):
        for number, held in enumerate(value):
            yield from _unfit(held, (*path, str(number)))
