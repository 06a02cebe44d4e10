"""Statements with `%b::text[]` and `%s` as PostgreSQL takes them, and parameters in its binary format of arrays."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any

import msgspec
from psycopg import DataError
from psycopg.types.json import Jsonb

Pack = Callable[[Any], bytes | None]

_PLACEHOLDER = re.compile(r"%[sb](?:::(\w+)\[\])?|%%")
_HEADER = Struct("!iiIii").pack  # dimensions, whether there are nulls, type of the elements, their number, first index
_SHORT = tuple(length.to_bytes(4, "big") for length in range(4096))
_NULL = b"\xff\xff\xff\xff"
_encode = msgspec.json.Encoder().encode
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Statement:
    """A statement to be prepared as `name` and executed with `packed` parameters of these `formats` and `types`."""

    def __init__(self, query: str, name: bytes) -> None:
        self.name = name
        self.types: list[int] = []
        self.formats: list[int] = []
        self._packers: list[Pack] = []
        self.text = _PLACEHOLDER.sub(self._number, query).encode()

    def packed(self, parameters: Sequence[Any]) -> list[bytes | None]:
        """Values as bytes."""
        return [pack(value) for pack, value in zip(self._packers, parameters, strict=True)]

    def _number(self, found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        array = _ARRAYS.get(found[1])
        oid, pack = array if array is not None else (0, _scalar)  # 0: the server tells by the statement
        self.types.append(oid)
        self.formats.append(int(array is not None))
        self._packers.append(pack)
        return f"${len(self.types)}{found[0][2:]}"


def _scalar(value: Any) -> bytes | None:
    """A value in text format. Raises DataError at a NUL, at which libpq would cut it off."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.isoformat().encode()
    if isinstance(value, Jsonb):
        return _encode(value.obj)
    if not isinstance(value, str | int | float):
        raise TypeError(f"a parameter of {type(value)} needs a cast that tells what its elements are")
    if isinstance(value, str) and "\0" in value:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return str(value).encode()


def _array(element: int, convert: Callable[[Any], bytes]) -> Pack:
    def pack(values: Sequence[Any]) -> bytes:
        parts = [_HEADER(1, 1, element, len(values), 1) if values else _HEADER(0, 0, element, 0, 0)[:12]]
        add = parts.append
        for value in values:
            if value is None:
                add(_NULL)
                continue
            data = convert(value)
            size = len(data)
            add(_SHORT[size] if size < 4096 else size.to_bytes(4, "big"))
            add(data)
        return b"".join(parts)

    return pack


@lru_cache(maxsize=8)
def _moment(value: datetime) -> bytes:
    """Microseconds since 2000; the rows of a batch share theirs."""
    return ((value - _EPOCH) // _MICROSECOND).to_bytes(8, "big", signed=True)


def _integer(size: int) -> Callable[[int], bytes]:
    return lambda value: value.to_bytes(size, "big", signed=True)


_ARRAYS: dict[str | None, tuple[int, Pack]] = {
    # by the cast's name: the array's type, and how it is packed with that of its elements (pg_type.dat)
    "text": (1009, _array(25, str.encode)),
    "uuid": (2951, _array(2950, lambda value: bytes.fromhex(value.replace("-", "")))),
    "bool": (1000, _array(16, lambda value: b"\1" if value else b"\0")),
    "int2": (1005, _array(21, _integer(2))),
    "int4": (1007, _array(23, _integer(4))),
    "int8": (1016, _array(20, _integer(8))),
    "timestamptz": (1185, _array(1184, _moment)),
    "jsonb": (3807, _array(3802, lambda value: b"\1" + value.encode())),  # the format's version, and JSON
}
