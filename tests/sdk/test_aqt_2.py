import jwt
import pytest
from aqt_connector import ArnicaConfig
from aqt_connector.exceptions import AuthenticationError
from qiskit import QuantumCircuit, transpile
from qiskit.providers import JobStatus
from qiskit_aqt_provider import AQTProvider
from qiskit_aqt_provider.api_client.errors import APIError
from qiskit_aqt_provider.exceptions import AQTValueError

from standins.aqt_login import RESOURCE, WORKSPACE, AqtLogin

STAND_IN = AqtLogin
DROPS_PATH = True  # the issuer's; a context can still stand in the API's
CANNOT = {"cancel": "the SDK has no call for it", "list": "the SDK has no call for it"}
REMARKS = {
    "named": "in the API's address; its login is reached at the port",
    "wrong-token": "by an error of the SDK's own, which has no text",
}
HELD = 13  # so many shots are never done


@pytest.fixture
def cloud(door, standin, request, tmp_path):
    if door.url == standin.url:
        return log_in(door, tmp_path, client=standin.client(door.payer), audience=f"{door.url}/api")
    return log_in(door, tmp_path, issuer=request.getfixturevalue("bellhop").port_url)


def log_in(door, home, issuer=None, client="anything", audience=None):
    issuer = issuer or door.url
    config = ArnicaConfig(home / "aqt")
    config.client_id, config.client_secret = client, door.token
    config.arnica_url = f"{door.url}/api"
    config.oidc_config.issuer = f"{issuer}/"
    config.oidc_config.jwks_url = f"{issuer}/.well-known/jwks.json"
    config.oidc_config.audience = audience or config.oidc_config.audience
    cloud = AQTProvider().cloud(config)
    cloud.log_in()
    return cloud


def machine(cloud):
    return cloud.fetch_workspaces().get_by_id(WORKSPACE).get_backend(RESOURCE)


def bell_pair(backend) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return transpile(circuit, backend, optimization_level=1)


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(cloud):
    backend = machine(cloud)
    job = backend.run(bell_pair(backend), shots=200)
    assert job.status() is JobStatus.RUNNING
    counts = job.result(timeout=30, wait=0.05).get_counts()
    assert counts == {"00": 100, "11": 100}


def test_one_login_serves_many_requests(cloud, standin):
    before = len(standin.exchanges)
    backend = machine(cloud)
    for _ in range(3):
        backend.run(bell_pair(backend), shots=1)
    assert len(standin.exchanges) == before


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller, tmp_path):
    with pytest.raises(AuthenticationError):  # which the SDK never gives a text
        log_in(unknown_caller, tmp_path)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller, tmp_path):
    cloud = log_in(caller("carol"), tmp_path)
    with pytest.raises(APIError) as refused:
        cloud.fetch_workspaces()
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert str(refused.value) == bellhop.last_refusal()["detail"]


def test_what_bellhop_signs_names_the_caller_and_holds_no_secret(bellhop, standin, caller, tmp_path):
    log_in(caller("ada"), tmp_path)
    stored = (tmp_path / "aqt" / "access_token").read_text()
    claims = jwt.decode(stored, options={"verify_signature": False})
    assert claims["iss"] == f"{bellhop.port_url}/" and claims["exp"] > claims["iat"]
    assert stored not in standin.issued
    assert not any(secret in str(claims) for secret in [*bellhop.tokens.values(), *standin.accounts, *standin.issued])


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(standin, caller, tmp_path):
    ada, bob = (log_in(caller(user), tmp_path / user) for user in ("ada", "bob"))
    ours, theirs = (machine(cloud).run(bell_pair(machine(cloud)), shots=HELD) for cloud in (ada, bob))
    before = len(standin.calls)
    theirs._job_id = ours.job_id()  # the SDK restores nothing but what it has kept itself
    with pytest.raises(AQTValueError):
        theirs.status()
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("organization")
def test_members_who_share_an_account_do_not_reach_each_others_jobs(bellhop, standin, caller, tmp_path):
    grace, erin = (log_in(caller(user), tmp_path / user) for user in ("grace", "erin"))
    of_grace, of_erin = (machine(cloud).run(bell_pair(machine(cloud)), shots=HELD) for cloud in (grace, erin))
    before = len(standin.calls)
    own, of_erin._job_id = of_erin.job_id(), of_grace.job_id()
    with pytest.raises(AQTValueError):
        of_erin.status()
    assert bellhop.last_refusal()["refusal"] == "unknown-job"
    assert standin.calls[before:] == []
    of_erin._job_id = own
    assert of_erin.status() is JobStatus.RUNNING
