"""AQT's issuer, and its Arnica API for clients that log in.

The issuer signs for real: the SDK verifies each token with the published keys, its issuer and its audience.
"""

import json
import time
import uuid
from functools import cache

from .core import Answer, Call, route
from .exchange import Exchanging, encoded, unsigned
from .rs256 import Key

API = r"/api/v1"
AUDIENCE = "https://arnica.aqt.eu/api"
WORKSPACE, RESOURCE = "fake-workspace", "fake-ibex"


class AqtLogin(Exchanging):
    """A job is ongoing at the first look and finished at the second; one with 13 repetitions stays so.

    A secret is that of a client, good only with its id.
    """

    provider = "aqt"
    harmless = "/api/v1/workspaces"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}
        self._key = _key()
        self._audience = AUDIENCE

    @staticmethod
    def client(account: str) -> str:
        return f"fake-client-of-{account}"

    @classmethod
    def fields(cls, account: str, token: str) -> dict[str, str]:
        return {"client_id": cls.client(account), "client_secret": token}

    @classmethod
    def login(cls, account, secret):
        client = {"client_id": cls.client(account), "client_secret": secret}
        return "/oauth/token", json.dumps(client | {"audience": AUDIENCE, "grant_type": "client_credentials"})

    def refusal(self, status, text):
        return Answer(status, {"detail": text})

    def mint(self, account, now):
        header = {"alg": "RS256", "typ": "JWT", "kid": self._key.id}
        claims = {"iss": f"{self.url}/", "sub": f"fakefakefake-{account}@clients", "aud": self._audience}
        times = {"iat": now, "exp": now + self.lifetime, "jti": str(uuid.uuid4())}
        signed = unsigned(header, claims | times)
        return f"{signed}.{encoded(self._key.sign(signed))}"

    # The issuer

    @route("POST", "/oauth/token", open_to_all=True)
    def token(self, call: Call):
        given = call.json
        account = self.accounts.get(given.pop("client_secret", ""))
        # An audience of its own is for the SDK without Bellhop between.
        audience = given.pop("audience", "")
        right = account and given == {"client_id": self.client(account), "grant_type": "client_credentials"}
        right = right and audience in (AUDIENCE, f"{self.url}/api") and not call.values("authorization")
        self._audience = audience
        return self.exchanged(
            call,
            account if right else None,
            lambda token: {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"},
        )

    @route("GET", r"/\.well-known/jwks\.json", open_to_all=True)
    def keys(self, call: Call):
        return Answer(200, {"keys": [self._key.published()]})

    # The API

    @route("GET", API + "/workspaces")
    def workspaces(self, call: Call):
        resource = {"id": RESOURCE, "name": "Fake Ibex", "type": "device"}
        return Answer(
            200,
            [{"id": WORKSPACE, "accepting_job_submissions": True, "jobs_being_processed": True, "resources": [resource]}],
        )

    @route("GET", API + f"/resources/{RESOURCE}")
    def resource(self, call: Call):
        state = {"status": "online", "available_qubits": 4, "status_updated_at": "2026-11-22T10:00:00Z"}
        return Answer(200, {"id": RESOURCE, "name": "Fake Ibex", "type": "device"} | state)

    @route("POST", API + f"/submit/{WORKSPACE}/{RESOURCE}")
    def submit(self, call: Call):
        circuits = call.json["payload"]["circuits"]
        id = str(uuid.uuid4())
        self.jobs[id] = {"account": call.account, "circuits": circuits, "status": "queued"}
        return Answer(200, {"job": _metadata(id), "response": {"status": "queued"}})

    @route("GET", API + r"/result/(?P<id>[^/]+)")
    def result(self, call: Call, id: str):
        job = self.jobs.get(id)
        if not job or job["account"] != call.account:
            return self.refusal(404, "No such job")
        if job["status"] == "queued":
            job["status"] = "ongoing"
        elif all(circuit["repetitions"] != 13 for circuit in job["circuits"]):
            job["status"] = "finished"
        state = {"status": job["status"], "timing_data": [{"new_status": "queued", "timestamp": _now()}]}
        match job["status"]:
            case "ongoing":
                state["finished_count"] = 0
            case "finished":
                state["result"] = {n: _samples(circuit) for n, circuit in enumerate(job["circuits"])}
        return Answer(200, {"job": _metadata(id), "response": state})


@cache
def _key() -> Key:
    return Key()  # half a second's work


def _metadata(id: str) -> dict:
    return {"job_id": id, "job_type": "quantum_circuit", "resource_id": RESOURCE, "workspace_id": WORKSPACE}


def _samples(circuit: dict) -> list[list[int]]:
    """Both halves of a Bell pair, equally often."""
    return [[shot % 2] * circuit["number_of_qubits"] for shot in range(circuit["repetitions"])]


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
