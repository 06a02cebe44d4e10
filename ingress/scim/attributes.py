"""What can be filtered and sorted by, and where it is in the database (RFC 7643 §2.2, §4, §8.7)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from ingress.scim.schema import GROUP, SUB_PLACES, USER, Kind, Place, Schema, place
from models.search import Sql


class Compared:
    """How values of an attribute are compared. (Plain text, as in `schema.Kind`.)"""

    TEXT = "text"  # without regard to case, blanks around it and composition of letters
    KEY = "key"  # the same, where a column holds the key already
    EXACT = "exact"  # caseExact
    BINARY = "binary"  # caseExact, and in no order
    BOOLEAN = "boolean"
    TIME = "time"
    ID = "id"
    ANY = "any"  # of an extension that Muster does not know: by what the value is


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute's place in the database: an expression over the row `r`, or over each of its `values`."""

    label: str
    compared: str
    expression: Sql
    values: Sql | None = None  # "from … where …" for an attribute with several values
    lookup: str | None = None  # a statement that finds the ids of resources by one value, with an index
    array: str | None = None  # the document's array of these values
    whole: bool = False  # has sub-attributes: only its presence can be tested
    custom: tuple[str, str] | None = None  # URN and name of an attribute of an unknown extension


# caseExact as /Schemas publishes it; a test compares the two.
EXACT = frozenset({"externalId", "profileUrl", "manager.value", "manager.$ref"})


def _quoted(*keys: str) -> str:
    inner = ",".join(f'"{key}"' for key in keys)
    return f"'{{{inner}}}'"


def _plain(where: Place, name: str) -> Column:
    """A single value within the document."""
    if where.kind is Kind.BOOLEAN:
        return Column(name, Compared.BOOLEAN, Sql("(r.document ->> 'active')::boolean"))
    compared = Compared.EXACT if name in EXACT else Compared.TEXT
    return Column(name, compared, Sql(f"r.document #>> {_quoted(*where.keys)}"))


def _element(where: Place, sub: str, values: Sql) -> Column:
    """A sub-attribute of each element of a multi-valued attribute."""
    name = f"{where.name}.{sub}"
    if sub == "primary":
        return Column(name, Compared.BOOLEAN, Sql("(e.value ->> 'primary')::boolean"), values, array=where.name)
    binary = where.name == "x509Certificates" and sub == "value"
    compared = Compared.BINARY if binary else Compared.TEXT
    return Column(name, compared, Sql(f"e.value ->> '{sub}'"), values, array=where.name)


def _many(where: Place) -> dict[str, Column]:
    values = Sql(f"from jsonb_array_elements(r.document -> '{where.name}') e where true")
    columns = {sub: _element(where, sub, values) for sub in {p.last for p in SUB_PLACES[where.name].values()}}
    return {"": Column(where.name, Compared.TEXT, Sql("e.value::text"), values, whole=True), **columns}


def _of_places(of: Schema) -> dict[str, Column]:
    """Every attribute that a document of this type holds, by its name in lower case."""
    found: dict[str, Column] = {}
    for where in of.by_name.values():
        if where.kind in (Kind.TEXT, Kind.KEY_TEXT, Kind.BOOLEAN):
            found[where.name.lower()] = _plain(where, where.name)
        elif where.kind is Kind.MANY:
            found |= {f"{where.name}.{sub}".rstrip(".").lower(): column for sub, column in _many(where).items()}
        elif where.kind in (Kind.COMPLEX, Kind.MANAGER):
            found[where.name.lower()] = Column(
                where.name, Compared.EXACT, Sql(f"(r.document #> {_quoted(*where.keys)})::text"), whole=True
            )
            for inner in SUB_PLACES[where.name].values():
                name = f"{where.name}.{inner.last}"
                found[name.lower()] = _plain(inner, name)
    return found


