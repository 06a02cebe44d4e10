"""Answers that are wrong are found, and those that are right are not."""

import json
from typing import Any

import pytest

from ops.bench.checking import Sample, difference
from ops.bench.traffic import Target, create, get, lookup, patch

TARGET = Target("http://127.0.0.1:1/scim/v2/list", "token")
POST = next(create(TARGET, "ada"))
GET = next(get(TARGET, ["7"]))
PATCH = next(patch(TARGET, ["7"], "Coach"))
HIT = next(lookup(TARGET, ["seed1x0.0@bench.example"]))
MISS = next(lookup(TARGET, ["m1x0.0@bench.example"]))
ADA = {"id": "7", "userName": "ada.0@bench.example", "title": "Coach 0"}


def found(*users: dict[str, Any]) -> dict[str, Any]:
    return {"totalResults": len(users), "Resources": list(users)}


@pytest.mark.parametrize(
    ("request_", "status", "answer"),
    [
        (POST, 201, ADA),
        (POST, 503, {}),  # counted as another status
        (GET, 200, ADA),
        (PATCH, 200, ADA),
        (HIT, 200, found({"userName": "seed1x0.0@bench.example"})),
        (MISS, 200, found()),
        (MISS, 200, found({"userName": "m1x0.0@bench.example"})),
    ],
)
def test_right_answers_pass(request_: bytes, status: int, answer: dict[str, Any]) -> None:
    assert difference(request_, status, json.dumps(answer).encode()) is None


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (POST, ADA | {"userName": "bo@bench.example"}),
        (POST, ADA | {"id": ""}),
        (GET, ADA | {"id": "8"}),
        (PATCH, ADA | {"title": "Registrar"}),
        (PATCH, {"id": "7", "userName": "ada.0@bench.example"}),
        (HIT, found()),
        (HIT, found({"userName": "bo@bench.example"})),
        (MISS, found(ADA)),
    ],
)
def test_wrong_answers_are_told(request_: bytes, answer: dict[str, Any]) -> None:
    assert difference(request_, 200, json.dumps(answer).encode())


def test_an_answer_that_is_no_json_is_told() -> None:
    assert difference(POST, 201, b"<html>")


def test_a_patch_answered_without_a_body_is_no_difference() -> None:
    assert difference(PATCH, 204, b"") is None


def test_a_sample_keeps_every_so_many_and_knows_who_was_created() -> None:
    sample = Sample(every=3)
    for number in range(7):
        sample(POST, 201, json.dumps(ADA | {"id": str(number)}).encode())

    assert list(sample.created()) == [("2", "ada.0@bench.example"), ("5", "ada.0@bench.example")]
    assert sample.wrong() == []
