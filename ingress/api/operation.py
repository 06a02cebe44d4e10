"""Operations of the API: what each takes and answers, declared once for the router, the document and the tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct

ROOT = "/api/v1"
SAFE = ("GET",)
CSV, NDJSON = "text/csv", "application/x-ndjson"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Later(Generic[T]):
    """An answer that is worked out after COMMIT, while no connection to the database is held: what is asked of a
    directory takes seconds."""

    answer: Callable[[], T]


@dataclass(frozen=True, slots=True)
class Download:
    """An answer that is a file: `head`, then what `stretch` writes at a desk, from the beginning (None) and from
    wherever it said to go on (None: that was the end). Each stretch is a transaction of its own."""

    name: str
    media_type: str
    head: str
    stretch: Callable[[Any, Any], tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `query`, `body` and `answer` are msgspec structs; an answer of None is 204, or one of `files`."""

    name: str
    method: str
    path: str  # below ROOT, with parameters in braces
    noun: str
    summary: str
    description: str
    handler: Callable[..., Any]
    status: int
    ids: Sequence[str]
    query: type[Struct] | None
    body: type[Struct] | None
    answer: Any
    sample: Any  # an answer
    given: Any  # a body
    files: Mapping[str, str]  # what the file that it answers looks like, by media type
    takes: str | None  # the media type of the file that it is sent
    problems: Sequence[str]  # the kinds that it has besides those of every operation
    tagged: bool  # the answer has an ETag
    secret: bool  # the answer is shown once
    paged: bool = field(default=False)

    @property
    def changes(self) -> bool:
        """Whether a key needs the scope to write."""
        return self.method not in SAFE

    @property
    def takes_version(self) -> bool:
        """Whether an If-Match is looked at."""
        return "version" in self.problems


def operation(
    method: str,
    path: str,
    noun: str,
    sample: Any = None,
    given: Any = None,
    status: int = 200,
    problems: Sequence[str] = (),
    tagged: bool = False,
    secret: bool = False,
) -> Callable[[Callable[..., Any]], Operation]:
    """Declare a function of (desk, ids of the path…, query, body or file) as an operation. The first line of its
    docstring is the summary. The sample of a Download is what it looks like, by media type."""

    def declare(handler: Callable[..., Any]) -> Operation:
        hints = get_type_hints(handler, include_extras=True)
        answer = hints.pop("return")
        answer = get_args(answer)[0] if get_origin(answer) is Later else answer
        query, body = hints.get("query"), hints.get("body")
        summary, _, more = cleandoc(handler.__doc__ or "").partition("\n")
        empty, files = answer is type(None), sample if answer is Download else {}
        return Operation(
            handler.__name__, method, path, noun, summary.rstrip("."), " ".join(more.split()), handler,
            204 if empty else status, tuple(part[1:-1] for part in path.split("/") if part.startswith("{")),
            query, body, None if empty or files else answer, sample, given, files,
            CSV if "file" in hints else None,
            (*problems, *(("not-found",) if "{" in path else ())), tagged, secret,
            query is not None and "cursor" in query.__struct_fields__,
        )  # fmt: skip

    return declare
