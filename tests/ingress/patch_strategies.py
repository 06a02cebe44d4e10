"""PATCH operations for users and groups as hypothesis makes them: RFC-legal ones, and those that contract C adds."""

import json
from typing import Any

from hypothesis import strategies as st

from ingress.scim import intake, schema
from tests.factories import ENTERPRISE, USER

Json = dict[str, Any]
Strategy = st.SearchStrategy[Any]

GROUP = schema.GROUP_CORE
MANAGER = f"{ENTERPRISE}:manager"
MANY = ("emails", "phoneNumbers", "ims", "addresses", "roles", "entitlements")
IDS = [f"00000000-0000-7000-8000-00000000000{n}" for n in range(4)]


def some(**values: Strategy) -> Strategy:
    """An object with one or more of these members."""
    names = st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=4, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: values[name] for name in chosen}))


def spelt(names: Strategy, urn: str = USER) -> Strategy:
    """A core attribute's path: bare, in capitals, under its URN."""
    return names | names.map(str.upper) | names.map(f"{urn}:{{}}".format)


def evenly(*choices: Strategy) -> Strategy:
    """One of these, each as often as it is given: `|` would count every branch within a mapped one."""
    return st.sampled_from(choices).flatmap(lambda choice: choice)


def pair(paths: Strategy, values: Strategy) -> Strategy:
    """A path and a value for it."""
    return st.tuples(paths, values)


WORDS = st.sampled_from(["Ada", "ada", "Bo", "Çi", "x y"])
TYPES = st.sampled_from(["work", "home", "other"])
ADDRESSES = st.sampled_from(["a@x.example", "A@x.example", "b@x.example", "c@x.example"])
MISFITS = st.sampled_from([5, [], {}, ["x"], {"x": "y"}])
REFERENCES = st.sampled_from(["https://x.example/Users/1", "https://x.example/Users/2"])
NAME = some(givenName=WORDS, familyName=WORDS, middleName=WORDS, formatted=WORDS)
PARTS = some(givenName=st.none() | WORDS, familyName=WORDS | st.just(""), middleName=st.none())
ADDRESS = some(locality=WORDS, country=WORDS, type=TYPES, primary=st.booleans())


def element(values: Strategy) -> Strategy:
    """An element of a multi-valued attribute."""
    return st.fixed_dictionaries(
        {"value": values}, optional={"type": TYPES, "display": WORDS, "primary": st.booleans()}
    )


def of_elements(one: Strategy, least: int = 0, most: int = 3) -> Strategy:
    """Elements, at most one of them primary, no two with one value and type."""
    return st.lists(one, min_size=least, max_size=most).map(_sound)


def _sound(elements: list[Json]) -> list[Json]:
    found: dict[str, Json] = {}
    for one in elements:
        free = not any(other.get("primary") for other in found.values())
        kept = {name: part for name, part in one.items() if name != "primary" or free or part is False}
        if kept:
            named = {name: kept.get(name) for name in ("value", "type")} if "value" in kept else kept
            found.setdefault(json.dumps(named, sort_keys=True).lower(), kept)
    return list(found.values())


ONE_OF = {name: element(ADDRESSES if name == "emails" else WORDS) for name in MANY} | {"addresses": ADDRESS}
MANAGERS = st.fixed_dictionaries({"value": st.sampled_from(["m-1", "m-2"])}, optional={"$ref": REFERENCES})
TEXTS = st.sampled_from(["title", "displayName", "nickName", "userType", "locale", "timezone", "externalId"])
ENTERPRISES = st.sampled_from(["department", "costCenter", "employeeNumber", "division", "organization"])
DEPARTMENTS = some(department=WORDS | st.none(), costCenter=WORDS, employeeNumber=WORDS)

USERS = st.fixed_dictionaries(
    {"userName": WORDS},
    optional={
        "title": WORDS,
        "displayName": WORDS,
        "active": st.booleans(),
        "name": NAME,
        **{name: of_elements(one, 1) for name, one in ONE_OF.items()},
        ENTERPRISE: some(department=WORDS, costCenter=WORDS, manager=MANAGERS),
    },
).map(intake.user)

_OF_ANY = st.one_of(
    TYPES.map('type eq "{}"'.format),
    TYPES.map(str.upper).map('TYPE EQ "{}"'.format),
    TYPES.map('type ne "{}"'.format),
    st.sampled_from(["primary eq true", "primary eq false", "primary pr", "type pr", 'type sw "W"', 'type co "O"']),
)
_OF_VALUES = st.one_of(
    WORDS.map('display eq "{}"'.format),
    WORDS.map('display ne "{}"'.format),
    st.sampled_from(['value co "A"', 'value sw "a"', 'value ew "O"', "value pr", "display pr"]),
)
_OF_PLACES = st.sampled_from(['country sw "a"', 'locality eq "Bo"', "country pr", 'locality ne "ada"'])


