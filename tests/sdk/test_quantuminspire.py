import json
from pathlib import Path

import pytest
from compute_api_client import JobStatus
from compute_api_client.exceptions import ForbiddenException, NotFoundException
from qi2_shared import client
from qi2_shared.authentication import AuthorisationError
from quantuminspire.api import Api

from standins.quantum_inspire import BACKEND, CLIENT, REALM, QuantumInspire

STAND_IN = QuantumInspire


@pytest.fixture
def signed_in(standin, tmp_path, monkeypatch):
    """Signs in as the documentation says: a config file with the token, then the login that finds one there."""
    monkeypatch.chdir(tmp_path)  # the SDK looks for a project's settings from here up

    def sign_in(url: str, token: str) -> Api:
        realm = f"{url}{REALM}" if url == standin.url else url
        write_config(url, token, f"{realm}/.well-known/openid-configuration")
        api = Api()
        api.login()
        client.connect()
        return api

    return sign_in


@pytest.fixture(autouse=True)
def as_new(standin):
    yield
    standin.restore()


@pytest.fixture
def api(door, signed_in) -> Api:
    return signed_in(door.url, door.token)


@pytest.fixture
def bell(tmp_path) -> Path:
    return program(tmp_path / "bell.cq")


@pytest.fixture
def held(tmp_path) -> Path:
    return program(tmp_path / "held.cq", "// hold\n")


def write_config(url: str, token: str, discovery: str):
    auth = {
        "client_id": CLIENT,
        "code_challenge_method": "S256",
        "code_verifyer_length": 64,
        "well_known_endpoint": discovery,
        "tokens": {"access_token": "", "expires_in": 0, "refresh_token": token, "generated_at": 0},
        "team_member_id": None,
    }
    file = Path.home() / ".quantuminspire" / "config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"default_host": url, "auths": {url: auth}}))


def program(file: Path, remark: str = "") -> Path:
    file.write_text(f"version 3.0\n{remark}qubit[2] q\nbit[2] b\nH q[0]\nCNOT q[0], q[1]\nb = measure q\n")
    return file


def test_a_file_is_submitted_polled_and_counted(api, bell):
    job = api.execute_algorithm(file_path=bell, backend_type_id=BACKEND, num_shots=200)
    assert api.get_job_status(job_id=job.job_id, wait=True, timeout=30) is JobStatus.COMPLETED
    (result,) = api.get_results(job_id=job.job_id)
    assert (result.results, result.shots_done) == ({"00": 100, "11": 100}, 200)
    assert api.get_final_result(job_id=job.job_id).final_result == {"00": 0.5, "11": 0.5}


def test_a_job_is_cancelled(api, held):
    job = api.execute_algorithm(file_path=held, backend_type_id=BACKEND, num_shots=1).job_id
    api.cancel_planned_jobs([job])
    assert api.get_job(job).status is JobStatus.CANCELLED


def test_jobs_are_listed(api, held):
    jobs = [api.execute_algorithm(file_path=held, backend_type_id=BACKEND, num_shots=1).job_id for _ in range(4)]
    assert set(jobs) <= {job.id for job in api.get_jobs()}


def test_backend_types_are_listed_without_a_credential(api, standin):
    assert [backend.id for backend in api.get_backend_types()] == [BACKEND]
    assert (standin.calls[-1].path, standin.calls[-1].account) == ("/backend_types/", None)


@pytest.mark.doors("alone")
def test_the_sdk_gets_a_new_token_when_its_own_has_run_out(door, standin, signed_in, monkeypatch):
    monkeypatch.setattr(standin, "lifetime", 5)  # what the SDK renews at once
    standin.rotates = True
    api = signed_in(door.url, door.token)
    before = len(standin.exchanges)
    for _ in range(2):
        monkeypatch.setattr(standin, "lifetime", 6)
        api.get_jobs()
    assert len(standin.exchanges) > before


def test_an_unknown_token_is_refused(bellhop, stranger, signed_in):
    with pytest.raises(Exception, match="Received status code: 401") as refused:
        signed_in(bellhop.url(), stranger)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_a_token_that_is_revoked_later_is_refused_too(bellhop, stranger, signed_in):
    api = signed_in(bellhop.url(), bellhop.tokens["ada", "laptop"])
    write_config(bellhop.url(), stranger, f"{bellhop.url()}/.well-known/openid-configuration")
    client.connect()
    with pytest.raises(AuthorisationError, match="401 Client Error"):  # the body is not shown here
        api.get_jobs()
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, signed_in):
    with pytest.raises((ForbiddenException, PermissionError)):
        signed_in(bellhop.url(), bellhop.tokens["carol", "laptop"])
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    client.connect()
    with pytest.raises(ForbiddenException) as refused:
        Api().get_job(1001)
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_another_users_token_does_not_reach_this_users_job(bellhop, standin, signed_in, held):
    ada = signed_in(bellhop.url(), bellhop.tokens["ada", "laptop"])
    ours = ada.execute_algorithm(file_path=held, backend_type_id=BACKEND, num_shots=1).job_id
    before = len(standin.calls)
    bob = signed_in(bellhop.url(), bellhop.tokens["bob", "laptop"])
    with pytest.raises(NotFoundException):
        bob.get_job(ours)
    assert {call.account for call in standin.calls[before:]} <= {"bob", None}


def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, standin, signed_in, held):
    jobs = {}
    for member in ("grace", "erin"):
        api = signed_in(bellhop.url(), bellhop.tokens[member, "laptop"])
        jobs[member] = api.execute_algorithm(file_path=held, backend_type_id=BACKEND, num_shots=1).job_id
    for member, other in (("grace", "erin"), ("erin", "grace")):
        api = signed_in(bellhop.url(), bellhop.tokens[member, "laptop"])
        before = len(standin.calls)
        with pytest.raises(NotFoundException):
            api.get_job(jobs[other])
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert not [call for call in standin.calls[before:] if str(jobs[other]) in call.path]
        ids = {job.id for job in api.get_jobs()}
        assert jobs[member] in ids and jobs[other] not in ids


def test_many_calls_need_one_exchange(bellhop, standin, signed_in, monkeypatch):
    monkeypatch.setattr(standin, "lifetime", 3600)
    api = signed_in(bellhop.url(), bellhop.tokens["bob", "laptop"])
    standin.expire()
    before = len(standin.exchanges)
    for _ in range(5):
        api.get_jobs()
    assert standin.exchanges[before:] in (["bob"], [])
