"""Every operation of the API, noun by noun: a file each. The router, the document and the tests read this table."""

from ingress.api import (
    connections,
    directories,
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
    syncs,
    tokens,
)
from ingress.api.operation import Operation

NOUNS = (
    organisation, lists, people, people_export, imports, import_steps, connections, tokens, mappings, held, log,
    directories, syncs, keys,
)  # fmt: skip
OPERATIONS: list[Operation] = [one for noun in NOUNS for one in noun.OPERATIONS]