def joined(terms: Strategy) -> Strategy:
    """A filter of one term, or of several with `and`, `or` and `not`."""
    two, three = st.tuples(terms, terms), st.tuples(terms, terms, terms)
    return (
        terms
        | two.map("{0[0]} and {0[1]}".format)
        | two.map("{0[0]} or {0[1]}".format)
        | terms.map("not ({})".format)
        | three.map("{0[0]} and ({0[1]} or {0[2]})".format)
    )


def _of(name: str) -> Strategy:
    """A pair for a multi-valued attribute: all of it, elements by filter, a part of them, a part of all."""
    values = ADDRESSES if name == "emails" else WORDS
    of_values = _OF_VALUES | values.map('value eq "{}"'.format) | values.map('value gt "{}"'.format)
    where = joined(evenly(_OF_ANY, _OF_PLACES if name == "addresses" else of_values))
    part = "locality" if name == "addresses" else "display"
    filtered = where.map((name + "[{}]").format)
    return st.one_of(
        pair(spelt(st.just(name)), of_elements(ONE_OF[name])),
        pair(st.just(name), ONE_OF[name] | st.none()),
        pair(filtered, some(**{part: WORDS, "type": TYPES, "primary": st.booleans()})),
        pair(filtered.map(f"{{}}.{part}".format), WORDS | st.none()),
        pair(filtered.map("{}.primary".format), st.booleans()),
        pair(st.just(f"{name}.{part}"), WORDS),
    )


PLACED = st.one_of(
    pair(spelt(TEXTS), WORDS | st.none()),
    pair(spelt(st.just("userName")), WORDS),
    pair(spelt(st.sampled_from(["name.givenName", "name.familyName", "name.middleName"])), WORDS | st.none()),
    pair(spelt(st.just("name")), NAME | PARTS | st.just({})),
    pair(spelt(st.just("active")), st.booleans() | st.sampled_from(["True", "false"])),
    pair(ENTERPRISES.map(f"{ENTERPRISE}:{{}}".format), WORDS | st.none()),
    pair(st.just(ENTERPRISE), DEPARTMENTS | st.fixed_dictionaries({"manager": MANAGERS}) | st.just({})),
    pair(st.just(MANAGER), MANAGERS | st.none()),
    pair(st.just(f"{MANAGER}.value"), st.sampled_from(["m-1", "m-2"])),
    pair(st.just(f"{MANAGER}.$ref"), REFERENCES),
    pair(st.just(USER), some(title=WORDS, name=NAME)),
    *(_of(name) for name in MANY),
)
WHOLE = some(
    title=WORDS | st.none(),
    NICKNAME=WORDS,
    name=NAME | PARTS,
    emails=of_elements(ONE_OF["emails"]),
    active=st.booleans(),
    **{"name.givenName": WORDS, f"{USER}:userType": WORDS, f"{ENTERPRISE}:division": WORDS, ENTERPRISE: DEPARTMENTS},
)
# Misspelt paths, values of a wrong type, what is read-only, and what contract C takes beyond the RFC.
ODD = st.one_of(
    pair(TEXTS | st.sampled_from(["active", "name", "name.givenName", f"{ENTERPRISE}:department", USER]), MISFITS),
    pair(st.sampled_from(["shoe", "name.nick", "emails.colour", "title.x", "emails[", "name.givenName.x", "?"]), WORDS),
    pair(st.sampled_from(["groups", "id", "meta", "password", "schemas"]), WORDS),
    pair(st.sampled_from(['title[value eq "x"]', 'emails[colour eq "x"]', 'emails[type eq "work"].colour']), WORDS),
    pair(st.sampled_from(["userName", "active", "name", "emails", ENTERPRISE, MANAGER]), st.sampled_from([None, ""])),
    pair(st.just("active"), st.sampled_from(["yes", "perhaps", 1, 0])),
    pair(st.just("emails"), ADDRESSES | st.just([{"value": "ada"}]) | st.lists(ONE_OF["emails"], max_size=3)),
    pair(st.sampled_from(MANY).map('{}[type eq "work"]'.format), st.lists(some(type=TYPES), max_size=2) | st.none()),
    pair(st.just('emails[type eq "work"]'), st.sampled_from([{}, {"display": None}, {"colour": "x"}])),
    pair(st.just("emails.primary"), st.booleans()),
    pair(st.sampled_from(["manager", "department", f"{ENTERPRISE}.department", f"{USER}.title"]), WORDS),
    pair(
        st.just(MANAGER), st.sampled_from(["m-2", [{"value": "m-2"}], {"managerId": "m-2"}, [], {"displayName": "P"}])
    ),
    pair(st.sampled_from(["urn:x:y:2.0:User:badge", f"{ENTERPRISE}:badge"]), WORDS),
)
ODD_WHOLE: Strategy = st.sampled_from(["x", None, [], {}]) | some(
    shoe=WORDS,
    id=WORDS,
    groups=st.just([{"value": "g"}]),
    password=WORDS,
    schemas=st.just([USER]),
    department=WORDS,
    name=some(nick=WORDS),
    active=st.sampled_from(["True", "yes"]),
    **{'emails[type eq "work"].value': ADDRESSES, ENTERPRISE: some(badge=WORDS)},
)


