"""What can be set from outside: environment variables that begin with MUSTER_, and nothing else."""

import os
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ops.addresses import local_root

PREFIX = "MUSTER_"
# Each holds a password or a key, and may be told by a file's path instead: MUSTER_DATABASE_URL_FILE and so on.
SERVERS = ("database_url", "owner_url", "redis_url")
SECRETS = (*SERVERS, "secret_key")
KEY_BYTES = 32
Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1)]
LogLevel = Literal["debug", "info", "warning", "error"]


class WrongSetting(Exception):
    """A variable cannot be used; the text names it."""


# A msgspec struct: importing pydantic-settings would slow the start of every process.
class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Read once where a process begins (`load`), handed on as an argument from there."""

    database_url: str = ""  # has to be set
    owner_url: str | None = None  # the role that owns the tables; None: the serving role owns them
    redis_url: str = "redis://127.0.0.1:6379/0"

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str | None = None  # what IdPs call, when a proxy stands before us
    console_url: str | None = None  # what operators open; https makes their cookies secure
    serve: str = "scim,console"  # what the ingress processes answer: scim, console (with the API), api
    internal_host: str = "127.0.0.1"
    internal_port: Port | None = None  # None: 9090 for ingress, 9091 for workers

    ingress_processes: Count = 1
    worker_processes: Count = 1
    worker_threads: Count = 2

    # Seconds in which ingress, told to stop, goes on until whoever stands before it sends requests elsewhere.
    stop_delay: Annotated[int, Meta(ge=0, le=600)] = 0

    queue_limit: Count = 4096  # waiting changes; beyond it requests are shed with 503
    max_body: Annotated[int, Meta(ge=1024)] = 1_048_576  # bytes; the largest IdP body seen is a few kilobytes
    api_rate: Count = 600  # requests of an API key a minute
    token_rate: Annotated[int, Meta(ge=0)] = 0  # requests of a bearer token a minute; 0: any number
    max_group_body: Annotated[int, Meta(ge=1024)] = 16_777_216  # bytes; a group with 100,000 members is 6 MB
    trusted_proxies: str = ""  # addresses and networks whose Forwarded headers count, with commas between
    metrics_dir: str | None = None
    list_metrics: Annotated[int, Meta(ge=0, le=1000)] = 0  # for how many lists figures of their own are shown
    secret_key: str = ""  # seals credentials of directories; several with commas between: the first one seals
    graph_simulator: str | None = None  # URL of a simulated Microsoft Graph, offered beside the real ones
    watch_disks: str = ""  # folders whose free space is shown, with commas between
    log_level: LogLevel = "info"

    def public_root(self) -> str:
        """The root of every URL that is shown to an IdP, without a slash at the end."""
        return (self.public_url or local_root(self.host, self.port)).rstrip("/")

    def serves(self, part: str) -> bool:
        """Whether the ingress processes answer this part: scim, console or api. Where the console is, the API is."""
        parts = {one.strip() for one in self.serve.split(",")}
        return part in parts or (part == "api" and "console" in parts)

    def disks(self) -> tuple[str, ...]:
        """The folders whose free space is shown."""
        return tuple(filter(None, map(str.strip, self.watch_disks.split(","))))

    def secret_keys(self) -> tuple[str, ...]:
        """The keys that seal and open, the first one first."""
        return keys_in(self.secret_key)

    def migrations_url(self) -> str:
        """The database as the role that owns its tables."""
        return self.owner_url or self.database_url


def load() -> Settings:
    """The settings of this process. A variable that is set but empty counts as not set."""
    given = {name: given_as(name) for name in Settings.__struct_fields__}
    for name, value in given.items():
        try:
            if value:
                msgspec.convert({name: value}, Settings, strict=False)
        except msgspec.ValidationError as error:
            reason = str(error).partition(" - at ")[0]
            raise WrongSetting(f"{PREFIX}{name.upper()} is '{value}': {reason}") from None
    loaded = msgspec.convert({name: value for name, value in given.items() if value}, Settings, strict=False)
    networks(loaded.trusted_proxies)
    keys_in(loaded.secret_key)
    _check_serve(loaded.serve)
    return loaded


def given_as(name: str) -> str | None:
    """What the environment says of one setting, or the file that the environment names for a secret."""
    variable = PREFIX + name.upper()
    value, path = os.environ.get(variable) or None, os.environ.get(f"{variable}_FILE")
    if name not in SECRETS or not path:
        return value
    if value:
        raise WrongSetting(f"{variable} and {variable}_FILE are both set: keep one of them")
    try:
        text = Path(path).read_text().rstrip("\r\n")
        reason = "" if text else "it is empty"
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = "it is not text"
    if reason:
        raise WrongSetting(f"{variable}_FILE names {path}, which cannot be used: {reason}")
    return text


def as_given(name: str, value: str) -> dict[str, str]:
    """How a process of ours is told a secret: by the file that it was given in, so that no environment has it."""
    variable = PREFIX + name.upper()
    path = os.environ.get(f"{variable}_FILE")
    return {f"{variable}_FILE": str(Path(path).absolute())} if path and given_as(name) == value else {variable: value}


def _check_serve(text: str) -> None:
    parts = {part.strip() for part in text.split(",")}
    if not parts or parts - {"scim", "console", "api"}:
        raise WrongSetting(f"{PREFIX}SERVE is '{text}': name scim, console or api, or several with commas between")


def keys_in(text: str) -> tuple[str, ...]:
    """The keys in MUSTER_SECRET_KEY, the first one first; WrongSetting where one is none."""
    keys = tuple(filter(None, map(str.strip, text.split(","))))
    _check_keys(keys)
    return keys


def _check_keys(keys: Iterable[str]) -> None:
    for number, key in enumerate(keys, 1):
        try:
            usable = len(urlsafe_b64decode(key)) == KEY_BYTES
        except ValueError:
            usable = False
        if not usable:
            # Without the value, which may be a key with a letter missing.
            raise WrongSetting(
                f"{PREFIX}SECRET_KEY: number {number} is no key (32 bytes in URL-safe base64); `muster directory key`"
                " makes one"
            )


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The addresses and networks in MUSTER_TRUSTED_PROXIES."""
    found = []
    for one in filter(None, map(str.strip, text.split(","))):
        try:
            found.append(ip_network(one, strict=False))
        except ValueError as error:
            raise WrongSetting(f"{PREFIX}TRUSTED_PROXIES has '{one}': {error}") from None
    return tuple(found)
