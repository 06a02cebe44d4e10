"""What proxies tell: whom to believe, which of a chain's words describes what the client called, and what a client
can make of each header itself."""

import time
from collections.abc import Mapping

import pytest

from ingress.http import headers_of
from ingress.proxy import Proxies
from ops.settings import WrongSetting

OURS = "http://10.9.9.9:8080"
NEAR, OUTER, CLIENT = "10.0.0.1", "10.0.0.2", "203.0.113.7"  # two proxies of ours, and somebody


def trusting(networks: str = "10.0.0.0/8, fd00::/8") -> Proxies:
    return Proxies(networks, OURS, fixed=False)


def encoded(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {
        name.lower().encode(): value.encode("latin-1") for name, value in ({"Host": "inner"} | dict(headers)).items()
    }


def root(headers: Mapping[str, str], peer: str = NEAR, proxies: Proxies | None = None) -> str:
    return (proxies or trusting()).root(encoded(headers), peer)


def client(headers: Mapping[str, str], peer: str = NEAR, proxies: Proxies | None = None) -> str:
    return (proxies or trusting()).client(encoded(headers), peer)


def x(**values: str) -> dict[str, str]:
    """X-Forwarded headers."""
    return {f"X-Forwarded-{name}": value for name, value in values.items()}


# --- whom to believe ---

EVERYTHING = {"Forwarded": f"for={CLIENT};host=evil.example;proto=https"} | x(
    For=CLIENT, Host="evil.example", Proto="https", Port="444", Prefix="/evil"
)


@pytest.mark.parametrize(
    ("trusted", "peer"),
    [("", "127.0.0.1"), ("10.0.0.0/8", CLIENT), ("10.0.0.0/8", "fd00::1"), ("10.0.0.0/8", ""), ("10.0.0.0/8", "here"),
     ("::/0", "10.0.0.1"), ("0.0.0.0/0", "fd00::1")],
)  # fmt: skip
def test_a_peer_that_is_not_trusted_is_not_believed(trusted: str, peer: str) -> None:
    proxies = trusting(trusted)

    assert root(EVERYTHING, peer, proxies) == OURS
    assert client(EVERYTHING, peer, proxies) == peer


@pytest.mark.parametrize(
    ("trusted", "peer"),
    [("10.0.0.1", "10.0.0.1"), ("10.1.2.3/8", "10.200.0.1"), (" 192.0.2.1 ,, 10.0.0.1 ", "10.0.0.1"),
     ("10.0.0.1", "::ffff:10.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("::ffff:10.0.0.0/104", "::ffff:10.9.0.1"),
     ("2001:db8::/32", "2001:db8:1::7"), ("2001:DB8::7", "2001:db8:0::7"), ("fe80::/10", "fe80::1%eth0"),
     ("0.0.0.0/0", "127.0.0.1"), ("::/0", "::1")],
)  # fmt: skip
def test_a_trusted_address_is_one_however_it_is_written(trusted: str, peer: str) -> None:
    proxies = trusting(trusted)

    assert root(x(Proto="https", Host="public.example"), peer, proxies) == "https://public.example"
    assert client(x(For=CLIENT), peer, proxies) == CLIENT


@pytest.mark.parametrize("wrong", ["nonsense", "10.0.0.1/33", "10.0.0", "*", "10.0.0.1 10.0.0.2", "proxy.example"])
def test_what_is_no_address_and_no_network_is_refused_by_the_settings_name(wrong: str) -> None:
    with pytest.raises(WrongSetting) as refused:
        trusting(f"10.0.0.1, {wrong}")

    assert str(refused.value).startswith(f"MUSTER_TRUSTED_PROXIES has '{wrong}': ")


def test_an_operators_public_url_is_not_changed_by_any_header() -> None:
    fixed = Proxies("10.0.0.0/8", "https://scim.north.example/tenant", fixed=True)

    assert root(EVERYTHING, NEAR, fixed) == "https://scim.north.example/tenant"
    assert client({"Forwarded": f"for={CLIENT}"}, NEAR, fixed) == CLIENT


def test_a_trusted_proxy_that_tells_nothing_passes_the_host_on() -> None:
    assert root({"Host": "scim.example:8443"}) == "http://scim.example:8443"
    assert client({}) == NEAR


# --- Forwarded (RFC 7239) ---


@pytest.mark.parametrize(
    ("forwarded", "called"),
    [
        ("proto=https;host=public.example", "https://public.example"),
        ("Proto=HTTPS; HOST=public.example", "https://public.example"),
        ('for="_x";proto="https";host="public.example:8443";by=_y', "https://public.example:8443"),
        ('host="[2001:db8::7]:8443";proto=https', "https://[2001:db8::7]:8443"),
        ("host=public.example:8443", "http://public.example:8443"),
        ('secret="a,b;host=evil.example";proto=https;host=public.example', "https://public.example"),
        (";; proto=https ;host=public.example;", "https://public.example"),
        ("proto=https;host=public.example, ,", "https://public.example"),
        ("proto=https", "https://inner"),
        ('proto=https;host=""', "https://inner"),
        ("", "http://inner"),
    ],
)
def test_forwarded_tells_what_the_client_called(forwarded: str, called: str) -> None:
    assert root({"Forwarded": forwarded}) == called


@pytest.mark.parametrize(
    ("node", "address"),
    [
        (CLIENT, CLIENT),
        (f'"{CLIENT}:4711"', CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        (f'"{CLIENT}:_port"', CLIENT),
        ('"[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ('"[2001:DB8:cafe:0::17]"', "2001:db8:cafe::17"),
        ("[2001:db8:cafe::17]", "2001:db8:cafe::17"),
        (f'"[::ffff:{CLIENT}]"', CLIENT),
        ("_hidden", NEAR),
        ('"_SEVKISEK:_port"', NEAR),
        ("unknown", NEAR),
        ('"unknown:80"', NEAR),
        ("203.0.113.999", NEAR),
        ('"[203.0.113.7"', NEAR),
        ("1" * 60_000, NEAR),
        ('""', NEAR),
    ],
)
def test_a_client_is_known_by_its_address_and_else_by_the_proxy(node: str, address: str) -> None:
    assert client({"Forwarded": f"FOR={node};proto=https"}) == address


def test_of_a_chain_of_trusted_proxies_the_outermost_ones_words_count() -> None:
    outer = f'for="{CLIENT}";proto=https;host=public.example'
    inner = f"for={OUTER};proto=http;host=inner.example:8080"

    assert root({"Forwarded": f"{outer}, {inner}"}) == "https://public.example"
    assert client({"Forwarded": f"{outer}, {inner}"}) == CLIENT


def test_what_the_outermost_proxy_leaves_out_the_next_one_tells() -> None:
    assert root({"Forwarded": f"for={CLIENT}, for={OUTER};proto=https;host=next.example"}) == "https://next.example"
    assert root({"Forwarded": f"for={CLIENT};proto=https, for={OUTER};host=next.example"}) == "https://next.example"
    assert client({"Forwarded": f"proto=https;host=public.example, for={OUTER}"}) == OUTER


def test_what_a_client_put_before_the_outermost_proxys_words_does_not_count() -> None:
    forged = f"for=192.0.2.66;proto=http;host=evil.example, for={OUTER};host=evil.example"
    headers = {"Forwarded": f"{forged}, for={CLIENT};proto=https;host=public.example"}

    assert root(headers) == "https://public.example"
    assert client(headers) == CLIENT


def test_somebody_hidden_ends_the_chain() -> None:
    headers = {"Forwarded": "for=192.0.2.66;host=evil.example, for=_hidden;proto=https;host=public.example"}

    assert root(headers) == "https://public.example"
    assert client(headers) == NEAR


@pytest.mark.parametrize(
    "made_up",
    [
        'for="',
        'for="x',
        'for="x\\',
        '"',
        "for",
        "=",
        ";;;=",
        'host="evil.example',
        "for=a b",
        "host=evil\\",
        "\x00",
        "é=é",
    ],
)
def test_what_a_client_made_up_bends_nothing_that_was_added_behind_it(made_up: str) -> None:
    for added in (
        f"for={CLIENT};proto=https;host=public.example",
        f'for="{CLIENT}:80";proto="https";host="public.example"',
    ):
        headers = {"Forwarded": f"{made_up}, {added}"}
        assert root(headers) == "https://public.example"
        assert client(headers) == CLIENT


def test_a_word_that_cannot_be_read_is_not_believed() -> None:
    for broken in ('host="public.example', "host=a;host b", 'host=public.example"', "host=a\\b"):
        assert root({"Forwarded": broken}) == "http://inner"
        assert client({"Forwarded": f"for={CLIENT};{broken}"}) == NEAR


def test_a_client_within_the_trusted_networks_is_known_too() -> None:
    assert client({"Forwarded": f"for=10.7.7.7, for={OUTER}"}) == "10.7.7.7"
    assert client(x(For=f"10.7.7.7, {OUTER}")) == "10.7.7.7"


# --- X-Forwarded ---


@pytest.mark.parametrize(
    ("headers", "called"),
    [
        (x(Proto="https", Host="public.example"), "https://public.example"),
        (x(Proto="HTTPS"), "https://inner"),
        (x(Host="public.example:8443"), "http://public.example:8443"),
        (x(Proto="https", Host="public.example", Port="8443"), "https://public.example:8443"),
        (x(Proto="https", Host="public.example:8443", Port="9"), "https://public.example:8443"),
        (x(Proto="https", Host="public.example", Port="443"), "https://public.example"),
        (x(Proto="https", Host="public.example", Port="80"), "https://public.example"),
        (x(Proto="https", Host="[2001:db8::7]", Port="8443"), "https://[2001:db8::7]:8443"),
        (x(Proto="https", Port="8443"), "https://inner:8443"),
        ({"Host": "public.example:8080"} | x(Port="8443"), "http://public.example:8080"),
        (x(Proto="https", Host="public.example", Prefix="/tenant/"), "https://public.example/tenant"),
        (x(Prefix="/a/b-c.d_e~1"), "http://inner/a/b-c.d_e~1"),
        (x(Prefix="/"), "http://inner"),
        ({"Forwarded": "host=public.example;proto=https"} | x(Prefix="/tenant"), "https://public.example/tenant"),
    ],
)
def test_the_headers_in_common_use_tell_what_the_client_called(headers: dict[str, str], called: str) -> None:
    assert root(headers) == called


@pytest.mark.parametrize("node", [CLIENT, f"{CLIENT}:4711", f"::ffff:{CLIENT}", f" {CLIENT} ,"])
def test_x_forwarded_for_names_the_client(node: str) -> None:
    assert client(x(For=node)) == CLIENT


def test_x_forwarded_for_may_name_ipv6_with_or_without_a_port() -> None:
    assert client(x(For="2001:db8::7")) == client(x(For="[2001:db8::7]:4711")) == "2001:db8::7"


def test_in_lists_that_every_proxy_adds_to_the_outermost_trusted_ones_values_count() -> None:
    chain = x(
        For=f"192.0.2.66, {CLIENT}, {OUTER}",
        Proto="gopher, https, http",
        Host="evil.example, public.example, inner.example",
        Port="1, 8443, 8080",
    )

    assert root(chain) == "https://public.example:8443"
    assert client(chain) == CLIENT


def test_a_value_that_one_proxy_set_for_the_chain_counts() -> None:
    assert root(x(For=f"{CLIENT}, {OUTER}", Proto="https", Host="public.example")) == "https://public.example"


def test_what_a_client_put_before_the_only_proxys_values_does_not_count() -> None:
    forged = x(
        For=f"{OUTER}, {CLIENT}", Proto="http, https", Host="evil.example, public.example", Prefix="/evil, /tenant"
    )

    assert root(forged) == "https://public.example/tenant"
    assert client(forged) == CLIENT


def test_each_proxy_of_a_chain_took_its_own_prefix_off() -> None:
    assert root(x(For=f"{CLIENT}, {OUTER}", Prefix="/evil, /tenant/, /muster")) == "http://inner/tenant/muster"


@pytest.mark.parametrize("node", ["unknown", "_hidden", "nonsense", "203.0.113.7\r\nX: y", "<script>", "-" * 60_000])
def test_a_client_that_is_no_address_is_not_passed_on(node: str) -> None:
    assert client(x(For=node)) == NEAR
    assert client(x(For=f"192.0.2.66, {node}")) == NEAR


def test_headers_of_the_kind_that_the_proxy_does_not_write_cannot_contradict_it() -> None:
    written = x(For=CLIENT, Proto="https", Host="public.example")
    forged = {"Forwarded": "for=192.0.2.66;proto=http;host=evil.example"}
    truthful = {"Forwarded": f'for="{CLIENT}:4711";proto=HTTPS;host=Public.example'}

    # Nor may it have the proxy's own address, which a list's allowed networks may hold: whose it is is not known.
    assert (root(written | forged), client(written | forged)) == (OURS, "")
    assert client(written | {"Forwarded": "for=unknown"}) == client({"Forwarded": f"for={CLIENT}"} | x(For=NEAR)) == ""
    assert (root(written | truthful).lower(), client(written | truthful)) == ("https://public.example", CLIENT)
    assert root(x(Host="public.example") | {"Forwarded": "proto=https"}) == "https://public.example"


# --- what a client can make of a host, a scheme, a prefix ---

HOSTILE = [
    "evil.example\r\nX-Injected: 1", "evil\n.example", "evil example", " ", "\t", "user@evil.example",
    "user:pw@evil.example", "evil.example/path", "evil.example?query", "evil.example#fragment", "//evil.example",
    "\\evil.example", "http://evil.example", "evil.example:0", "evil.example:65536", "evil.example:99999",
    "evil.example:123456", "evil.example:-1", "evil.example:", "evil.example:80:80", "evil.example:８０", ":80", ".",
    "..", "-", ".evil.example", "evil..example", "a" * 256, "a." * 200, "[::1", "::1]", "[]", "[:::::]", "[10.0.0.1]",
    "[::1]x", "[fe80::1%25eth0]", "évil.example", "<script>", "'", '"', "\x00", "%65vil", "a,b c",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTILE)
def test_what_cannot_be_a_host_falls_back_to_the_configured_root(host: str) -> None:
    text = host.encode().decode("latin-1")
    for headers in ({"Host": text}, x(Host=text or "-") | {"Host": text}):
        assert root(headers) == OURS


@pytest.mark.parametrize("host", [host for host in HOSTILE if '"' not in host and "\\" not in host and "," not in host])
def test_what_cannot_be_a_host_is_none_in_quotes_either(host: str) -> None:
    assert root({"Forwarded": f'host="{host.encode().decode("latin-1")}"'}) == OURS


@pytest.mark.parametrize(
    "host", ["a", "A-1.example.", "xn--bcher-kva.example", "203.0.113.7:1", "[::1]:65535", "a" * 63]
)
def test_what_can_be_a_host_is_taken(host: str) -> None:
    assert root({"Host": host}) == f"http://{host}"


@pytest.mark.parametrize("port", ["0", "65536", "99999999", "-1", "8443/path", "http", "8443@evil.example", "²"])
def test_an_absurd_port_falls_back_to_the_configured_root(port: str) -> None:
    assert root(x(Host="public.example", Port=port)) == OURS


@pytest.mark.parametrize("proto", ["javascript", "ftp", "https://evil.example/?", "https:", "wss", "h\r\nttps", "\x00"])
def test_another_scheme_falls_back_to_the_configured_root(proto: str) -> None:
    assert root(x(Proto=proto, Host="public.example")) == OURS
    assert root({"Forwarded": f'proto="{proto}";host=public.example'}) == OURS


@pytest.mark.parametrize(
    "prefix",
    ["tenant", "//evil.example", "/../x", "/a/..", "/.", "/a/./b", "/a b", "/a\r\nX: y", "/a?b", "/a#b", "/a%2e",
     "/a\\b", "/@evil.example", "/a//b", "/é", "/" + "a" * 255, "/a" * 30_000],
)  # fmt: skip
def test_what_cannot_be_a_prefix_is_left_out(prefix: str) -> None:
    assert root(x(Host="public.example", Prefix=prefix)) == "http://public.example"


@pytest.mark.parametrize("noise", [",", '"', ";", "a=,", 'a="', "for=10.0.0.3,", "for=10.0.0.3;", "\\", " ", "[", "a;"])
def test_headers_as_long_as_they_may_be_take_no_time(noise: str) -> None:
    long = noise * (400_000 // len(noise))
    headers = {"Forwarded": long} | x(For=long, Proto=long, Host=long, Port=long, Prefix=long)
    proxies = trusting()

    started = time.perf_counter()
    for _ in range(10):
        assert root(headers, NEAR, proxies) in (OURS, "http://inner")
        assert client(headers, NEAR, proxies) in (NEAR, "10.0.0.3", "")
    assert time.perf_counter() - started < 2, "ten requests take as long as parsing one header anew for each comma"


def test_what_proxies_add_behind_a_very_long_header_is_read() -> None:
    added = f"for={CLIENT};proto=https;host=public.example"

    for long in ("for=10.0.0.3, " * 30_000, 'for="' + "x" * 400_000, "," * 400_000):
        assert root({"Forwarded": f"{long}, {added}"}) == "https://public.example"
        assert client({"Forwarded": f"{long}, {added}"}) == CLIENT


def test_lines_that_proxies_add_are_one_list_and_of_others_the_last_counts() -> None:
    lines = [(b"x-forwarded-for", b"1.2.3.4"), (b"accept", b"a"), (b"x-forwarded-for", b"127.0.0.1"), (b"accept", b"b")]

    assert headers_of(lines) == {b"x-forwarded-for": b"1.2.3.4, 127.0.0.1", b"accept": b"b"}


# --- the request's id ---


@pytest.mark.parametrize(
    ("given", "peer", "taken"),
    [
        ("0123456789abcdef0123456789abcdef", NEAR, True),
        ("01234567-89AB-cdef-0123-456789abcdef", NEAR, True),
        ("0123456789abcdef0123456789abcdef", CLIENT, False),
        ("0123456789abcdef", NEAR, False),
        ("x" * 32, NEAR, False),
        ("0" * 5000, NEAR, False),
        ("", NEAR, False),
    ],
)
def test_the_id_that_a_trusted_proxy_gave_goes_through(given: str, peer: str, taken: bool) -> None:
    found = trusting().request_id(encoded({"X-Request-ID": given}), peer)

    assert (found == "0123456789abcdef0123456789abcdef") is taken
    assert len(found) == 32
