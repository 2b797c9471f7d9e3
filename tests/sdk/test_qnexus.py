import json
from pathlib import Path

import pytest
import qnexus as qnx
from pytket.circuit import Circuit
from qnexus.client import get_nexus_client
from qnexus.client.jobs import PollingStrategy
from qnexus.config import CONFIG, Config
from qnexus.exceptions import AuthenticationError, JobError, ResourceCreateFailed, ResourceFetchFailed, ZeroMatches
from qnexus.models.job_status import JobStatusEnum

from conftest import Door
from patience import until_it_works
from standins.quantinuum import Quantinuum

STAND_IN = Quantinuum
TLS = True  # without which the SDK opens no WebSocket
DROPS_PATH = True
CANNOT = {"named": "it takes a host and a port, so there is no context in them"}
REMARKS = {
    "list": "refused to members, whose own cannot be told from others'",
    "wrong-token": "by a text of the SDK's own, which shows none of Bellhop's",
}
DOORS = ("alone", "own", "organization", "pinned")

OFTEN = PollingStrategy(initial_interval=0.05)


@pytest.fixture
def nexus(certificates, tmp_path, monkeypatch):
    """Signs in with environment variables and the file in which the SDK keeps its refresh token."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.roots))

    def sign_in(door: Door):
        protocol, _, authority = door.url.partition("://")
        host, _, port = authority.rpartition(":")
        for name, value in {"PROTOCOL": protocol, "HOST": host, "PORT": port}.items():
            monkeypatch.setenv(f"NEXUS_{name}", value)
        keep_token(door.token)
        read_settings()

    return sign_in


def keep_token(token: str):
    folder = Path.home() / ".qnx" / "auth"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "id.json").unlink(missing_ok=True)
    (folder / "token.json").write_text(json.dumps({"data": {"refresh_token": token, "delete_version_after": None}}))


def read_settings():
    """What the SDK does when it is imported, which it was before this test."""
    fresh = Config()
    for name in Config.model_fields:
        setattr(CONFIG, name, getattr(fresh, name))
    get_nexus_client(reload=True)


@pytest.fixture
def signed_in(door, nexus):
    nexus(door)


def bell_pair() -> Circuit:
    return Circuit(2, 2, name="bell").H(0).CX(0, 1).measure_all()


def start(name: str = "bell", shots: int = 200):
    project = qnx.projects.create(name=f"of {name}")
    circuit = qnx.circuits.upload(circuit=bell_pair(), project=project)
    config = qnx.QuantinuumConfig(device_name="H2-1LE")
    return qnx.start_execute_job(programs=[circuit], n_shots=[shots], backend_config=config, name=name, project=project)


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(signed_in):
    job = start()
    assert qnx.jobs.wait_for(job, timeout=30, strategy=OFTEN).status is JobStatusEnum.COMPLETED
    (result,) = qnx.jobs.results(job)
    assert result.download_result().get_counts() == {(0, 0): 100, (1, 1): 100}
    assert qnx.jobs.get(id=job.id).last_status is JobStatusEnum.COMPLETED
    assert qnx.jobs.cost(job) == 1.5


@pytest.mark.shows("cancel")
def test_a_job_is_cancelled_and_deleted(signed_in):
    job = start("hold")
    assert qnx.jobs.status(job).status is JobStatusEnum.RUNNING
    qnx.jobs.cancel(job)
    with pytest.raises(JobError, match="cancelled"):
        qnx.jobs.wait_for(job, timeout=30, strategy=OFTEN)
    qnx.jobs.delete(job)
    with pytest.raises(ZeroMatches):
        qnx.jobs.get(id=job.id)


@pytest.mark.shows("list")
@pytest.mark.doors("alone", "own", "pinned")
def test_jobs_are_listed(signed_in):
    jobs = [start("hold") for _ in range(4)]
    assert {job.id for job in jobs} <= {job.id for job in qnx.jobs.get_all()}


def test_the_sdk_knows_whether_it_is_signed_in(caller, unknown_caller, nexus):
    nexus(caller("ada"))
    assert qnx.auth.is_logged_in()
    nexus(unknown_caller)
    assert not qnx.auth.is_logged_in()


def test_a_token_that_is_only_in_memory_does_too(door, nexus):
    nexus(Door(door.url, "not this one", ""))
    qnx.login_with_token(door.token)
    assert qnx.projects.create(name="in memory").annotations.name == "in memory"


@pytest.mark.shows("poll")
def test_a_job_is_watched_on_a_websocket(signed_in, standin):
    job = start()
    assert qnx.jobs.wait_for(job, timeout=30).status is JobStatusEnum.COMPLETED
    assert standin.calls[-1].path.endswith("/ws")


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller, nexus):
    nexus(unknown_caller)
    with pytest.raises(AuthenticationError, match="Not authenticated"):  # the SDK's fixed text
        qnx.projects.create(name="refused")
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    with pytest.raises(AuthenticationError, match="invalid or expired"):
        qnx.login_with_token(unknown_caller.token)


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller, nexus):
    nexus(caller("carol"))
    with pytest.raises(ResourceCreateFailed) as refused:
        qnx.projects.create(name="refused")
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert bellhop.last_refusal()["detail"] in str(refused.value)
    with pytest.raises(ResourceFetchFailed) as refused:
        qnx.jobs.get_all().list()
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert f"Message: {bellhop.last_refusal()['detail']}" in str(refused.value)


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(standin, caller, nexus):
    nexus(caller("ada"))
    ours = start("hold")
    before = len(standin.calls)
    nexus(caller("bob"))
    with pytest.raises(ResourceFetchFailed) as refused:
        qnx.jobs.status(ours)
    assert refused.value.status_code == 404
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, standin, caller, nexus):
    jobs = {}
    for member in ("grace", "erin"):
        nexus(caller(member))
        jobs[member] = start("hold")
    for member, other in (("grace", "erin"), ("erin", "grace")):
        nexus(caller(member))
        before = len(standin.calls)
        with pytest.raises(ResourceFetchFailed) as refused:
            qnx.jobs.status(jobs[other])
        assert refused.value.status_code == 404
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert not [call for call in standin.calls[before:] if str(jobs[other].id) in call.path]
        # What it includes of projects cannot be cut down to one member's.
        with pytest.raises(ResourceFetchFailed, match="403"):
            qnx.jobs.get_all().list()
    qnx.jobs.cancel(jobs["erin"])
    assert qnx.jobs.status(jobs["erin"]).status is JobStatusEnum.CANCELLED


def test_one_exchange_serves_many_requests(standin, caller, nexus):
    nexus(caller("bob"))
    start("hold")
    before = len(standin.exchanges)
    for _ in range(3):
        start("hold")
    assert standin.exchanges[before:] == []


def test_a_token_that_the_provider_ended_early_is_renewed(standin, caller, nexus):
    nexus(caller("bob"))
    job = start("hold")
    before = len(standin.exchanges)
    standin.revoke("bob")
    # What is very new is not renewed at once.
    assert until_it_works(lambda: qnx.jobs.status(job), ResourceFetchFailed).status is JobStatusEnum.RUNNING
    assert standin.exchanges[before:] == ["bob"]


def test_an_access_token_of_the_provider_that_lies_about_is_in_nobodys_way(standin, caller, nexus):
    nexus(caller("bob"))
    left = "DEV-fakefakefake-left-over-from-the-provider"
    (Path.home() / ".qnx" / "auth" / "id.json").write_text(json.dumps({"data": {"access_token": left}}))
    get_nexus_client(reload=True)
    before = len(standin.calls)
    assert start("hold")
    assert not [call for call in standin.calls[before:] if left.encode() in call.wire]
