"""What every command shares: its options, the database that it means, how it prints and how it fails."""

import functools
import getpass
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

import click

from ops.addresses import local_root
from ops.state import DEFAULT_FOLDER, Folder

FAILED, REFUSED, UNREACHABLE = 1, 2, 3
Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
data_option = click.option(
    "--data", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True, envvar="MUSTER_DATA",
    help="The data folder of the running `muster up`, where the environment names no database.",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """The system that a command speaks to."""

    database_url: str
    owner_url: str
    redis_url: str
    public_root: str
    metrics_urls: tuple[str, ...] = ()
    console_root: str | None = None
    trusted_proxies: str = ""
    folders: tuple[str, ...] = ()  # whose disks matter
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    graph_simulator: str | None = None

    def scim_base_url(self, list_id: str) -> str:
        """What an IdP's administrator enters for this list."""
        return f"{self.public_root}/scim/v2/{list_id}"


def stop(code: int, sentence: str) -> NoReturn:
    """Say why on stderr and leave with an exit code."""
    click.echo(f"muster: {sentence}", err=True)
    raise SystemExit(code)


def target(data: Path) -> Target:
    """The system that the environment names, else the running `muster up` of the data folder."""
    if os.environ.get("MUSTER_DATABASE_URL") or os.environ.get("MUSTER_DATABASE_URL_FILE"):
        from ops.settings import WrongSetting, load

        try:
            settings = load()
        except WrongSetting as error:
            stop(REFUSED, str(error))
        return Target(
            settings.database_url, settings.migrations_url(), settings.redis_url, settings.public_root(),
            console_root=(settings.console_url or settings.public_root()) if settings.serves("console") else None,
            trusted_proxies=settings.trusted_proxies, folders=settings.disks(), secret_keys=settings.secret_keys(),
            graph_simulator=settings.graph_simulator,
        )  # fmt: skip
    folder = Folder(data)
    state = folder.read()
    if not folder.held() or not state.get("database_url"):
        stop(
            UNREACHABLE,
            f"no `muster up` is running on {folder.path}, and MUSTER_DATABASE_URL is not set:"
            " start it, or name its folder with --data",
        )
    root = state.get("public_url") or local_root("127.0.0.1", 8080)
    return Target(
        state["database_url"], state["owner_url"], state["redis_url"], root, tuple(state["metrics_urls"]),
        state.get("console_url") or root, folders=(str(folder.path),), secret_keys=_keys(state),
        graph_simulator=os.environ.get("MUSTER_GRAPH_SIMULATOR") or state.get("graph_simulator"),
    )  # fmt: skip


def _keys(state: dict[str, Any]) -> tuple[str, ...]:
    """The keys that the environment names, else those in the file that the running `muster up` uses."""
    from ops.settings import WrongSetting, given_as, keys_in

    try:
        text = given_as("secret_key")
        if text is None and state.get("secret_key_file"):
            text = Path(state["secret_key_file"]).read_text()
        return keys_in(text or "")
    except WrongSetting as error:
        stop(REFUSED, str(error))
    except OSError:
        return ()  # most commands need none; `doctor` says that it is gone


def on_target(function: Command) -> Command:
    """A command on a running system: --data and --json, and failures as sentences with exit codes."""

    @data_option
    @json_option
    @functools.wraps(function)
    def command(*arguments: Any, data: Path, as_json: bool, **options: Any) -> Any:
        with_sentences(function, *arguments, at=target(data), as_json=as_json, **options)

    return command  # type: ignore[return-value]


def with_sentences(function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Call; what goes wrong in a known way becomes a sentence and an exit code."""
    import psycopg

    from models.errors import Refused

    try:
        function(*arguments, **options)
    except Refused as refused:
        stop(REFUSED, refused.detail)
    except psycopg.OperationalError as error:
        stop(UNREACHABLE, f"the database does not answer: {str(error).strip()}")
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction):
        stop(FAILED, "the database has no tables of Muster's (or old ones): run `muster migrate`")
    except psycopg.Error as error:
        stop(FAILED, f"the database refused: {str(error).strip()}")


def show(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(as_text(document))


def as_text(document: Any) -> str:
    """JSON with times in RFC 3339 and ids as text."""
    return json.dumps(document, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def table(rows: Iterable[Iterable[Any]], *heads: str, widths: Sequence[int] = ()) -> None:
    """Rows in columns, for people; a part of a longer table where the widths are given."""
    cells = [[_cell(value) for value in row] for row in rows]
    lines = ([list(heads)] if heads and (cells or widths) else []) + cells
    chosen = widths or [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, chosen, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else printable(str(value))


def printable(text: str) -> str:
    """Text for a terminal: what an IdP sent may hold control sequences."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


@contextmanager
def private_file(path: str) -> Iterator[BinaryIO]:
    """A file to write that is its owner's alone to read: it names people. What is there by that name stays until all
    is written. Refused where it cannot be."""
    from models.errors import Refused

    final = os.path.realpath(path)
    special = os.path.exists(final) and not os.path.isfile(final)  # a pipe, say
    beside = final if special else f"{final}.{os.getpid()}.part"
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
        if not special:
            os.replace(beside, final)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from None
    finally:
        if not special:
            Path(beside).unlink(missing_ok=True)


def whoami() -> str:
    """Who types, for "created by"."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def find_list(cursor: Any, wanted: str) -> str:
    """The id of the list that has this id or, if only one has it, this name."""
    from models import master_list
    from models.errors import Unknown
    from models.text import equality_key

    names = master_list.names(cursor)
    if any(list_id == wanted for list_id, _ in names):
        return wanted
    found = [list_id for list_id, name in names if equality_key(name) == equality_key(wanted)]
    if len(found) > 1:
        raise Unknown(f"{len(found)} lists are called '{wanted}': name one by its id ({', '.join(found)})")
    if not found:
        raise Unknown(f"no list has the id or the name '{wanted}'")
    return found[0]
