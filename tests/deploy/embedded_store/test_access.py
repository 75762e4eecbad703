"""Who may ask: credentials, pages of other origins, DNS rebinding, CORS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded_store.access import Access
from deploy.embedded_store.errors import StoreError
from deploy.embedded_store.settings import StoreSettings
from tests.support.store import StoreProcess

HOST = {"Host": "localhost:8123"}
EVIL = {"Origin": "https://evil.example"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """A store with passwords for both users."""
    path = tmp_path_factory.mktemp("guarded") / "data"
    with StoreProcess(path, default_password="top", reader_password="low") as running:
        yield running


def access(**settings: object) -> Access:
    return Access(StoreSettings.model_validate(settings))


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8123", "127.0.0.1:8123", "[::1]:8123", "LOCALHOST:1", None]
)
def test_host_of_ours(host: str | None) -> None:
    access().check_host({} if host is None else {"Host": host})


@pytest.mark.parametrize(
    "host", ["evil.example:8123", "localhost.evil.example", "", "[", "127.0.0.1.nip.io"]
)
def test_host_of_a_rebinding_page(host: str) -> None:
    with pytest.raises(StoreError, match="hosts_allowed"):
        access().check_host({"Host": host})


def test_host_can_be_allowed() -> None:
    access(hosts_allowed=["store.lan"]).check_host({"Host": "store.lan:8123"})
    access(hosts_allowed=["*"]).check_host({"Host": "any.example"})


@pytest.mark.parametrize(
    "marks",
    [
        EVIL,
        {"Origin": "null"},
        {"Origin": "http://localhost:8123"},
        {"Origin": "http://localhost:3000"},
        {"Referer": "https://evil.example/page"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_page_is_never_the_default_user(marks: dict[str, str]) -> None:
    """Nor with the right password: a browser may know it without the page."""
    guard = access(default_password="top", origins_allowed=["*"])
    for params in ({"user": "default", "password": "top"}, {"user": "default"}):
        with pytest.raises(StoreError):
            guard.identify(HOST | marks, params)
    assert guard.identify(HOST | marks, {}) == "reader"


@pytest.mark.parametrize(
    "marks", [EVIL, {"Referer": "https://evil.example/"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_elsewhere_may_not_read(marks: dict[str, str]) -> None:
    for params in ({}, {"user": "reader"}):
        with pytest.raises(StoreError, match="origins_allowed"):
            access().identify(HOST | marks, params)


def test_a_page_of_ours_may_read() -> None:
    assert access().identify(HOST | {"Origin": "http://localhost:8123"}, {}) == "reader"
    assert access().identify(HOST | {"Sec-Fetch-Site": "same-origin"}, {}) == "reader"


def test_a_page_elsewhere_may_read_if_listed_or_with_the_password() -> None:
    guard = access(origins_allowed=["https://evil.example"])
    assert guard.identify(HOST | EVIL, {}) == "reader"
    guard = access(reader_password="low")
    assert guard.identify(HOST | EVIL, {"user": "reader", "password": "low"}) == "reader"
    with pytest.raises(StoreError, match="AUTHENTICATION_FAILED"):
        guard.identify(HOST | EVIL, {"user": "reader"})


def test_a_typed_address_is_no_page() -> None:
    assert access().identify(HOST | {"Sec-Fetch-Site": "none"}, {}) == "default"


@pytest.mark.real
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic ZGVmYXVsdDp0b3A="},
        {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "top"},
        {"X-ClickHouse-Key": "top"},
    ],
)
def test_credentials(guarded: StoreProcess, headers: dict[str, str]) -> None:
    assert guarded.query("SELECT 1", headers=headers).status == 200
    assert guarded.query("SELECT 1", user="default", password="top").status == 200


@pytest.mark.real
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic ZGVmYXVsdDpsb3c="},
        {"Authorization": "Basic not base64"},
        {"Authorization": "Bearer top"},
        {"X-ClickHouse-User": "default"},
        {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "top"},
        {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": ""},
    ],
)
def test_wrong_credentials(guarded: StoreProcess, headers: dict[str, str]) -> None:
    reply = guarded.query("SELECT 1", headers=headers)
    assert (reply.status, reply.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    assert "no user with such name" in reply.text


@pytest.mark.real
def test_cross_site_requests_change_nothing(store: StoreProcess, table: str) -> None:
    for headers in (EVIL, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
        assert store.query(f"DROP TABLE {table}", headers=headers).status == 403
        assert store.query(f"DROP TABLE {table}", headers=headers, user="reader").status == 403
        assert store.query("SELECT 1", headers=headers, method="GET").status == 403
    assert store.must(f"EXISTS {table}") == "1"


@pytest.mark.real
def test_ping_guards_its_host_too(store: StoreProcess) -> None:
    assert store.query(path="/ping", method="GET", headers={"Host": "evil.example"}).status == 403


@pytest.mark.real
def test_preflight(store: StoreProcess) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Private-Network": "true",
    }
    reply = store.query(method="OPTIONS", headers=EVIL | asked)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert "x-clickhouse-key" in reply.headers["Access-Control-Allow-Headers"]
    assert reply.headers["Access-Control-Allow-Private-Network"] == "true"


@pytest.mark.real
def test_cors_header_when_asked_for(guarded: StoreProcess) -> None:
    login: dict[str, Any] = {"user": "reader", "password": "low"}
    reply = guarded.query("SELECT 1", headers=EVIL, add_http_cors_header=1, **login)
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert "X-ClickHouse-Summary" in reply.headers["Access-Control-Expose-Headers"]
    reply = guarded.query("SELECT nope", headers=EVIL, add_http_cors_header=1, **login)
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (404, "*")
    assert (
        "Access-Control-Allow-Origin"
        not in guarded.query("SELECT 1", headers=EVIL, **login).headers
    )


@pytest.mark.real
def test_passwords_are_not_in_the_log(guarded: StoreProcess, tmp_path: Path) -> None:
    assert not any("top" in line.split(", data in")[0] for line in guarded.log)
