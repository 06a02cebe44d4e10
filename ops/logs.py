"""Logs: one JSON object a line on stderr, each with a fixed event name and no secrets."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from models.text import masked

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure(level: str = "info") -> None:
    """Send our events and the libraries' messages (Dramatiq, Litestar) to stderr as JSON."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer(), _without_tokens],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_to_stderr,
        # sys.stderr may be another one by then: look it up at each call.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_SHARED],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _named,
                structlog.processors.JSONRenderer(),
                _without_tokens,
            ],
        )
    )
    # Of the libraries only what is wrong: they tell of every start and stop otherwise.
    quiet = logging.INFO if number == logging.DEBUG else logging.WARNING
    logging.basicConfig(level=max(number, quiet), handlers=[handler], force=True)


def _to_stderr(*_: Any) -> structlog.WriteLogger:
    return structlog.WriteLogger(sys.stderr)


def _named(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A library's free text becomes the message of one event, so that event names stay a closed set."""
    event["message"] = event.pop("event")
    event["event"] = "library"
    return event


def _without_tokens(_: Any, __: str, line: Any) -> Any:
    # Last line of defence: no code path logs a token, and if one ever does, only its prefix gets out.
    return masked(line)