def _writes(placed: Strategy, whole: Strategy) -> Strategy:
    ops = st.sampled_from(["add", "replace"])
    with_path = st.tuples(ops, placed).map(lambda one: {"op": one[0], "path": one[1][0], "value": one[1][1]})
    without = st.tuples(ops, whole).map(lambda one: {"op": one[0], "value": one[1]})
    return evenly(with_path, with_path, with_path, without)


def _removes(placed: Strategy) -> Strategy:
    return placed.map(lambda one: {"op": "remove", "path": one[0]})


_STRANGE = evenly(
    _writes(ODD, ODD_WHOLE),
    _writes(ODD, ODD_WHOLE),
    _removes(ODD),
    PLACED.map(lambda one: {"op": "remove", "path": one[0], "value": one[1]}),
    st.sampled_from([{"op": "remove"}, {"op": "add", "path": "title"}, {"op": "move", "path": "title", "value": "x"}]),
)
USER_OPERATIONS = evenly(_writes(PLACED, WHOLE), _writes(PLACED, WHOLE), _removes(PLACED), _STRANGE)

# What Entra sends of multi-valued attributes: parts of elements that may not be there, and removes by a list.
_ENTRAS = st.sampled_from([name for name in MANY if name != "addresses"])
_BY_TYPE = st.tuples(_ENTRAS, TYPES).map('{0[0]}[type eq "{0[1]}"]'.format)
_BY_VALUE = st.tuples(_ENTRAS, ADDRESSES).map('{0[0]}[type eq "work" and value eq "{0[1]}"]'.format)
_PLACE = TYPES.map('addresses[type eq "{}"].locality'.format)
_ENTRA_PLACED = evenly(
    pair(_BY_TYPE.map("{}.value".format), ADDRESSES),
    pair(_BY_TYPE.map("{}.primary".format), st.booleans() | st.sampled_from(["True", "False"])),
    pair(evenly(_BY_TYPE, _BY_VALUE).map("{}.display".format), WORDS),
    pair(_PLACE, WORDS),
)
_LISTED = st.lists(st.fixed_dictionaries({"value": ADDRESSES}), min_size=1, max_size=2)
ENTRA_OPERATIONS = evenly(
    _writes(_ENTRA_PLACED, WHOLE),
    _writes(_ENTRA_PLACED, WHOLE),
    pair(_ENTRAS, _LISTED).map(lambda one: {"op": "Remove", "path": one[0], "value": one[1]}),
)

ID = st.sampled_from(IDS)
MEMBER = st.fixed_dictionaries({"value": ID}, optional={"type": st.just("User"), "display": WORDS})
MEMBERS = st.lists(MEMBER, max_size=3, unique_by=lambda one: one["value"])
GROUPS = st.fixed_dictionaries(
    {"displayName": WORDS},
    optional={"members": st.lists(ID.map(lambda one: {"value": one}), max_size=3, unique_by=lambda one: one["value"])},
).map(lambda body: {"schemas": [GROUP], **body})
_OF_MEMBERS = joined(ID.map('value eq "{}"'.format) | ID.map('value ne "{}"'.format)).map("members[{}]".format)
_GROUP_PLACED = st.one_of(
    pair(spelt(st.just("members"), GROUP), MEMBERS),
    pair(st.just("members"), MEMBER | st.none() | st.just([])),
    pair(spelt(st.just("displayName"), GROUP), WORDS),
    pair(spelt(st.just("externalId"), GROUP), WORDS | st.none()),
    pair(st.just(GROUP), some(displayName=WORDS, members=MEMBERS)),
)
_GROUP_ODD = st.one_of(
    pair(_OF_MEMBERS, MEMBER | MEMBERS | st.just({})),
    pair(st.sampled_from([f'members[value eq "{IDS[0]}"].value', "members.value", "members.type"]), ID),
    pair(st.sampled_from(['members[type eq "User"]', 'members[colour eq "x"]', 'displayName[value eq "x"]']), MEMBERS),
    pair(st.just("members"), ID | st.just([{"value": "nobody"}]) | st.just(5) | st.just([{"value": 5}])),
    pair(st.sampled_from(["shoe", "id", "meta", "title"]), WORDS),
    pair(st.just("displayName"), st.sampled_from([None, "", 5, [], {}])),
)
_GROUP_WHOLE = some(displayName=WORDS, members=MEMBERS, externalId=WORDS | st.none())
_GROUP_ODD_WHOLE = some(id=WORDS, displayName=WORDS, shoe=WORDS, members=MEMBERS) | st.sampled_from(["x", {}])
_GROUP_STRANGE = evenly(
    _writes(_GROUP_ODD, _GROUP_ODD_WHOLE),
    _removes(_GROUP_ODD),
    MEMBERS.map(lambda one: {"op": "remove", "path": "members", "value": one}),
)
GROUP_OPERATIONS = evenly(
    _writes(_GROUP_PLACED, _GROUP_WHOLE),
    _removes(_GROUP_PLACED),
    _removes(pair(_OF_MEMBERS, st.none())),
    _GROUP_STRANGE,
)
