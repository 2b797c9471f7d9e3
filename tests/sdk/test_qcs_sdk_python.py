import uuid

import grpc
import pytest
from qcs_sdk.client import AuthServer, OAuthSession, QCSClient, RefreshToken
from qcs_sdk.qpu import ListQuantumProcessorsError, list_quantum_processors
from qcs_sdk.qpu.api import QpuApiError, cancel_job, retrieve_results, submit, submit_with_parameter_batch
from qcs_sdk.qpu.translation import TranslationError, translate

from patience import until_it_works
from standins import protobuf
from standins.rigetti import CLIENT, ISSUER, Rigetti

STAND_IN = Rigetti
DROPS_PATH = True
CANNOT = {
    "poll": "results are waited for in one call",
    "list": "the SDK has no call for it",
    "named": "gRPC is at the root of an address, so there is no context in it",
}
REMARKS = {"wrong-token": "by its status, 401; the SDK shows no text"}
DOORS = ("alone", "own", "organization", "pinned")

SERVICE = "/services.translation.Translation"
BELL = "DECLARE ro BIT[2]\nH 0\nCNOT 0 1\nMEASURE 0 ro[0]\nMEASURE 1 ro[1]\n"
HELD = f"# hold\n{BELL}"


@pytest.fixture
def qpu() -> str:
    """A quantum processor of this test's own: the SDK remembers where each is reached as long as it runs."""
    return f"Fake-{uuid.uuid4()}"


@pytest.fixture
def load(standin, tmp_path, monkeypatch):
    """Signs in with the two files that the SDK reads, wherever its variables say they are."""

    def load(door) -> QCSClient:
        settings = SETTINGS.format(url=door.url, issuer=issuer(door, standin), client=CLIENT)
        files = {"SETTINGS": settings, "SECRETS": SECRETS.format(token=door.token)}
        for name, content in files.items():
            file = tmp_path / f"{name.lower()}.toml"
            file.write_text(content)
            monkeypatch.setenv(f"QCS_{name}_FILE_PATH", str(file))
        return QCSClient.load("default")  # without a name, files that are wrong would mean the provider itself

    return load


def issuer(door, standin) -> str:
    return f"{door.url}{ISSUER}" if door.url == standin.url else f"{door.url}/oauth2"


SETTINGS = """
[profiles.default]
api_url = "{url}"
grpc_api_url = "{url}"
auth_server_name = "default"
credentials_name = "default"

[auth_servers.default]
client_id = "{client}"
issuer = "{issuer}"
"""
SECRETS = """
[credentials.default.token_payload]
refresh_token = "{token}"
"""


@pytest.fixture
def qcs(door, load) -> QCSClient:
    return load(door)


def start(client: QCSClient, qpu: str, program: str = BELL) -> str:
    translated = translate(program, 4, qpu, client=client)
    assert translated.ro_sources == {"ro[0]": "q0", "ro[1]": "q1"}
    return submit(translated.program, {}, quantum_processor_id=qpu, client=client)


@pytest.mark.shows("submit", "result")
def test_a_program_is_translated_submitted_and_read_out(qcs, qpu):
    job = start(qcs, qpu)
    results = retrieve_results(job, quantum_processor_id=qpu, client=qcs)
    assert {name: values.data.to_i32() for name, values in results.buffers.items()} == {"q0": [0, 1, 1, 0], "q1": [0, 1, 1, 0]}
    assert results.execution_duration_microseconds == 8675


def test_one_request_makes_a_job_for_each_set_of_parameters(qcs, qpu):
    translated = translate(BELL, 4, qpu, client=qcs)
    batch = [{"theta": [0.1]}, {"theta": [0.2]}]
    jobs = submit_with_parameter_batch(translated.program, batch, quantum_processor_id=qpu, client=qcs)
    assert len(set(jobs)) == 2
    for job in jobs:
        assert retrieve_results(job, quantum_processor_id=qpu, client=qcs).buffers


@pytest.mark.shows("cancel")
def test_a_job_is_cancelled(qcs, qpu):
    job = start(qcs, qpu, HELD)
    cancel_job(job, quantum_processor_id=qpu, client=qcs)
    with pytest.raises(QpuApiError, match="USER_CANCELLATION"):
        retrieve_results(job, quantum_processor_id=qpu, client=qcs)


def test_quantum_processors_are_listed(qcs):
    assert list_quantum_processors(client=qcs) == ["Fake-1"]


def test_constructor_arguments_do_as_well_as_files(door, standin, qpu):
    session = OAuthSession(RefreshToken(door.token), AuthServer(CLIENT, issuer(door, standin)))
    client = QCSClient(oauth_session=session, api_url=door.url, grpc_api_url=door.url)
    assert retrieve_results(start(client, qpu), quantum_processor_id=qpu, client=client).buffers


@pytest.mark.parametrize("place", ["metadata", "message"])
def test_a_callers_token_is_found_in_grpc(standin, stranger, place):
    """The judge of the others is judged here, where gRPC is to be had."""
    metadata = [(name.lower(), value) for name, value in standin.credential("ada", "").items()]
    metadata += [("x-note", f"see {stranger}")] if place == "metadata" else []
    program = protobuf.write([(2, f"# {stranger}" if place == "message" else "H 0")])
    with grpc.insecure_channel(standin.authority) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(f"{SERVICE}/TranslateQuilToEncryptedControllerJob")(program, metadata=metadata, timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "a caller's token came through" in "".join(standin.complaints)
    standin.complaints.clear()


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller, load, qpu):
    with pytest.raises(TranslationError, match="401 Unauthorized"):  # the SDK shows no more of a login
        translate(BELL, 4, qpu, client=load(unknown_caller))
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller, load, qpu):
    client = load(caller("carol"))
    with pytest.raises(ListQuantumProcessorsError) as refused:
        list_quantum_processors(client=client)
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    detail = bellhop.last_refusal()["detail"]
    assert detail in str(refused.value)
    with pytest.raises(TranslationError, match="PermissionDenied") as refused:
        translate(BELL, 4, qpu, client=client)
    assert detail in str(refused.value)


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(standin, caller, load, qpu):
    ours = start(load(caller("ada")), qpu)
    before = len(standin.calls)
    with pytest.raises(QpuApiError, match="NotFound"):
        retrieve_results(ours, quantum_processor_id=qpu, client=load(caller("bob")))
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(standin, caller, load, qpu):
    clients = {member: load(caller(member)) for member in ("grace", "erin")}
    jobs = {member: start(client, qpu, HELD) for member, client in clients.items()}
    for member, other in (("grace", "erin"), ("erin", "grace")):
        before = len(standin.calls)
        with pytest.raises(QpuApiError, match="NotFound"):
            cancel_job(jobs[other], quantum_processor_id=qpu, client=clients[member])
        assert not [call for call in standin.calls[before:] if jobs[other].encode() in call.body]
    for member, client in clients.items():
        cancel_job(jobs[member], quantum_processor_id=qpu, client=client)


def test_one_exchange_serves_many_requests(standin, caller, load, qpu):
    client = load(caller("bob"))
    start(client, qpu)
    before = len(standin.exchanges)
    for _ in range(3):
        start(client, qpu)
    assert standin.exchanges[before:] == []


def test_a_token_that_the_provider_ended_early_is_renewed(standin, caller, load, qpu):
    client = load(caller("bob"))
    start(client, qpu)
    before = len(standin.exchanges)
    standin.revoke("bob")
    assert until_it_works(lambda: start(client, qpu), TranslationError)  # what is very new is not renewed at once
    assert standin.exchanges[before:] == ["bob"]
