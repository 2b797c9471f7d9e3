"""IBM Cloud's IAM, Global Search and Global Catalog, and the Qiskit Runtime API, all at one origin.

Their paths do not meet: what Bellhop puts before those of the first three is gone when a request arrives.
"""

import struct
import uuid
import zlib
from base64 import b64encode
from urllib.parse import urlencode

from .core import Answer, Call, route
from .exchange import Exchanging, form

API = r"/api/v1"
BACKEND = "fake_bellhop"
PLAN = "fakefake-1111-4000-8000-00000000plan"
SEARCH = "service_name:quantum-computing"


class Ibm(Exchanging):
    """A job is running at the first look and completed at the second; one tagged `hold` stays running.

    Everything of the Runtime API must name an instance of the account in `Service-CRN`.
    """

    provider = "ibm"
    harmless = "/api/v1/backends"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}
        self.sessions: dict[str, dict] = {}

    @staticmethod
    def instance(account: str) -> str:
        id = uuid.uuid5(uuid.NAMESPACE_DNS, f"{account}.fake.example.org")
        return f"crn:v1:bluemix:public:quantum-computing:us-east:a/fake-{account}:{id}::"

    @classmethod
    def fields(cls, account: str, token: str) -> dict[str, str]:
        return {"api_key": token, "instances": cls.instance(account)}

    def credential(self, account, token):
        return super().credential(account, token) | {"service-crn": self.instance(account)}

    @classmethod
    def login(cls, account, secret):
        grant = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": secret, "response_type": "cloud_iam"}
        return "/identity/token", urlencode(grant)

    def refusal(self, status, text):
        return Answer(status, {"errors": [{"code": status, "message": text}], "trace": "fake"})

    def denied(self, text):
        return Answer(400, {"errorCode": "BXNIM0415E", "errorMessage": text, "context": {}})

    def _answer(self, call):
        token = self._token(call)
        runtime = call.path.startswith("/api/v1/") and call.path != f"/api/v1/{PLAN}"
        own = [self.instance(self.issued[token].account)] if token else []
        # The other services do not know the header, and it may be there or not.
        if token and call.values("service-crn") not in ([own] if runtime else [own, []]):
            self.complaints.append(f"{call.method} {call.path}: Service-CRN is {call.values('service-crn')}, not {own}")
            return self.refusal(403, "Not your instance")
        return super()._answer(call)

    # IAM, Global Search, Global Catalog

    @route("POST", "/identity/token", open_to_all=True)
    def identity_token(self, call: Call):
        given = form(call)
        account = self.accounts.get(given.pop("apikey", ""))
        grant = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "response_type": "cloud_iam"}
        right = given == grant and not call.values("authorization")
        return self.exchanged(call, account if right else None, self._granted)

    @route("GET", "/identity/userinfo")
    def userinfo(self, call: Call):
        return Answer(200, {"active": True, "iam_id": f"iam-{call.account}", "account": {"bss": f"fake-{call.account}"}})

    def _granted(self, token: str) -> dict:
        times = {"expires_in": self.lifetime, "expiration": self.issued[token].expires}
        return {"access_token": token, "refresh_token": "not_supported", "token_type": "Bearer", "scope": "fake"} | times

    @route("POST", r"/v3/resources/search")
    def search(self, call: Call):
        if call.json["query"] != SEARCH:
            return self.refusal(400, "Only quantum instances are here")
        instance = {
            "crn": self.instance(call.account),
            "name": f"instance of {call.account}",
            "service_plan_unique_id": PLAN,
            "doc": {"extensions": [{"allocation": 1}]},
            "tags": [],
        }
        return Answer(200, {"items": [instance], "limit": 100})

    @route("GET", f"{API}/{PLAN}")
    def plan(self, call: Call):
        return Answer(200, {"overview_ui": {"en": {"display_name": "Open"}}, "metadata": {"pricing": {"type": "free"}}})

    # Backends

    @route("GET", API + "/backends")
    def backends(self, call: Call):
        backend = {"name": BACKEND, "status": {"name": "online"}, "qubits": 2, "queue_length": 0, "class": "real"}
        return Answer(200, {"devices": [backend]})

    @route("GET", API + f"/backends/{BACKEND}/configuration")
    def configuration(self, call: Call):
        return Answer(200, CONFIGURATION)

    @route("GET", API + f"/backends/{BACKEND}/properties")
    def properties(self, call: Call):
        return Answer(200, PROPERTIES)

    @route("GET", API + f"/backends/{BACKEND}/status")
    def status(self, call: Call):
        return Answer(200, {"state": True, "status": "active", "length_queue": 0, "backend_version": "1.0.0"})

    @route("GET", API + "/instances/usage")
    def usage(self, call: Call):
        return Answer(200, {"usage_consumed_seconds": 0, "usage_limit_seconds": 600, "usage_limit_reached": False})

    # Jobs

    @route("POST", API + "/jobs")
    def submit(self, call: Call):
        asked = call.json
        if asked.get("session_id") and asked["session_id"] not in self.sessions:
            return self.refusal(404, "No such session")
        id = f"d{uuid.uuid4().hex[:19]}"
        self.jobs[id] = asked | {"id": id, "account": call.account, "status": "Queued"}
        return Answer(200, {"id": id, "backend": BACKEND})

    @route("GET", API + "/jobs")
    def list_jobs(self, call: Call):
        mine = [_shown(job) for job in self.jobs.values() if job["account"] == call.account]
        first, most = int(call.query.get("offset", 0)), int(call.query.get("limit", 20))
        page = mine[::-1][first : first + most]
        return Answer(200, {"jobs": page, "count": len(mine), "limit": most, "offset": first})

    @route("GET", API + r"/jobs/(?P<id>[^/]+)")
    def show(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found.")
        if job["status"] == "Queued":
            job["status"] = "Running"
        elif job["status"] == "Running" and "hold" not in job.get("tags", []):
            job["status"] = "Completed"
        return Answer(200, _shown(job))

    @route("GET", API + r"/jobs/(?P<id>[^/]+)/results")
    def results(self, call: Call, id: str):
        if not (job := self._mine(call, id)) or job["status"] != "Completed":
            return self.refusal(404, "Job results not found.")
        return Answer(200, _sampled([[0], [3]] * (SHOTS // 2)))

    @route("GET", API + r"/jobs/(?P<id>[^/]+)/metrics")
    def metrics(self, call: Call, id: str):
        if not self._mine(call, id):
            return self.refusal(404, "Job not found.")
        return Answer(200, {"timestamps": {}, "usage": {"status": "done", "qpu_charge_time_seconds": 2, "quantum_seconds": 2}})

    @route("GET", API + r"/jobs/(?P<id>[^/]+)/logs")
    def logs(self, call: Call, id: str):
        return Answer(200, b"fake log", {"Content-Type": "text/plain"}) if self._mine(call, id) else self.refusal(404, "No logs")

    @route("POST", API + r"/jobs/(?P<id>[^/]+)/cancel")
    def cancel(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found.")
        job["status"] = "Cancelled"
        return Answer(204)

    @route("DELETE", API + r"/jobs/(?P<id>[^/]+)")
    def delete(self, call: Call, id: str):
        if not self._mine(call, id):
            return self.refusal(404, "Job not found.")
        del self.jobs[id]
        return Answer(204)

    @route("PUT", API + r"/jobs/(?P<id>[^/]+)/tags")
    def tag(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found.")
        job["tags"] = call.json["tags"]
        return Answer(204)

    # Sessions

    @route("POST", API + "/sessions")
    def open_session(self, call: Call):
        id = str(uuid.uuid4())
        self.sessions[id] = {"id": id, "account": call.account, "state": "open", "accepting_jobs": True} | call.json
        return Answer(200, {"id": id})

    @route("GET", API + r"/sessions/(?P<id>[^/]+)")
    def session(self, call: Call, id: str):
        session = self._my_session(call, id)
        return Answer(200, session) if session else self.refusal(404, "Session not found.")

    @route("PATCH", API + r"/sessions/(?P<id>[^/]+)")
    def close_session(self, call: Call, id: str):
        if not (session := self._my_session(call, id)):
            return self.refusal(404, "Session not found.")
        session |= call.json
        return Answer(204)

    @route("DELETE", API + r"/sessions/(?P<id>[^/]+)/close")
    def cancel_session(self, call: Call, id: str):
        if not (session := self._my_session(call, id)):
            return self.refusal(404, "Session not found.")
        session |= {"state": "closed", "accepting_jobs": False}
        return Answer(204)

    def _mine(self, call: Call, id: str) -> dict | None:
        job = self.jobs.get(id)
        return job if job and job["account"] == call.account else None

    def _my_session(self, call: Call, id: str) -> dict | None:
        session = self.sessions.get(id)
        return session if session and session["account"] == call.account else None


SHOTS = 200


def _shown(job: dict) -> dict:
    state = {"status": job["status"], "reason": ""}
    shown = {key: job[key] for key in ("id", "backend", "tags", "session_id") if key in job}
    return shown | {"program": {"id": job["program_id"]}, "created": "2026-11-22T10:00:00Z", "status": job["status"], "state": state}


def _sampled(bits: list[list[int]]) -> dict:
    """A sampler's result for one circuit with a register `meas` of two bits, as Qiskit's primitives are encoded."""
    array = {"__type__": "BitArray", "__value__": {"array": _ndarray(bits), "num_bits": 2}}
    data = {"__type__": "DataBin", "__value__": {"field_names": ["meas"], "shape": [], "fields": {"meas": array}}}
    result = {"__type__": "SamplerPubResult", "__value__": {"data": data, "metadata": {}}}
    return {"__type__": "PrimitiveResult", "__value__": {"pub_results": [result], "metadata": {"version": 2}}}


def _ndarray(rows: list[list[int]]) -> dict:
    """NumPy's .npy format, version 1.0, deflated."""
    shape = f"({len(rows)}, {len(rows[0])})"
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + bytes(bit for row in rows for bit in row)
    return {"__type__": "ndarray", "__value__": b64encode(zlib.compress(npy)).decode()}


def _figures(values: dict[str, float], unit: str = "") -> list[dict]:
    return [{"date": "2026-11-22T10:00:00Z", "name": name, "unit": unit, "value": value} for name, value in values.items()]


ONE_QUBIT, TWO_QUBITS = ("id", "rz", "sx", "x"), [[0, 1], [1, 0]]
CONFIGURATION = {
    "backend_name": BACKEND,
    "backend_version": "1.0.0",
    "n_qubits": 2,
    "basis_gates": [*ONE_QUBIT, "cz"],
    "gates": [
        *({"name": name, "parameters": [], "qasm_def": "", "coupling_map": [[0], [1]]} for name in ONE_QUBIT),
        {"name": "cz", "parameters": [], "qasm_def": "", "coupling_map": TWO_QUBITS},
    ],
    "local": False,
    "simulator": False,
    "conditional": False,
    "open_pulse": False,
    "memory": True,
    "max_shots": 100000,
    "coupling_map": TWO_QUBITS,
    "supported_instructions": [*ONE_QUBIT, "cz", "measure", "delay", "reset"],
    "online_date": "2026-01-01T00:00:00Z",
    "dt": 4.0,
    "dtm": 4.0,
    "processor_type": {"family": "Fake", "revision": "1"},
}
PROPERTIES = {
    "backend_name": BACKEND,
    "backend_version": "1.0.0",
    "last_update_date": "2026-11-22T10:00:00Z",
    "qubits": [_figures({"T1": 100, "T2": 100}, "us") + _figures({"readout_error": 0.01, "readout_length": 1000}) for _ in range(2)],
    "gates": [
        {"gate": gate, "name": f"{gate}{'_'.join(map(str, qubits))}", "qubits": qubits, "parameters": _figures({"gate_error": 0.001})}
        for gate, places in [*((name, [[0], [1]]) for name in ONE_QUBIT), ("cz", TWO_QUBITS)]
        for qubits in places
    ],
    "general": [],
}
