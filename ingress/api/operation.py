"""Operations of the API: what each takes and answers, declared once for the router, the document and the tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct

ROOT = "/api/v1"
SAFE = ("GET",)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Later(Generic[T]):
    """An answer that is worked out after COMMIT, while no connection to the database is held: what is asked of a
    directory takes seconds."""

    answer: Callable[[], T]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `query`, `body` and `answer` are msgspec structs; an answer of None is 204."""

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
    given: Mapping[str, Any] | None  # a body
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
    given: Mapping[str, Any] | None = None,
    status: int = 200,
    problems: Sequence[str] = (),
    tagged: bool = False,
    secret: bool = False,
) -> Callable[[Callable[..., Any]], Operation]:
    """Declare a function of (desk, ids of the path…, query, body) as an operation. The first line of its docstring is
    the summary."""

    def declare(handler: Callable[..., Any]) -> Operation:
        hints = get_type_hints(handler, include_extras=True)
        answer = hints.pop("return")
        answer = get_args(answer)[0] if get_origin(answer) is Later else answer
        query, body = hints.get("query"), hints.get("body")
        summary, _, more = cleandoc(handler.__doc__ or "").partition("\n")
        empty = answer is type(None)
        return Operation(
            handler.__name__, method, path, noun, summary.rstrip("."), " ".join(more.split()), handler,
            204 if empty else status, tuple(part[1:-1] for part in path.split("/") if part.startswith("{")),
            query, body, None if empty else answer, sample, given,
            (*problems, *(("not-found",) if "{" in path else ())), tagged, secret,
            query is not None and "cursor" in query.__struct_fields__,
        )  # fmt: skip

    return declare
