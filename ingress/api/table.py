"""Every operation of the API, noun by noun: a file each. The router, the document and the tests read this table."""

from ingress.api import keys, lists, organisation, people
from ingress.api.operation import Operation

OPERATIONS: list[Operation] = [
    *organisation.OPERATIONS,
    *lists.OPERATIONS,
    *people.OPERATIONS,
    *keys.OPERATIONS,
]
