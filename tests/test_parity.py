"""Console, command line and API do the same things by the same functions: one table of acts, walked from all three.

A route, a command or an operation that is in no act fails, and so does an act that one of the three lacks.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from ingress.api.table import OPERATIONS
from ingress.console.app import PARTS
from ops.cli import main

ROOT = Path(__file__).parents[1]


class Act(NamedTuple):
    """What can be done: by these pages and operations, with spaces between, and this command. `calls`: the functions
    of models that each of the three calls, one of them where they look at things page by page or all at once."""

    name: str
    console: str
    command: str
    operations: str
    calls: str


ACTS = [
    Act("see the organisation", "sync_tab.plan", "organisation show", "get_organisation", "SCIM_PLANS"),
    Act("list lists", "lists.lists", "list list", "list_lists", "master_list.all_of_organisation master_list.listing"),
    Act("make a list", "lists.new_list lists.create_list", "list create", "create_list", "master_list.create"),
    Act("see a list", "people.people", "list show", "get_list", "person_page.counts"),
    Act("list people", "people.people", "people list", "list_people", "person_page.page person.people"),
    Act("see a person", "people.person_drawer", "person show", "get_person", "person_page.find"),
    Act("add a person", "people.new_person people.add_person", "person add", "create_person", "person_edit.add"),
    Act("edit a person", "people.edit_person", "person edit", "update_person", "person_edit.edit"),
    Act("deactivate a person", "people.confirm_deactivation people.deactivate", "person deactivate", "update_person",
        "person_edit.deactivate"),
    Act("reactivate a person", "people.confirm_reactivation people.reactivate", "person reactivate", "update_person",
        "person_edit.reactivate"),
    Act("export people", "people_export.export people_export.export_file", "people export", "export_people",
        "people_export.stretch person_page.counts"),
    Act("bring a file", "imports.new_import imports.upload", "people import", "upload_import", "store.stage"),
    Act("list imports", "imports.imports", "people imports", "list_imports", "store.listing"),
    Act("see an import", "import_steps.one_import import_steps.progress", "people import", "get_import", "store.find"),
    Act("see what columns are", "import_steps.one_import", "people import", "get_import upload_import preview_import",
        "matching.guess matching.by_names"),
    Act("match and preview an import", "import_steps.preview", "people import", "preview_import", "runs.preview"),
    Act("look at an import's rows", "import_steps.one_import", "people import", "list_import_rows", "rows.page"),
    Act("run an import", "import_steps.run", "people import", "run_import", "runs.run"),
    Act("stop an import", "import_steps.stop", "people stop", "stop_import", "runs.stop"),
    Act("go on with an import", "import_steps.run", "people resume", "run_import", "runs.run"),
    Act("discard an import", "import_steps.discard", "people discard", "discard_import", "runs.discard"),
    Act("take refused rows back", "import_steps.refused", "people import", "refused_rows", "rows.refused"),
    Act("see a connection", "sync_tab.sync_tab sync_tab.first_request", "list show", "get_connection",
        "connection.details"),
    Act("connect to SCIM", "sync_tab.connect_dialog sync_tab.connect", "list connect", "connect_scim",
        "connection.connect"),
    Act("allow networks", "networks.ask_networks networks.save_networks", "list allow", "allow_networks",
        "networks.save allowed.save"),
    Act("disconnect", "sync_tab.disconnect_dialog sync_tab.disconnect", "list disconnect", "disconnect",
        "connection.disconnect"),
    Act("list tokens", "sync_tab.sync_tab", "token list", "list_tokens", "token.listing"),
    Act("issue a token", "tokens.new_token tokens.issue", "token issue", "issue_token", "token.issue"),
    Act("revoke a token", "tokens.revoke_dialog tokens.revoke", "token revoke", "revoke_token", "token.revoke"),
    Act("see mappings", "mappings.editor mappings.progress", "mapping show", "get_mappings", "mapping_editor.opened"),
    Act("check mappings", "mappings.check", "mapping preview", "check_mappings", "mapping_choice.targets"),
    Act("try mappings", "mappings.preview", "mapping preview", "preview_mappings", "mapping_preview.preview"),
    Act("save mappings", "mappings.save", "mapping save", "save_mappings", "mapping_edit.save"),
    Act("read the log", "log.log log.news log.stats log_export.as_csv log_export.as_ndjson", "log",
        "list_log", "log_page.page provisioning_log.newest"),
    Act("see an entry", "log.entry", "entry show", "get_log_entry", "log_page.find"),
    Act("retry an entry", "log.retry_entry", "entry retry", "retry_log_entry", "retry.retry retrying.retry"),
    Act("keep the log", "log.retention log.keep", "entry keep", "get_log_retention keep_log", "log_retention.keep"),
    Act("list held deactivations", "held.held", "held list", "list_held", "hold.page"),
    Act("release", "held.confirm_release held.release", "held release", "release_held", "hold.release"),
    Act("discard", "held.confirm_discard held.discard", "held discard", "discard_held", "hold.discard"),
    Act("set the guard", "held.guard_dialog held.save_guard", "guard", "get_guard save_guard",
        "guard.save guards.save"),
    Act("list directories", "directories.directories", "directory list", "list_directories get_directory",
        "connections.listing connections.everywhere"),
    Act("add a directory", "directories.new_directory directories.add_directory", "directory add", "add_directory",
        "connections.add"),
    Act("change a directory", "directories.directory directories.change_directory", "directory change",
        "change_directory", "connections.change"),
    Act("test a directory", "directories.test_directory", "directory test", "test_directory", "graph_look.test"),
    Act("remove a directory", "directories.confirm_remove directories.remove_directory", "directory remove",
        "remove_directory", "connections.remove"),
    Act("search groups", "directory_connect.groups", "directory groups", "search_groups", "graph_look.search_groups"),
    Act("see a sync", "directory_connect.choose", "sync show", "get_sync", "syncs.of_list"),
    Act("connect to a directory", "directory_connect.save", "sync connect", "save_sync", "syncs.connect"),
    Act("change a sync", "directory_connect.save", "sync change", "save_sync", "syncs.change"),
    Act("start a run", "directory_tab.start", "sync run", "start_run", "runs.start"),
    Act("stop a run", "directory_tab.stop", "sync stop", "stop_run", "runs.stop"),
    Act("list runs", "directory_runs.all_runs", "sync runs", "list_runs", "runs.listing"),
    Act("see a run", "directory_runs.one_run directory_tab.progress", "sync run", "get_run", "runs.find"),
    Act("see fields", "fields.fields fields.progress", "field list", "list_fields", "values.counts"),
    Act("add a field", "fields.new_field fields.add_field", "field add", "add_field", "schema.add"),
    Act("rename a field", "fields.ask fields.relabel", "field rename", "change_field", "schema.relabel"),
    Act("require a field", "fields.ask fields.require", "field require", "change_field", "schema.require"),
    Act("move a field", "fields.move", "field move", "change_field", "schema.move"),
    Act("try a type", "fields.change_type", "field retype", "check_field_type", "retype.check retyping.check"),
    Act("change a type", "fields.change_type", "field retype", "change_field_type", "retype.save retyping.save"),
    Act("see a field's use", "fields.ask", "field remove", "get_field", "removal.use"),
    Act("remove a field", "fields.ask fields.remove", "field remove", "remove_field", "removal.remove"),
    Act("see options", "field_options.shown", "field options", "get_field", "values.having"),
    Act("add options", "field_options.change", "field options", "add_field_options", "options.add changing.add"),
    Act("rename an option", "field_options.change", "field options", "change_field_option",
        "options.rename changing.rename"),
    Act("move an option", "field_options.change", "field options", "change_field_option",
        "options.move changing.move"),
    Act("remove an option", "field_options.ask_removal field_options.change", "field options", "remove_field_option",
        "values.having options.remove changing.remove"),
    Act("list sessions", "list_sessions.sessions", "session list", "list_sessions", "taking.listing"),
    Act("take a session", "list_sessions.new_session list_sessions.take",
        "session take", "take_session", "taking.take"),
    Act("see a session", "list_session_people.session", "session show", "get_session", "people.counts"),
    Act("list a session's people", "list_session_people.session", "session show", "list_session_people", "people.page"),
    Act("close a session", "list_sessions.ask list_sessions.perform",
        "session close", "change_session", "taking.change_state"),
    Act("reopen a session", "list_sessions.ask list_sessions.perform",
        "session reopen", "change_session", "taking.change_state"),
    Act("archive a session", "list_sessions.ask list_sessions.perform",
        "session archive", "change_session", "taking.change_state"),
    Act("delete a session", "list_sessions.ask list_sessions.perform",
        "session delete", "delete_session", "taking.delete"),
    Act("compare a session", "list_session_compare.compare", "session compare", "compare_session", "comparison.counts"),
    Act("list who differs", "list_session_compare.compare",
        "session compare", "list_compared_people", "comparison.page"),
    Act("export a session", "list_session_people.as_csv",
        "session export", "export_session", "export.stretch exporting.stretch"),
    Act("see somebody in a session", "list_session_people.person",
        "session person", "get_session_person", "people.find"),
    Act("add somebody to a session", "list_session_people.new_person list_session_people.add_person",
        "session add", "add_session_person", "people.add"),
    Act("edit somebody in a session", "list_session_people.edit",
        "session edit", "change_session_person", "people.edit"),
    Act("remove somebody from a session", "list_session_people.edit",
        "session remove", "remove_session_person", "people.remove"),
    Act("restore somebody in a session", "list_session_people.edit",
        "session restore", "restore_session_person", "people.restore"),
    Act("read the audit log", "audit.audit audit.as_csv", "audit", "list_audit", "audit_page.page"),
    Act("list API keys", "api_keys.keys", "api-key list", "list_api_keys", "api_key.listing"),
    Act("revoke an API key", "api_keys.confirm_revoke api_keys.revoke", "api-key revoke", "revoke_api_key",
        "api_key.revoke"),
]  # fmt: skip
# What one door has alone, and why.
ALONE = {
    "a browser's": "session.home session.sign_in_page session.sign_in session.sign_out session.sessions"
    " session.end_session stream.stream",
    "advice for people": "help.overview help.setup help.troubleshooting",
    "a demonstration": "sync_tab.simulate",
    "no key makes keys": "api_keys.new_key api_keys.create, api-key create",
    "the installation's": "up, ingress, workers, migrate, backlog, fill, bench, chaos, doctor, sbom, backup, restore,"
    " directory key, directory renew, operator add, operator list, operator reset, simulate entra,"
    " simulate entra-graph, simulate jumpcloud, simulate okta, simulate onelogin, simulate pingone",
}


def several(text: str) -> set[str]:
    return set(filter(None, re.split(r"[ ,]+", text)))


def alone() -> set[str]:
    """Everything that one door has alone: handlers (with a dot) and commands."""
    return {part.strip() for text in ALONE.values() for each in text.split(",") for part in
            (each.split() if "." in each else [each])}  # fmt: skip


def handlers() -> dict[str, Path]:
    """The console's handlers, and where each is."""
    routes = [route.fn for part in PARTS for route in part.ROUTES]
    return {f"{fn.__module__.rpartition('.')[2]}.{fn.__name__}": source(fn.__module__) for fn in routes}


