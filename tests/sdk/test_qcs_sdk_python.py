import uuid

import pytest
from qcs_sdk.client import AuthServer, OAuthSession, QCSClient, RefreshToken
from qcs_sdk.qpu import list_quantum_processors
from qcs_sdk.qpu.api import QpuApiError, cancel_job, retrieve_results, submit, submit_with_parameter_batch
from qcs_sdk.qpu.translation import translate

from standins.rigetti import CLIENT, ISSUER, Rigetti

STAND_IN = Rigetti
DROPS_PATH = True
DOORS = ("alone", "own", "organization", "pinned")  # gRPC has no path, so no context in it

BELL = "DECLARE ro BIT[2]\nH 0\nCNOT 0 1\nMEASURE 0 ro[0]\nMEASURE 1 ro[1]\n"
HELD = f"# hold\n{BELL}"


@pytest.fixture
def qpu() -> str:
    """A quantum processor of this test's own: the SDK remembers where each is reached as long as it runs."""
    return f"Fake-{uuid.uuid4()}"


@pytest.fixture
def load(standin, tmp_path, monkeypatch):
    """Signs in with the two files that the SDK reads, wherever its variables say they are."""

    def load(url: str, token: str) -> QCSClient:
        issuer = f"{url}{ISSUER}" if url == standin.url else f"{url}/oauth2"
        files = {"SETTINGS": SETTINGS.format(url=url, issuer=issuer, client=CLIENT), "SECRETS": SECRETS.format(token=token)}
        for name, content in files.items():
            file = tmp_path / f"{name.lower()}.toml"
            file.write_text(content)
            monkeypatch.setenv(f"QCS_{name}_FILE_PATH", str(file))
        return QCSClient.load("default")  # without a name, files that are wrong would mean the provider itself

    return load


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
    return load(door.url, door.token)


def start(client: QCSClient, qpu: str, program: str = BELL) -> str:
    translated = translate(program, 4, qpu, client=client)
    assert translated.ro_sources == {"ro[0]": "q0", "ro[1]": "q1"}
    return submit(translated.program, {}, quantum_processor_id=qpu, client=client)


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


def test_a_job_is_cancelled(qcs, qpu):
    job = start(qcs, qpu, HELD)
    cancel_job(job, quantum_processor_id=qpu, client=qcs)
    with pytest.raises(QpuApiError, match="USER_CANCELLATION"):
        retrieve_results(job, quantum_processor_id=qpu, client=qcs)


def test_quantum_processors_are_listed(qcs):
    assert list_quantum_processors(client=qcs) == ["Fake-1"]


def test_constructor_arguments_do_as_well_as_files(door, standin, qpu):
    issuer = f"{door.url}{ISSUER}" if door.url == standin.url else f"{door.url}/oauth2"
    session = OAuthSession(RefreshToken(door.token), AuthServer(CLIENT, issuer))
    client = QCSClient(oauth_session=session, api_url=door.url, grpc_api_url=door.url)
    assert retrieve_results(start(client, qpu), quantum_processor_id=qpu, client=client).buffers
