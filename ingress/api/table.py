"""Every operation of the API, noun by noun: a file each. The router, the document and the tests read this table."""

from ingress.api import (
    audit,
    comparisons,
    connections,
    directories,
    field_values,
    fields,
    held,
    import_steps,
    imports,
    keys,
    lists,
    log,
    mappings,
    organisation,
    people,
    people_export,
    session_people,
    sessions,
    syncs,
    tokens,
)
from ingress.api.operation import Operation

NOUNS = (
    organisation, lists, fields, field_values, people, people_export, imports, import_steps, sessions, session_people,
    comparisons, connections, tokens, mappings, held, log, directories, syncs, keys, audit,
)  # fmt: skip
OPERATIONS: list[Operation] = [one for noun in NOUNS for one in noun.OPERATIONS]
