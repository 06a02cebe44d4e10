"""`muster token …`."""

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from ops.commands.acting import at_list, of_list
from ops.commands.shared import Target, on_target, show, table

_SPAN = re.compile(r"(\d{1,6})([smhdwy])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}


class Span(click.ParamType[timedelta]):
    """A length of time, such as 90d."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span as a timedelta."""
        if isinstance(value, timedelta):
            return value
        matched = _SPAN.fullmatch(str(value).strip().lower())
        if matched is None or not int(matched[1]):
            self.fail(f"'{value}' is no span of time: write 12h, 90d, 6w or 1y", param, ctx)
        span = timedelta(seconds=int(matched[1]) * _SECONDS[matched[2]])
        if span > timedelta(days=36_500):
            self.fail(f"'{value}' is longer than a century", param, ctx)
        return span


@click.group("token")
def tokens() -> None:
    """Bearer tokens of a list: issue, list, revoke."""


@tokens.command()
@click.argument("wanted", metavar="LIST")
@click.option("--label", default="", help="What it is for, for example the IdP's name.")
@click.option("--expires", type=Span(), help="When it stops working by itself: 90d, 6w, 1y.")
@on_target
def issue(wanted: str, label: str, expires: timedelta | None, at: Target, as_json: bool) -> None:
    """Issue a token. It is shown this once; only a digest is kept.

    \b
    muster token issue Staff --label Okta --expires 90d
    """
    from models import token

    until = datetime.now(UTC) + expires if expires else None
    with at_list(at, wanted) as acting:
        issued = token.issue(acting.cursor, acting.list.id, label, until, acting.actor.who)
        acting.record("token.issue", issued.prefix)
    if as_json:
        return show({"token": issued.token, "prefix": issued.prefix})
    return click.echo(f"{issued.token}\nKeep it now: it is not shown again. Its name from now on: {issued.prefix}")


@tokens.command("list")
@click.argument("wanted", metavar="LIST")
@on_target
def listing(wanted: str, at: Target, as_json: bool) -> None:
    """A list's tokens, newest first, revoked ones included.

    \b
    muster token list Staff
    """
    from models import token

    with at_list(at, wanted) as acting:
        found = token.listing(acting.cursor, acting.list.id)
    if as_json:
        return show([asdict(each) for each in found])
    rows = [(t.prefix, t.label, t.created_at, t.expires_at, t.last_used_at, t.revoked_at) for t in found]
    return table(rows, "TOKEN", "LABEL", "CREATED", "EXPIRES", "LAST USED", "REVOKED")


@tokens.command()
@click.argument("prefix")
@on_target
def revoke(prefix: str, at: Target, as_json: bool) -> None:
    """Cut one token off, at once: the next request with it is 401.

    \b
    muster token revoke sct_a1b2c3d4
    """
    from models import audit, database, token
    from models.errors import Unknown

    prefix = prefix[: token.PREFIX_LENGTH]
    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = token.revoke(cursor, prefix)
        if list_id is None:
            raise Unknown(f"no token begins with '{prefix}'")
        audit.record(cursor, of_list(cursor, list_id), list_id, "token.revoke", prefix)
    if as_json:
        return show({"prefix": prefix, "list_id": list_id})
    return click.echo(f"Token {prefix} of list {list_id} is revoked.")
