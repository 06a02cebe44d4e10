"""What has to be right before ingress or workers begin. What is wrong is one sentence and exit code 2."""

import re

from ops.addresses import PortTaken, check_free
from ops.commands.shared import REFUSED, stop
from ops.settings import PREFIX, Settings

# PostgreSQL's and PgBouncer's own words: libpq hands on no error code of a connection that was refused.
# Whatever else is wrong may pass, and is waited for: a server that starts, has no place left, or has no name yet.
_FOR_GOOD = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|not permitted to log in"
    r'|(role|database) "[^"]*" does not exist|no such (user|database)|permission denied for database'
    r"|does not support SSL|certificate verify failed"
)


def need_database(settings: Settings) -> None:
    """That a database is named."""
    if not settings.database_url:
        stop(
            REFUSED,
            f"{PREFIX}DATABASE_URL is not set: name PostgreSQL as the role that serves (docs/settings.md),"
            " or run everything on this machine with `muster up`",
        )


def need_port(host: str, port: int, host_variable: str, port_variable: str) -> None:
    """That nobody listens there. Asked for here, because two ingress would share a port without a word."""
    try:
        check_free(host, port, f"choose another address with {host_variable} and {port_variable}")
    except PortTaken as taken:
        stop(REFUSED, str(taken))


def need_bell(redis_url: str) -> None:
    """That Redis does not refuse for good. One that is away is done without: the sweep finds what was not rung."""
    import redis
    import structlog

    try:
        with redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        stop(REFUSED, f"Redis refuses {PREFIX}REDIS_URL: {error}")
    except ValueError:
        # Its text would show the URL, and the password in it.
        stop(REFUSED, f"{PREFIX}REDIS_URL is no URL of Redis's: redis://:PASSWORD@HOST:PORT/0")
    except redis.RedisError as error:
        structlog.get_logger().warning("bell_away", error=str(error))


def need_welcome(database_url: str) -> None:
    """That PostgreSQL does not refuse for good. One that is away is waited for, by whoever needs it."""
    import psycopg
    import structlog

    from models import database

    try:
        with database.connect(database_url, "muster-begin", connect_timeout=2) as connection:
            database.require_version(connection)
    except database.TooOld as old:
        stop(REFUSED, old.detail)
    except psycopg.ProgrammingError:
        # Its text would show the URL, and the password in it.
        stop(REFUSED, f"{PREFIX}DATABASE_URL is no URL of PostgreSQL's: postgresql://ROLE:PASSWORD@HOST/DATABASE")
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        if _FOR_GOOD.search(reason):
            stop(REFUSED, f"PostgreSQL refuses {PREFIX}DATABASE_URL: {reason}")
        structlog.get_logger().warning("database_away", error=reason)
