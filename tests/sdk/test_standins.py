"""The judges are judged first: a stand-in that overlooks a token would let every other test here pass."""

import http.client
import zlib
from base64 import b64encode, urlsafe_b64encode
from threading import Thread
from urllib.parse import quote

import pytest

import pats
from standins import every_stand_in
from standins.exchange import ERROR_IN_A_200, HTML, Exchanging
from standins.ionq import IonQ
from standins.planqk import PlanQK
from traces import digest, traces

TOKEN = "DEV-fakefakefake-0451bb5bb21cd31f9c0f"
PAT = pats.mint()
ACCEPT = {
    "Accept": "application/vnd.dwave.sapi.solver-definition-list+json"
}  # D-Wave's insists; the others do not mind


# Those that are let in by something else than headers are judged beside their SDK's tests.
@pytest.fixture(params=[each for each in every_stand_in() if each.harmless], ids=lambda each: each.provider)
def standin(request):
    with request.param({TOKEN: "ada"}) as standin:
        standin.forbidden.add(PAT)
        yield standin


@pytest.fixture
def no_complaints():
    """Complaints are what these tests are about."""


def ask(standin, *, path="", headers=(), method="GET", body=None) -> int:
    connection = http.client.HTTPConnection(standin.authority, timeout=10)
    connection.request(method, standin.harmless + path, body, credential(standin) | ACCEPT | dict(headers))
    status = connection.getresponse().status
    connection.close()
    return status


def credential(standin) -> dict[str, str]:
    return standin.credential("ada", TOKEN)


def test_the_real_token_is_let_in(standin):
    assert ask(standin) == 200
    assert standin.complaints == []
    assert standin.calls[-1].account == "ada"


@pytest.mark.parametrize("change", [str.lower, lambda value: value + "x", lambda value: value[:-1], lambda value: ""])
def test_nothing_but_the_real_token_is(standin, change):
    assert ask(standin, headers={name: change(value) for name, value in credential(standin).items()}) == 401
    assert standin.complaints


def test_the_real_token_in_another_place_is_not(standin):
    assert ask(standin, headers={"X-Api-Key": TOKEN}) == 401
    assert "second credential" in standin.complaints[0]


@pytest.mark.parametrize("name", ["Bellhop-Context", "X-Forwarded-For", "Forwarded"])
def test_the_callers_side_is_not_the_providers_business(standin, name):
    assert ask(standin, headers={name: "acme"}) == 401
    assert name in standin.complaints[0]


@pytest.mark.parametrize("host", ["bellhop.example.org", "127.0.0.1"])
def test_the_host_is_the_providers_own(standin, host):
    assert ask(standin, headers={"Host": host}) == 401


COATS = {
    "plain": PAT,
    "upper case": PAT.upper(),
    "the first half": PAT[:20],
    "percent": "".join(f"%{byte:02X}" for byte in PAT.encode()),
    "percent twice": quote("".join(f"%{byte:02x}" for byte in PAT.encode())),
    "base64": b64encode(PAT.encode()).decode(),
    "basic": b64encode(b"u:" + PAT.encode()).decode(),
    "basic, one on": b64encode(b"ui:" + PAT.encode() + b"!").decode(),
    "base64url": urlsafe_b64encode(PAT.encode()).decode(),
    "hex": PAT.encode().hex(),
    "digest": digest(PAT),
}


DEFLATE = {"Content-Encoding": "deflate"}


@pytest.mark.parametrize("coat", COATS.values(), ids=COATS)
@pytest.mark.parametrize("place", ["target", "header value", "cookie", "body", "deflated body", "chunked body"])
def test_a_callers_token_is_found_in_every_place_and_coat(standin, coat, place):
    where = {
        "target": {"path": f"?q={coat}"},
        "header value": {"headers": {"X-Note": f"see {coat}."}},
        "cookie": {"headers": {"Cookie": f"a=b; session={coat}"}},
        "body": {"method": "POST", "body": f'{{"note":"{coat}"}}'},
        "deflated body": {"method": "POST", "body": zlib.compress(coat.encode()), "headers": DEFLATE},
        "chunked body": {"method": "POST", "body": iter([coat[:7].encode(), coat[7:].encode()])},
    }
    assert ask(standin, **where[place]) == 401
    assert "a caller's token came through" in "".join(standin.complaints)


def test_a_callers_token_is_found_in_a_header_name_and_in_a_trailer(standin):
    assert ask(standin, headers={PAT: "1"}) == 401
    trailer = [b"2\r\n{}\r\n0\r\nX-Note: " + PAT.encode() + b"\r\n\r\n"]
    connection = http.client.HTTPConnection(standin.authority, timeout=10)
    headers = credential(standin) | {"Transfer-Encoding": "chunked"}
    connection.request("POST", standin.harmless, iter(trailer), headers, encode_chunked=False)
    assert connection.getresponse().status == 401
    connection.close()
    assert len([complaint for complaint in standin.complaints if "a caller's token" in complaint]) >= 2


