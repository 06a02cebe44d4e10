"""Directory connections of an organisation: Microsoft Graph credentials, sealed (product rule D1)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.database import Cursor
from models.errors import Refused, Taken, Unknown
from models.organisation import DIRECTORY, require
from models.text import is_line, new_id

LONGEST_NAME = 100
LONGEST_SECRET = 200  # characters; Microsoft makes them of 40
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DirectoryConnection:
    """One connection; `used_by` are the names of the lists that are synced through it."""

    id: str
    organisation_id: str
    name: str
    cloud: str
    tenant_id: str
    client_id: str
    secret: bytes  # sealed
    created_by: str
    created_at: datetime
    used_by: Sequence[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator enters; `cloud` is the name of one of Microsoft's clouds."""

    name: str
    tenant_id: str
    client_id: str
    cloud: str = "global"

    def checked(self) -> "Wanted":
        """The same, trimmed; refused where a part cannot be what it is said to be."""
        trimmed = Wanted(self.name.strip(), self.tenant_id.strip(), self.client_id.strip(), self.cloud)
        if not is_line(trimmed.name, LONGEST_NAME):
            raise Refused(f"a directory connection needs a name of 1 to {LONGEST_NAME} characters, on one line")
        if not (GUID.fullmatch(trimmed.tenant_id) or DOMAIN.fullmatch(trimmed.tenant_id)):
            raise Refused(
                f"Tenant ID '{trimmed.tenant_id[:100]}' is neither a GUID nor a domain name: copy “Directory (tenant)"
                " ID” from the app registration's overview"
            )
        if not GUID.fullmatch(trimmed.client_id):
            raise Refused(
                f"Client ID '{trimmed.client_id[:100]}' is no GUID: copy “Application (client) ID” from the app"
                " registration's overview"
            )
        return trimmed


def check_secret(secret: str) -> str:
    """A client secret, trimmed; refused where it surely is none."""
    secret = secret.strip()
    if not secret:
        raise Refused("the client secret is missing: copy the Value of the secret, which Entra shows once")
    if GUID.fullmatch(secret):
        raise Refused("this is the Secret ID, not the secret: copy the Value of the secret, which Entra shows once")
    if not is_line(secret, LONGEST_SECRET) or not secret.isascii():
        raise Refused("the client secret has characters that no secret of Entra has: copy its Value again")
    return secret


_SELECT = (
    "select d.id::text, d.organisation_id::text, d.name, d.cloud, d.tenant_id, d.client_id, d.client_secret,"
    " d.created_by, d.created_at, array(select l.name from master_list l"
    " where l.id in (select muster_directory_lists(d.id)) order by l.name) from directory_connection d"
)


def add(cursor: Cursor, organisation_id: str, plan: str, wanted: Wanted, sealed: bytes, by: str) -> str:
    """A new connection; returns its id."""
    require(plan, DIRECTORY)
    wanted = wanted.checked()
    connection_id = new_id()
    cursor.execute(
        "insert into directory_connection (id, organisation_id, name, cloud, tenant_id, client_id, client_secret,"
        " created_by) values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (organisation_id, name) do nothing",
        (
            connection_id, organisation_id, wanted.name, wanted.cloud, wanted.tenant_id, wanted.client_id, sealed, by,
        ),
    )  # fmt: skip
    if cursor.rowcount != 1:
        raise Taken(f"the organisation has a directory connection called '{wanted.name}': choose another name")
    return connection_id


def change(cursor: Cursor, organisation_id: str, connection_id: str, wanted: Wanted, sealed: bytes | None) -> None:
    """Change a connection; its secret only where a new one is given. Its tenant stays while a list uses it: another
    one has other people, and everybody of the old one would be deactivated."""
    wanted = wanted.checked()
    present = find(cursor, organisation_id, connection_id, lock=True)
    if (present.cloud, present.tenant_id.lower()) != (wanted.cloud, wanted.tenant_id.lower()) and present.used_by:
        raise Taken(
            f"{', '.join(present.used_by)} is synced from this tenant: add a connection for the other tenant, or"
            " disconnect the list first"
        )
    if any(one.name == wanted.name for one in listing(cursor, organisation_id) if one.id != connection_id):
        raise Taken(f"the organisation has a directory connection called '{wanted.name}': choose another name")
    cursor.execute(
        "update directory_connection set name = %s, cloud = %s, tenant_id = %s, client_id = %s,"
        " client_secret = coalesce(%s, client_secret) where id = %s",
        (wanted.name, wanted.cloud, wanted.tenant_id, wanted.client_id, sealed, connection_id),
    )


def find(cursor: Cursor, organisation_id: str, connection_id: str, lock: bool = False) -> DirectoryConnection:
    """One connection of an organisation; Unknown where it has none with this id."""
    cursor.execute(
        f"{_SELECT} where d.organisation_id = %s and d.id::text = %s" + (" for update of d" if lock else ""),
        (organisation_id, connection_id),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown("your organisation has no directory connection with this id (any more)")
    return DirectoryConnection(*row)


def listing(cursor: Cursor, organisation_id: str) -> list[DirectoryConnection]:
    """The connections of an organisation, by name."""
    cursor.execute(f"{_SELECT} where d.organisation_id = %s order by d.name", (organisation_id,))
    return [DirectoryConnection(*row) for row in cursor.fetchall()]


def everywhere(cursor: Cursor) -> list[DirectoryConnection]:
    """The connections of all organisations, by name: for whoever runs the installation."""
    cursor.execute(f"{_SELECT} order by d.name, d.id")
    return [DirectoryConnection(*row) for row in cursor.fetchall()]


def reseal(cursor: Cursor, renew: Callable[[bytes], bytes]) -> int:
    """Replace every sealed secret by what `renew` makes of it; returns how many they are. One that cannot be opened is
    refused by name, and with it all."""
    cursor.execute("select id, name, client_secret from directory_connection order by id for update")
    rows = cursor.fetchall()
    for connection_id, name, sealed in rows:
        try:
            again = renew(sealed)
        except Refused as refusal:
            raise Refused(f"{name}: {refusal.detail}") from None
        cursor.execute("update directory_connection set client_secret = %s where id = %s", (again, connection_id))
    return len(rows)


def remove(cursor: Cursor, organisation_id: str, connection_id: str) -> str:
    """Remove a connection that no list uses; returns its name."""
    present = find(cursor, organisation_id, connection_id, lock=True)
    if present.used_by:
        raise Taken(f"{', '.join(present.used_by)} is synced through this connection: disconnect the list first")
    cursor.execute("delete from directory_connection where id = %s", (connection_id,))
    return present.name
