import json
from pathlib import Path

import pytest
from compute_api_client import JobStatus
from compute_api_client.exceptions import ForbiddenException, NotFoundException
from qi2_shared import client
from qi2_shared.authentication import AuthorisationError as RenewalRefused
from quantuminspire.api import Api
from quantuminspire.utils.authentication import AuthorisationError as LoginRefused

from conftest import Door
from patience import until_it_works
from standins.quantum_inspire import BACKEND, CLIENT, REALM, QuantumInspire

STAND_IN = QuantumInspire


@pytest.fixture
def signed_in(standin, tmp_path, monkeypatch):
    """Signs in as the documentation says: a config file with the token, then the login that finds one there."""
    monkeypatch.chdir(tmp_path)  # the SDK looks for a project's settings from here up

    def sign_in(door, provider=standin) -> Api:
        write_config(door, provider)
        api = Api()
        api.login()
        client.connect()
        return api

    return sign_in


@pytest.fixture
def api(door, signed_in) -> Api:
    return signed_in(door)


@pytest.fixture
def bell(tmp_path) -> Path:
    return program(tmp_path / "bell.cq")


@pytest.fixture
def held(tmp_path) -> Path:
    return program(tmp_path / "held.cq", "// hold\n")


def write_config(door, standin):
    realm = f"{door.url}{REALM}" if door.url == standin.url else door.url
    auth = {
        "client_id": CLIENT,
        "code_challenge_method": "S256",
        "code_verifyer_length": 64,
        "well_known_endpoint": f"{realm}/.well-known/openid-configuration",
        "tokens": {"access_token": "", "expires_in": 0, "refresh_token": door.token, "generated_at": 0},
        "team_member_id": None,
    }
    file = Path.home() / ".quantuminspire" / "config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"default_host": door.url, "auths": {door.url: auth}}))


def program(file: Path, remark: str = "") -> Path:
    file.write_text(f"version 3.0\n{remark}qubit[2] q\nbit[2] b\nH q[0]\nCNOT q[0], q[1]\nb = measure q\n")
    return file


@pytest.mark.shows("submit", "poll", "result")
def test_a_file_is_submitted_polled_and_counted(api, bell):
    job = api.execute_algorithm(file_path=bell, backend_type_id=BACKEND, num_shots=200)
    assert api.get_job_status(job_id=job.job_id, wait=True, timeout=30) is JobStatus.COMPLETED
    (result,) = api.get_results(job_id=job.job_id)
    assert (result.results, result.shots_done) == ({"00": 100, "11": 100}, 200)
    assert api.get_final_result(job_id=job.job_id).final_result == {"00": 0.5, "11": 0.5}


@pytest.mark.shows("cancel")
def test_a_job_is_cancelled(api, held):
    job = api.execute_algorithm(file_path=held, backend_type_id=BACKEND, num_shots=1).job_id
    api.cancel_planned_jobs([job])
    assert api.get_job(job).status is JobStatus.CANCELLED


@pytest.mark.shows("list")
def test_jobs_are_listed(api, held):
    jobs = [api.execute_algorithm(file_path=held, backend_type_id=BACKEND, num_shots=1).job_id for _ in range(4)]
    assert set(jobs) <= {job.id for job in api.get_jobs()}


def test_backend_types_are_listed_without_a_credential(api, standin):
    assert [backend.id for backend in api.get_backend_types()] == [BACKEND]
    assert (standin.calls[-1].path, standin.calls[-1].account) == ("/backend_types/", None)


def test_the_sdk_renews_what_has_run_out_alone(signed_in):
    token = "DEV-fakefakefake-zoe-5d21cd31f9c0f0451bb5"
    with QuantumInspire({token: "zoe"}) as provider:
        provider.lifetime = 5  # what the SDK renews at once
        provider.rotates = True
        api = signed_in(Door(provider.url, token, "zoe"), provider)
        signing_in = len(provider.exchanges)
        api.get_jobs()
        api.get_jobs()
        assert len(provider.exchanges) >= signing_in + 2
        assert provider.complaints == []


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller, signed_in):
    with pytest.raises(LoginRefused, match="Received status code: 401") as refused:
        signed_in(unknown_caller)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_a_token_that_the_sdk_had_signed_in_with_before_is_refused_by_its_status(bellhop, standin, unknown_caller, caller, signed_in):
    api = signed_in(caller("ada"))
    write_config(unknown_caller, standin)
    client.connect()
    with pytest.raises(RenewalRefused, match="401 Client Error: Unauthorized"):  # the SDK shows no more here
        api.get_jobs()
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller, signed_in):
    with pytest.raises(PermissionError) as refused:  # of what the SDK asks for right after the login
        signed_in(caller("carol"))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    # A traceback shows what came before the SDK's own text.
    assert any(bellhop.last_refusal()["detail"] in reason for reason in reasons(refused.value))


def reasons(error: BaseException | None) -> list[str]:
    return [str(error), *reasons(error.__context__)] if error else []


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(standin, caller, signed_in, held):
    ours = signed_in(caller("ada")).execute_algorithm(file_path=held, backend_type_id=BACKEND, num_shots=1).job_id
    before = len(standin.calls)
    with pytest.raises(NotFoundException):
        signed_in(caller("bob")).get_job(ours)
    assert {call.account for call in standin.calls[before:]} <= {"bob", None}


@pytest.mark.shows("organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, standin, caller, signed_in, held):
    jobs = {}
    for member in ("grace", "erin"):
        api = signed_in(caller(member))
        jobs[member] = api.execute_algorithm(file_path=held, backend_type_id=BACKEND, num_shots=1).job_id
    for member, other in (("grace", "erin"), ("erin", "grace")):
        api = signed_in(caller(member))
        before = len(standin.calls)
        with pytest.raises(NotFoundException):
            api.get_job(jobs[other])
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert not [call for call in standin.calls[before:] if str(jobs[other]) in call.path]
        ids = {job.id for job in api.get_jobs()}
        assert jobs[member] in ids and jobs[other] not in ids
    api.cancel_planned_jobs([jobs["erin"]])
    assert api.get_job(jobs["erin"]).status is JobStatus.CANCELLED
    assert signed_in(caller("grace")).get_job(jobs["grace"]).status is JobStatus.PLANNED


def test_one_exchange_serves_many_requests(standin, caller, signed_in):
    api = signed_in(caller("bob"))
    before = len(standin.exchanges)
    for _ in range(3):
        api.get_jobs()
    assert standin.exchanges[before:] == []


def test_a_token_that_the_provider_ended_early_is_renewed(standin, caller, signed_in):
    api = signed_in(caller("bob"))
    before = len(standin.exchanges)
    standin.revoke("bob")
    until_it_works(api.get_jobs, ForbiddenException)  # what is very new is not renewed at once
    assert standin.exchanges[before:] == ["bob"]


def test_a_refresh_token_that_is_replaced_each_time_stays_good(standin, caller, signed_in, monkeypatch):
    api = signed_in(caller("bob"))
    monkeypatch.setattr(standin, "rotates", True)
    for exchange in range(2):
        before = len(standin.exchanges)
        standin.revoke("bob")
        until_it_works(api.get_jobs, ForbiddenException)
        assert standin.exchanges[before:] == ["bob"], exchange


def test_signing_in_anew_is_done_at_the_provider(bellhop, caller, signed_in):
    api = signed_in(caller("ada"))
    with pytest.raises(LoginRefused) as refused:
        api.login(force=True)
    assert bellhop.last_refusal()["detail"] in str(refused.value)
