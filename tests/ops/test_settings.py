from pathlib import Path

import pytest

from ops.settings import Settings, WrongSetting, as_given, load


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_PORT", "8443")
    monkeypatch.setenv("MUSTER_PUBLIC_URL", "https://scim.north.example/")

    settings = load()

    assert (settings.port, settings.public_root()) == (8443, "https://scim.north.example")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_OWNER_URL", "")

    assert load().owner_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("MUSTER_PORT", "eighty"), ("MUSTER_PORT", "70000"), ("MUSTER_LOG_LEVEL", "loud"), ("MUSTER_WORKER_THREADS", "0")],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(WrongSetting, match=f"{name} is '{value}'"):
        load()


@pytest.mark.parametrize(
    ("host", "root"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
    ],
)
def test_the_public_root_is_an_address_that_can_be_called(host: str, root: str) -> None:
    assert Settings(host=host).public_root() == root


def test_migrations_use_the_owner_where_one_is_named() -> None:
    assert Settings(database_url="a").migrations_url() == "a"
    assert Settings(database_url="a", owner_url="b").migrations_url() == "b"


def test_a_trusted_proxy_that_is_no_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_TRUSTED_PROXIES", "10.0.0.1, nonsense")

    with pytest.raises(WrongSetting, match="MUSTER_TRUSTED_PROXIES has 'nonsense'"):
        load()


@pytest.mark.parametrize("name", ["MUSTER_DATABASE_URL", "MUSTER_OWNER_URL", "MUSTER_REDIS_URL"])
def test_a_secret_is_read_from_the_file_that_is_named_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    mounted = tmp_path / "secret"
    mounted.write_text("postgresql://muster_app:pass word@db/muster\r\n\n")
    monkeypatch.setenv(f"{name}_FILE", str(mounted))
    monkeypatch.setenv(name, "")

    assert getattr(load(), name.removeprefix("MUSTER_").lower()) == "postgresql://muster_app:pass word@db/muster"


def test_a_secret_that_is_given_twice_is_refused_by_both_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MUSTER_REDIS_URL", "redis://:hunter2@valkey/0")
    monkeypatch.setenv("MUSTER_REDIS_URL_FILE", str(tmp_path / "secret"))

    with pytest.raises(WrongSetting, match="MUSTER_REDIS_URL and MUSTER_REDIS_URL_FILE are both set") as refused:
        load()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff\xfe", "it is not text"),
    ],
)
def test_a_secrets_file_that_cannot_be_used_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    mounted = tmp_path / "secret"
    if content is not None:
        mounted.write_bytes(content)
    monkeypatch.setenv("MUSTER_OWNER_URL_FILE", str(mounted))

    with pytest.raises(WrongSetting, match=f"MUSTER_OWNER_URL_FILE names {mounted}, which cannot be used: {reason}"):
        load()


def test_what_is_no_secret_has_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MUSTER_PORT_FILE", str(tmp_path / "nothing"))

    assert load().port == 8080


def test_a_secret_is_handed_on_as_it_was_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MUSTER_REDIS_URL", raising=False)
    file = tmp_path / "url"
    file.write_text("redis://:word@valkey\n")
    monkeypatch.setenv("MUSTER_REDIS_URL_FILE", str(file))

    assert as_given("redis_url", "redis://:word@valkey") == {"MUSTER_REDIS_URL_FILE": str(file)}
    assert as_given("redis_url", "unix:///embedded") == {"MUSTER_REDIS_URL": "unix:///embedded"}
