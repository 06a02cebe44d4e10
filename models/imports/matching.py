"""Which column fills what: guessed from its name, chosen by an operator, checked against the list's fields."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice

import msgspec

from models.errors import Refused
from models.mapping import Field
from models.text import fold

NOTHING, UID, STATUS = "", "uid", "@status"  # beside fields' keys, which have no @; `uid` is nobody else's
ISO, DAY_FIRST, MONTH_FIRST = "iso", "day", "month"
# Names for the same thing, folded and without spaces and signs. The first that a list has a field for is taken.
_NUMBER = ("number", "no", "nr", "num", "id", "code")
_EMPLOYEES = tuple(
    f"{who}{what}" for who in ("employee", "staff", "personnel", "payroll", "worker") for what in _NUMBER
)
_OTHERS = tuple(f"{who}{what}" for who in ("person", "student", "pupil", "member", "badge", "card") for what in _NUMBER)
_LOGINS = ("username", "userid", "login", "loginname", "userprincipalname", "upn", "account", "samaccountname")
_EMAILS = ("email", "primaryemail", "workemail", "emailaddress", "mail", "mailaddress", "workemailaddress")
_SAME = (
    ("firstname", "givenname", "forename", "first", "christianname"),
    ("lastname", "familyname", "surname", "last"),
    ("displayname", "name", "fullname", "commonname"),
    ("middlename", "middlenames", "middleinitial"),
    _EMAILS,
    ("personalemail", "homeemail", "privateemail"),
    ("phone", "phonenumber", "telephone", "telephonenumber", "tel", "workphone", "officephone", "businessphone"),
    ("mobile", "mobilephone", "mobilenumber", "cell", "cellphone", "handy"),
    ("jobtitle", "title", "position", "role", "jobrole"),
    ("department", "dept", "departmentname", "team"),
    _EMPLOYEES,
    ("organisation", "organization", "company", "companyname", "employer"),
    ("costcentre", "costcenter"),
    ("manager", "managername", "linemanager", "supervisor", "reportsto"),
    ("streetaddress", "street", "address", "address1", "addressline1"),
    ("city", "town", "locality"),
    ("state", "region", "county", "province"),
    ("postcode", "postalcode", "zip", "zipcode"),
    ("country", "countryorregion", "countryregion"),
    _LOGINS,
)
_STATUS = ("status", "active", "accountstatus", "employmentstatus", "accountenabled", "enabled")
_UIDS = (("uid", "uniqueid", "uniqueidentifier", "identifier", "id", "key", "externalid"), _EMPLOYEES, _OTHERS, _LOGINS)
_BY_IDENTIFIER = {
    "employeeNumber": (_UIDS[0], _EMPLOYEES), "userName": (_UIDS[0], _LOGINS), "email": (_UIDS[0], _EMAILS)
}  # fmt: skip


class Matching(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each column fills, in the file's order: `uid`, a field's key, `@status`, or "" for nothing; and how values
    are read. `dates`: how 03/04/2026 is read (`iso`: not at all); `comma`: whether decimals stand after a comma;
    `clear`: whether an empty cell clears what the person has."""

    targets: tuple[str, ...]
    dates: str = ISO
    comma: bool = False
    clear: bool = False

    def column_of(self, target: str) -> int | None:
        """The place of the column that fills it."""
        return self.targets.index(target) if target in self.targets else None


def labels(fields: Iterable[Field]) -> tuple[str, str]:
    """What an export calls whether somebody is active, and when they were changed: no field's label."""
    taken = {field.label.casefold() for field in fields}
    status = next(one for one in ("Status", "Person status", "Status of the person", "@status") if _free(one, taken))
    changed = next(one for one in ("Modified", "Modified at", "Person modified", "@modified") if _free(one, taken))
    return status, changed


def _free(label: str, taken: set[str]) -> bool:
    return label.casefold() not in taken


