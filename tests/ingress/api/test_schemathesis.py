"""Every operation of the document, asked with whatever fits it and whatever does not: no 5xx, and answers that are what
the document says. Half a minute; MUSTER_FUZZ_SECONDS makes it longer."""

import os
import time
from contextlib import suppress
from io import BytesIO
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from ingress.api import openapi
from ingress.api.operation import ROOT
from ingress.api.table import OPERATIONS
from models import database, person
from models.database import Connection
from models.imports import store
from models.sessions import taking
from tests.ingress.api.conftest import Caller
from tests.models.test_log_page import write

SECONDS = float(os.environ.get("MUSTER_FUZZ_SECONDS") or 30)  # for all operations together
MOST = 100_000  # examples of one
CHECKS: list[Any] = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection, missing_required_header, unsupported_method,
]  # fmt: skip
# The key is ours to send: what becomes of requests without one, other tests tell.
SCHEMA = schemathesis.openapi.from_dict(msgspec.json.decode(openapi.encoded()) | {"security": []})
load_all_checks()


@pytest.fixture
def ids(caller: Caller, connection: Connection) -> dict[str, str]:
    """Things that there are, for paths that would be unknown otherwise."""
    with database.transaction(connection, [caller.tenant.list_id]) as cursor:
        person_id = person.add(cursor, caller.tenant.list_id, "E1", {})
        write(cursor, caller.tenant.list_id, id=7)
        imported = store.stage(cursor, caller.tenant.list_id, "some.csv", "test", BytesIO(b"UID,Locker\nE1,7\nE2,\n"))
        session_id = taking.take(cursor, caller.tenant.list_id, "Spring", "test")
    return {
        "list_id": caller.tenant.list_id, "person_id": person_id, "entry_id": "7", "key": "locker",
        "session_id": session_id, "import_id": imported.id,
    }  # fmt: skip


@pytest.mark.parametrize("name", [one.name for one in OPERATIONS])
def test_whatever_is_asked_is_answered_as_the_document_says(
    name: str, caller: Caller, reader: Caller, ids: dict[str, str]
) -> None:
    declared = next(one for one in OPERATIONS if one.name == name)
    operation, end = SCHEMA[ROOT + declared.path][declared.method], time.monotonic() + SECONDS / len(OPERATIONS)
    modes = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @settings(
        max_examples=MOST,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(*modes), real=st.sampled_from((True, True, True, False)), writes=st.booleans())
    def ask(case: Any, real: bool, writes: bool) -> None:
        if time.monotonic() >= end:
            # Hypothesis lets a skip through at once; after a mere return it would make up the rest.
            raise pytest.skip.Exception("the time is over")
        if real:
            case.path_parameters = {**case.path_parameters, **{k: v for k, v in ids.items() if k in case.path}}
        check(caller if writes else reader, case)

    with suppress(pytest.skip.Exception):
        ask()


def check(caller: Caller, case: Any) -> None:
    """One request, and its answer looked at."""
    sent = case.as_transport_kwargs(base_url="http://muster.example")
    given = {**sent["headers"], "Authorization": f"Bearer {caller.key}"}
    headers = {name.encode("latin-1"): str(value).encode("utf-8", "replace") for name, value in given.items()}
    body = {"json": sent["json"]} if "json" in sent else {"content": sent.get("data") or b""}
    answer = caller.client.request(sent["method"], sent["url"], params=sent.get("params"), headers=headers, **body)
    case.validate_response(answer, checks=CHECKS)
