"""Folded stacks as a picture."""

from xml.etree import ElementTree

from ops.bench import flames

STACKS = [
    "main (ops/cli.py:3);serve (/a/site-packages/lib/core.py:9);answer (ingress/app.py:70) 6",
    "serve (/a/site-packages/lib/core.py:9);answer (ingress/app.py:71);<lambda> (ingress/app.py:80) 2",
    "serve (lib/core.py);wait (core.py) 2",
    "torn 5",
    "",
]


def test_frames_of_one_function_are_one_wherever_they_stood() -> None:
    root = flames.gathered(STACKS, "serve")

    serve = root.inner["serve (lib/core.py)"]
    assert (root.samples, serve.samples) == (10, 10)
    assert {name: one.samples for name, one in serve.inner.items()} == {
        "answer (ingress/app.py)": 8,
        "wait (core.py)": 2,
    }


def test_a_picture_tells_each_frame_and_its_share() -> None:
    drawn = flames.picture(flames.gathered(STACKS, "serve"), "Served & answered")

    told = [title.text for title in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}title")]  # noqa: S314
    assert told == [
        "Served & answered", "serve (lib/core.py), 100.0%", "answer (ingress/app.py), 80.0%",
        "<lambda> (ingress/app.py), 20.0%", "wait (core.py), 20.0%",
    ]  # fmt: skip