def guess(columns: Sequence[str], fields: Sequence[Field], identifier: str = "") -> Matching:
    """What the columns seem to be: by label or key as they are, then but for case and signs, then by other names.

    `identifier`: which attribute an identity provider takes UIDs from, "" where none does. A column that is called so
    is the UID, where no other is, rather than the field of that name.
    """
    targets = [NOTHING] * len(columns)
    status, changed = labels(fields)
    own = [field for field in fields if not field.uid]
    exact = {"UID": UID, status: STATUS, **{field.label: field.key for field in own}}
    by_key = {field.key: field.key for field in own}
    plain = {_plain(label): key for label, key in reversed(exact.items())}
    plain_keys = {_plain(key): key for key in reversed(by_key)}
    passes: list[Callable[[str], Iterable[str | None]]] = [
        lambda name: [exact.get(name)],
        lambda name: [by_key.get(name)],
        lambda name: [plain.get(_plain(name))],
        lambda name: [plain_keys.get(_plain(name))],
        lambda name: _synonyms(name, own),
        *(partial(_one_of, group, UID) for group in _BY_IDENTIFIER.get(identifier, _UIDS)),
        partial(_one_of, _STATUS, STATUS),
    ]
    for wanted in passes:
        _take(targets, columns, wanted, changed)
    if UID not in targets and identifier in _BY_IDENTIFIER:
        named = (place for place, name in enumerate(columns) if _plain(name) in _BY_IDENTIFIER[identifier][1])
        for place in islice(named, 1):
            targets[place] = UID
    return Matching(tuple(targets))


def _one_of(group: Sequence[str], target: str, name: str) -> list[str | None]:
    return [target] if _plain(name) in group else []


def _take(
    targets: list[str], columns: Sequence[str], wanted: Callable[[str], Iterable[str | None]], changed: str
) -> None:
    """Give each column that has nothing yet the first that it wants and that no other has."""
    for place, name in enumerate(columns):
        if not targets[place] and name != changed:
            targets[place] = next((one for one in wanted(name) if one and one not in targets), NOTHING)


def _synonyms(name: str, fields: Sequence[Field]) -> list[str | None]:
    plain = _plain(name)
    group = next((one for one in _SAME if plain in one), ())
    by_name = {_plain(field.label): field.key for field in reversed(fields)}
    return [by_name[one] for one in group if one in by_name]


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, fold(name)))


def check(matching: Matching, columns: Sequence[str], fields: Sequence[Field]) -> None:
    """Refused unless a column fills the UID, each fills what there is, and no two the same."""
    if len(matching.targets) != len(columns):
        raise Refused(f"the file has {len(columns)} columns, and {len(matching.targets)} are matched: match each")
    if matching.dates not in (ISO, DAY_FIRST, MONTH_FIRST):
        raise Refused(f"dates are read as '{ISO}', '{DAY_FIRST}' or '{MONTH_FIRST}', not as '{matching.dates}'")
    known = names(fields)
    seen: dict[str, str] = {}
    for column, target in zip(columns, matching.targets, strict=True):
        if target and target not in known:
            raise Refused(f"column '{column}' is matched to a field that the list does not have (any more)")
        if target and target in seen:
            raise Refused(
                f"columns '{seen[target]}' and '{column}' are both matched to {known[target]}: choose one of them"
            )
        seen[target] = column
    if UID not in seen:
        raise Refused("no column is matched to the UID, which tells people apart: choose the one that does")


def names(fields: Sequence[Field]) -> dict[str, str]:
    """What a column may fill: each target and its name."""
    return {UID: "UID", STATUS: "Status", **{field.key: field.label for field in fields if not field.uid}}


def by_names(columns: Sequence[str], fields: Sequence[Field], said: Mapping[str, str], identifier: str) -> Matching:
    """The guess, but for what is said: column by name to field by label or key, "UID", "Status", or "" for nothing."""
    guessed = guess(columns, fields, identifier)
    known = {fold(label): target for target, label in reversed(names(fields).items())}
    known |= {target: target for target in names(fields)} | {NOTHING: NOTHING, "-": NOTHING}
    places = {fold(name): place for place, name in enumerate(columns)}
    chosen: dict[int, str] = {}
    for column, target in said.items():
        if fold(column) not in places:
            raise Refused(f"the file has no column '{column}': it has {', '.join(columns)[:300]}")
        found = known.get(target, known.get(fold(target)))
        if found is None:
            raise Refused(f"the list has no field '{target}': it has {', '.join(names(fields).values())[:300]}")
        chosen[places[fold(column)]] = found
    taken = set(chosen.values()) - {NOTHING}
    return Matching(
        tuple(chosen.get(place, NOTHING if target in taken else target) for place, target in enumerate(guessed.targets))
    )