def test_planqk_wants_the_organization_with_the_organizations_token():
    with PlanQK({TOKEN: "acme"}) as standin:
        assert ask(standin) == 401
        assert ask(standin, headers={"X-OrganizationId": "other"}) == 401
        assert ask(standin, headers={"X-OrganizationId": PlanQK.organizations["acme"]}) == 200
    with PlanQK({TOKEN: "ada"}) as standin:
        assert ask(standin, headers={"X-OrganizationId": PlanQK.organizations["acme"]}) == 401


def test_ionqs_catalogue_needs_no_credential_but_never_a_wrong_one():
    with IonQ({TOKEN: "ada"}) as standin:
        connection = http.client.HTTPConnection(standin.authority, timeout=10)
        connection.request("GET", "/v0.4/backends/simulator")
        assert connection.getresponse().status == 200
        connection.close()
        assert (standin.calls[-1].account, standin.complaints) == (None, [])


def test_unrelated_bytes_are_no_trace():
    assert traces(b64encode(bytes(range(256)) * 16), [PAT, TOKEN]) == []


# Those that give a token of their own for a secret.


@pytest.fixture(params=[each for each in every_stand_in() if issubclass(each, Exchanging)], ids=lambda each: each.provider)
def exchange(request):
    with request.param({TOKEN: "ada"}) as standin:
        standin.forbidden.add(PAT)
        yield standin


def log_in(standin, secret: str = TOKEN, account: str = "ada", **headers: str) -> tuple[int, bytes, list[str]]:
    """The status, the body, and the cookies that were set."""
    path, body = standin.login(account, secret)
    connection = http.client.HTTPConnection(standin.authority, timeout=10)
    connection.request("POST", path, body, standin.login_headers(secret) | headers)
    answer = connection.getresponse()
    found = answer.status, answer.read(), answer.headers.get_all("Set-Cookie", [])
    connection.close()
    return found


def test_the_real_secret_is_exchanged_for_a_new_token_each_time(exchange):
    answers = [log_in(exchange) for _ in range(2)]
    assert [status for status, _, _ in answers] == [200, 200]
    assert exchange.exchanges == ["ada", "ada"] and len(exchange.issued) == 2
    given = [body.decode() + "".join(cookies) for _, body, cookies in answers]
    assert all(token in text for token, text in zip(exchange.issued, given, strict=True))
    assert exchange.complaints == []


@pytest.mark.parametrize("secret", [TOKEN.lower(), TOKEN[:-1], TOKEN + "x", ""])
def test_nothing_but_the_real_secret_is_exchanged(exchange, secret):
    assert log_in(exchange, secret)[0] >= 400
    assert exchange.complaints and not exchange.issued


def test_a_callers_token_is_found_in_an_exchange(exchange):
    assert log_in(exchange, PAT)[0] == 401
    assert "a caller's token came through" in "".join(exchange.complaints)


def test_no_second_credential_may_come_with_an_exchange(exchange):
    assert log_in(exchange, Authorization=f"Bearer {TOKEN}")[0] >= 400
    assert exchange.complaints


def test_the_secret_itself_opens_nothing(exchange):
    assert ask(exchange, headers={"Authorization": f"Bearer {TOKEN}"}) == 401
    assert exchange.complaints


def test_an_ended_token_opens_nothing_more_and_is_nobodys_fault(exchange):
    credential = exchange.credential("ada", TOKEN)
    assert ask(exchange, headers=credential) == 200
    exchange.revoke("bob")
    assert ask(exchange, headers=credential) == 200
    exchange.revoke("ada")
    assert ask(exchange, headers=credential) == 401
    exchange.lifetime = 0
    assert ask(exchange) == 401
    assert exchange.complaints == []


def test_an_exchange_is_spoiled_held_back_and_mended(exchange):
    for spoiled in (HTML, ERROR_IN_A_200):
        exchange.spoil(spoiled)
        assert log_in(exchange) == (200, spoiled.encoded()[0], [])
    exchange.spoil(None)
    exchange.hang()
    waiting = Thread(target=log_in, args=(exchange,))
    waiting.start()
    with exchange.changed:
        assert exchange.changed.wait_for(lambda: len(exchange.exchanges) == 3, 10)
    assert waiting.is_alive() and not exchange.issued
    exchange.go_on()
    waiting.join(10)
    assert len(exchange.issued) == 1


@pytest.mark.parametrize("place", ["X-Note", "Authorization"])
@pytest.mark.parametrize("coat", ["plain", "signed"])
def test_a_token_that_bellhop_made_is_found(exchange, place, coat):
    made = "bhs_" + "0" * 36
    inside = urlsafe_b64encode(f'{{"jti":"{made}"}}'.encode()).decode().rstrip("=")
    shown = made if coat == "plain" else f"eyJhbGciOiJSUzI1NiJ9.{inside}.c2ln"
    assert ask(exchange, headers={place: f"Bearer {shown}"}) == 401
    assert "a token that Bellhop made" in "".join(exchange.complaints)