def _common(kind: str) -> dict[str, Column]:
    schemas = Sql("from jsonb_array_elements_text(r.document -> 'schemas') e (value) where true")
    return {
        "id": Column("id", Compared.ID, Sql("r.id")),
        "externalid": Column("externalId", Compared.EXACT, Sql("r.external_id")),
        "schemas": Column("schemas", Compared.TEXT, Sql("e.value"), schemas),
        "meta.created": Column("meta.created", Compared.TIME, Sql("r.created")),
        "meta.lastmodified": Column("meta.lastModified", Compared.TIME, Sql("r.modified")),
        "meta.resourcetype": Column("meta.resourceType", Compared.EXACT, Sql(f"'{kind}'::text")),
    }


def _related(name: str, values: str, parts: Mapping[str, tuple[str, str]], lookup: str) -> dict[str, Column]:
    """Members of groups and groups of users: rows of `group_member`, found by index."""
    found = {
        f"{name}.{sub}": Column(
            f"{name}.{sub}", compared, Sql(expression), Sql(values), lookup if sub == "value" else None
        )
        for sub, (compared, expression) in parts.items()
    }
    return {**found, name: Column(name, Compared.EXACT, Sql("''::text"), Sql(values), whole=True)}


_MEMBERS = _related(
    "members",
    "from group_member m where m.list_id = r.list_id and m.group_id = r.id",
    {"value": (Compared.ID, "m.identity_id"), "type": (Compared.TEXT, "'User'::text")},
    "select group_id from group_member where list_id = %s and identity_id = %s::uuid",
)
_GROUPS = _related(
    "groups",
    "from group_member m join scim_group g on g.list_id = m.list_id and g.id = m.group_id"
    " where m.list_id = r.list_id and m.identity_id = r.id",
    {
        "value": (Compared.ID, "m.group_id"),
        "display": (Compared.TEXT, "g.display_name"),
        "type": (Compared.TEXT, "'direct'::text"),
    },
    "select identity_id from group_member where list_id = %s and group_id = %s::uuid",
)
_BY_EMAIL = "select identity_id from identity_email where list_id = %s and key = %s"


def _users() -> dict[str, Column]:
    found = {**_of_places(USER), **_common("User"), **_GROUPS}
    email = found["emails.value"]
    found["username"] = Column("userName", Compared.KEY, Sql("r.user_name_key"))
    found["emails.value"] = replace(email, lookup=_BY_EMAIL)
    return found


def _groups() -> dict[str, Column]:
    named = Column("displayName", Compared.KEY, Sql("r.display_name_key"))
    return {**_of_places(GROUP), **_common("Group"), **_MEMBERS, "displayname": named}


COLUMNS: Mapping[str, Mapping[str, Column]] = {USER.name: _users(), GROUP.name: _groups()}


@lru_cache(maxsize=4096)
def column(path: str, of: Schema) -> Column | None:
    """The column that a path means, in any of its spellings; None where it names nothing that can be filtered."""
    prefix = f"{of.core.lower()}:"
    bare = path[len(prefix) :] if path.lower().startswith(prefix) else path
    columns = COLUMNS[of.name]
    found = columns.get(bare.lower())
    if found is not None:
        return found
    where = place(path, of)
    if where is None or where.kind in (Kind.IGNORED, Kind.READ_ONLY, Kind.EXTENSION):
        return None
    if where.kind is Kind.CUSTOM:
        return _custom(where)
    return columns.get(f"{where.name}.{where.sub}".lower() if where.sub else where.name.lower())


def _custom(where: Place) -> Column:
    owner = where.owner
    assert owner is not None, where  # what stands outside of the schemas stands under a URN
    held = "muster_elements(muster_member(muster_member(r.document, %s), %s))"
    values = Sql(f"from {held} e (value) where true", (owner, where.name))
    if where.sub:
        parts = f"from {held} p (value) cross join lateral muster_elements(muster_member(p.value, %s)) e (value)"
        values = Sql(f"{parts} where true", (owner, where.name, where.sub))
    return Column(where.label, Compared.ANY, Sql("e.value"), values, custom=(owner, where.name))


def default(found: Column, of: Schema) -> Column | None:
    """What is compared where a path names all of an attribute: its `value` (RFC 7644 §3.4.2.2), if it has one."""
    if not found.whole:
        return found
    return COLUMNS[of.name].get(f"{found.label.lower()}.value")