def commands() -> dict[str, Path]:
    """The commands, and where each is."""
    return {name: source(one.callback.__module__) for name, one in _walk(main, ()) if one.callback}


def _walk(one: click.Command, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not isinstance(one, click.Group):
        yield " ".join(names), one
        return
    context = click.Context(one)
    for name in one.list_commands(context):
        found = one.get_command(context, name)
        assert found is not None
        yield from _walk(found, (*names, name))


def operations() -> dict[str, Path]:
    """The API's operations, and where each is."""
    return {one.name: source(one.handler.__module__) for one in OPERATIONS}


def source(module: str) -> Path:
    """The file of a module."""
    return Path(str(importlib.import_module(module).__file__))


@cache
def reaches(path: Path) -> str:
    """A file, and what of ours it imports that is no noun of models: helpers of its door, and rules in steps."""
    texts = [path.read_text()]
    for node in ast.walk(ast.parse(texts[0])):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("ingress", "ops", "models"):
            for name in (node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)):
                file = ROOT / f"{name.replace('.', '/')}.py"
                texts += [file.read_text()] if file.exists() and _helps(name) else []
    return "\n".join(texts)


def _helps(name: str) -> bool:
    return not name.startswith("models") or name.endswith("_edit")


@pytest.mark.parametrize("act", ACTS, ids=[act.name for act in ACTS])
def test_an_act_is_open_to_all_three_by_the_same_functions(act: Act) -> None:
    doors: list[tuple[dict[str, Path], set[str]]] = [
        (handlers(), several(act.console)),
        (commands(), {act.command}),
        (operations(), several(act.operations)),
    ]

    for known, named in doors:
        assert named, f"{act.name}: one of the three lacks it"
        assert named <= known.keys()
        for one in named:
            text = reaches(known[one])
            assert any(call in text for call in act.calls.split()), (one, act.calls)


@pytest.mark.parametrize("door", [handlers, commands, operations], ids=["console", "commands", "API"])
def test_nothing_is_in_no_act(door: Any) -> None:
    acts = [several(act.console) | {act.command} | several(act.operations) for act in ACTS]

    assert set(door()) - alone() - set().union(*acts) == set()


def test_what_stands_alone_is_there_and_in_no_act() -> None:
    known = handlers().keys() | commands().keys()
    acts = {name for act in ACTS for name in (*several(act.console), act.command)}

    assert alone() - known == set()
    assert alone() & acts == set()
