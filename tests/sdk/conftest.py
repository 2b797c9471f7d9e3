"""Real SDKs, unmodified, against stand-ins for their providers: first directly, then through Bellhop.

A test that asks for a `door` is run once per way to the provider; each door says which account pays, and after the
test the stand-in's record must agree. A test module names its stand-in as STAND_IN and may narrow DOORS.
"""

import os
import tempfile
import time
from dataclasses import dataclass

import pytest

# SDKs read settings from the environment, and keep files under the home folder, from the moment they are imported.
KEPT = {
    "BELLHOP_BIN",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTEST_VERSION",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
}
_home = tempfile.TemporaryDirectory(prefix="bellhop-sdk-home-")
for _name in set(os.environ) - KEPT:
    del os.environ[_name]
for _name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
    os.environ[_name] = _home.name

import pats  # noqa: E402
from bellhop import BINARY, Bellhop  # noqa: E402
from shows import SHOWN, through_bellhop  # noqa: E402

# Distinctive and long enough to be found wherever they should not be.
PURSES = {
    "ada": "DEV-fakefakefake-ada-0451bb5bb21cd31f9c0f",
    "bob": "DEV-fakefakefake-bob-b18722fd7d3a6e08c7aa",
    "acme": "DEV-fakefakefake-acme-96e9d01fdcb1a4d1f2e5",
}

DOORS = {
    "alone": "the real token, straight to the stand-in: shows that the stand-in is fit to judge",
    "own": "a user's own credential",
    "organization": "a member without a credential: the organization's",
    "named": "a user with a credential who names the organization in the URL: the organization's",
    "pinned": "the same user with a token pinned to the organization: the organization's",
}


@dataclass
class Door:
    """One way to the provider: where to point the SDK, what to sign in with, and who should pay for it."""

    url: str
    token: str
    payer: str


@pytest.fixture(scope="module")
def certificates(request, tmp_path_factory):
    """For a module that says TLS = True: the SDK, Bellhop and the stand-in then speak nothing else."""
    if not getattr(request.module, "TLS", False):
        return None
    from certificates import Certificates  # of a package that only such a module's environment has

    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def standin(request, certificates):
    accounts = {token: account for account, token in PURSES.items()}
    with request.module.STAND_IN(accounts) as standin:
        if certificates:
            standin.encrypt(certificates.server())
        yield standin


@pytest.fixture(scope="module")
def bellhop(request, standin, certificates, tmp_path_factory):
    if not BINARY.is_file():
        pytest.fail(f"no Bellhop at {BINARY}: run `cargo build`, or say where it is in BELLHOP_BIN", pytrace=False)
    bellhop = Bellhop(tmp_path_factory.mktemp("bellhop"), standin.provider, standin.upstream, certificates)
    bellhop.apply(_state(standin))
    assert all(pats.well_formed(token) for token in bellhop.tokens.values())
    standin.forbidden |= set(bellhop.tokens.values())
    bellhop.start()
    try:
        yield bellhop
    finally:
        bellhop.stop()
    leaks = bellhop.leaks(standin.secrets(PURSES))
    request.config.stash[SHOWN].note("no-provider-token-downstream", leaks == [])
    assert leaks == []


@pytest.fixture(autouse=True)
def no_complaints(request, standin):
    """Nothing reaches a provider but right credentials in the right place, in no test."""
    standin.complaints.clear()
    yield
    if through_bellhop(request.node):
        request.config.stash[SHOWN].note("no-caller-token-upstream", standin.complaints == [])
    assert standin.complaints == []


@pytest.fixture
def door(request, standin):
    door = _door(request, standin)
    before = len(standin.calls)
    yield door
    accounts = {call.account for call in standin.calls[before:]} - {None}
    assert accounts == {door.payer}


@pytest.fixture
def caller(request, bellhop):
    """Where to point the SDK and what to sign in with, for a user and the token of theirs that is named."""

    def caller(user: str, token: str = "laptop") -> Door:
        return Door(_base(request, bellhop), bellhop.tokens[user, token], "")

    return caller


@pytest.fixture
def unknown_caller(request, bellhop, stranger):
    return Door(_base(request, bellhop), stranger, "")


@pytest.fixture
def stranger(standin):
    """A token that looks right and is nobody's."""
    token = pats.mint()
    standin.forbidden.add(token)
    return token


@pytest.fixture
def add_own_token(bellhop, standin):
    """Erin, who shares her organization's token, gets one of her own while her jobs run."""

    def add():
        token = PURSES["bob"]
        fields = standin.fields("bob", token)
        sources = [
            argument
            for field, value in fields.items()
            for argument in (("--from-stdin", field) if value == token else ("--plain", f"{field}={value}"))
        ]
        bellhop.run("credential", "add", f"{standin.provider}@me", "--user", "erin", *sources, secret=token)
        # A running Bellhop follows within a second.
        deadline = time.monotonic() + 10
        while bellhop.payer("erin") != "me":
            assert time.monotonic() < deadline, "the new token is not used"
            time.sleep(0.05)

    yield add
    bellhop.run("credential", "delete", f"{standin.provider}@me", "--user", "erin", "--yes", "--force")


def pytest_generate_tests(metafunc):
    if "door" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("doors")
        names = marker.args if marker else getattr(metafunc.module, "DOORS", tuple(DOORS))
        metafunc.parametrize("door", names, indirect=True)


def _door(request, standin) -> Door:
    if request.param == "alone":
        return Door(standin.url, PURSES["ada"], "ada")
    bellhop = request.getfixturevalue("bellhop")
    base = _base(request, bellhop)
    match request.param:
        case "own":
            return Door(base, bellhop.tokens["ada", "laptop"], "ada")
        case "organization":
            return Door(base, bellhop.tokens["grace", "laptop"], "acme")
        case "named":
            return Door(bellhop.url("acme"), bellhop.tokens["ada", "laptop"], "acme")
        case "pinned":
            return Door(base, bellhop.tokens["ada", "pinned"], "acme")
    raise ValueError(request.param)


def _base(request, bellhop) -> str:
    # An SDK that drops the path is told the port instead.
    return bellhop.port_url if getattr(request.module, "DROPS_PATH", False) else bellhop.url()


def _state(standin) -> dict:
    """Ada and Bob have credentials of their own, Grace and Erin share their organization's, Carol has none."""

    def credential(purse: str) -> dict:
        fields = {field: {"value": value} for field, value in standin.fields(purse, PURSES[purse]).items()}
        return {"provider": standin.provider, "label": f"{purse}'s", "fields": fields}

    laptop = {"name": "laptop"}
    return {
        "users": [
            {
                "name": "ada",
                "tokens": [laptop, {"name": "pinned", "context": "acme"}],
                "credentials": [credential("ada")],
            },
            {"name": "bob", "tokens": [laptop], "credentials": [credential("bob")]},
            {"name": "grace", "tokens": [laptop]},
            {"name": "erin", "tokens": [laptop]},
            {"name": "carol", "tokens": [laptop]},
        ],
        "organizations": [
            {
                "name": "acme",
                "members": {"ada": "owner", "grace": "member", "erin": "member"},
                "credentials": [credential("acme")],
            },
        ],
    }
