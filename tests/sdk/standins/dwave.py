"""D-Wave's Solver API (SAPI), versioned media types included."""

import itertools
import math
import struct
import time
import uuid
from base64 import b64decode, b64encode
from hashlib import md5

from .core import Answer, Call, StandIn, route

SAPI = r"/sapi/v2"
QPU = {"name": "Advantage_stand_in", "version": {"graph_id": "01dae5a273"}}
GATE_MODEL = {"name": "gate_model_stand_in"}
QUBITS = [0, 1, 2, 3]
COUPLERS = [[0, 1], [1, 2], [2, 3]]
TERMINAL = {"COMPLETED", "CANCELLED", "FAILED"}


class DWave(StandIn):
    """Problems whose label begins with `hold` stay pending until they are cancelled or `release`d."""

    provider = "dwave"
    credential_header = "x-auth-token"
    harmless = "/sapi/v2/solvers/remote/"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.problems: dict[str, dict] = {}
        self.uploads: dict[str, dict] = {}

    def refusal(self, status, text):
        return Answer(status, {"error_code": status, "error_msg": text})

    def release(self, id: str):
        """Completes a held problem, which ends the long polls that wait for it."""
        with self.changed:
            _advance(self.problems[id], "COMPLETED")
            self.changed.notify_all()

    # Solvers

    @route("GET", SAPI + r"/solvers/remote/")
    def list_solvers(self, call: Call):
        # The SDK caches what it may: to a caller whose token can be revoked, that must be nothing.
        headers = {"Cache-Control": "private, max-age=600", "ETag": '"solvers"'}
        return _typed(call, "solver-definition-list", [_filtered(call, solver) for solver in _solvers()], headers)

    @route("GET", SAPI + r"/solvers/remote/(?P<name>[^/]+)")
    def show_solver(self, call: Call, name: str):
        for solver in _solvers():
            if solver["identity"]["name"] == name:
                return _typed(call, "solver-definition", _filtered(call, solver))
        return self.refusal(404, f"Solver {name} does not exist")

    # Problems

    @route("POST", SAPI + r"/problems/")
    def submit(self, call: Call):
        jobs = call.json
        if isinstance(jobs, dict):  # one problem, not in an array: the blocking submit of dwave.cloud.api
            return _typed(call, "problems", self._submit(call, jobs))
        if len(jobs) > 20:
            return self.refusal(400, "At most 20 problems at once")
        return _typed(call, "problems", [self._submit(call, job) for job in jobs])

    def _submit(self, call: Call, job: dict) -> dict:
        if job["solver"] not in (QPU, GATE_MODEL):
            return {"error_code": 400, "error_msg": f"Unknown solver {job['solver']['name']}"}
        problem = {
            "id": str(uuid.uuid4()),
            "status": "PENDING",
            "submitted_on": _now(),
            "account": call.account,
            "job": job,
        }
        with self.changed:
            self.problems[problem["id"]] = problem
        return _status(problem)

    @route("GET", SAPI + r"/problems/")
    def list_or_poll(self, call: Call):
        if "id" in call.query:
            return self._poll(call, call.query["id"].split(","), float(call.query.get("timeout", 0)))
        wanted = call.query.get("status")
        mine = [p for p in self.problems.values() if p["account"] == call.account and wanted in (None, p["status"])]
        return _typed(call, "problems", [_status(p) for p in mine[: int(call.query.get("max_results", 1000))]])

    def _poll(self, call: Call, ids: list[str], timeout: float):
        if len(ids) > 1 and "," not in call.target:
            self.complaints.append(f"{call.target}: the commas between ids came re-encoded")
        problems = [self._mine(call, id) for id in ids]
        if None in problems:
            return self.refusal(404, "Problem does not exist")
        with self.changed:
            for problem in problems:
                if not (problem["job"].get("label") or "").startswith("hold"):
                    _advance(problem, "COMPLETED")
            self.changed.wait_for(lambda: any(p["status"] in TERMINAL for p in problems), timeout)
            return _typed(call, "problems", [_status(p) for p in problems])

    @route("GET", SAPI + r"/problems/(?P<id>[^/]+)/?")
    def show(self, call: Call, id: str):
        if problem := self._mine(call, id):
            return _typed(call, "problem", _status(problem) | self._answered(problem))
        return self.refusal(404, "Problem does not exist")

    @route("GET", SAPI + r"/problems/(?P<id>[^/]+)/info")
    def info(self, call: Call, id: str):
        if problem := self._mine(call, id):
            metadata = _status(problem) | {"submitted_by": call.account}
            parts = {"id": id, "data": problem["job"]["data"], "params": problem["job"]["params"], "metadata": metadata}
            return _typed(call, "problem-data", parts | self._answered(problem))
        return self.refusal(404, "Problem does not exist")

    @route("GET", SAPI + r"/problems/(?P<id>[^/]+)/answer")
    def show_answer(self, call: Call, id: str):
        if (problem := self._mine(call, id)) and (answered := self._answered(problem)):
            return _typed(call, "problem-answer", answered)
        return self.refusal(404, "Problem does not exist or has no answer")

    @route("GET", SAPI + r"/problems/(?P<id>[^/]+)/answer/data")
    def answer_data(self, call: Call, id: str):
        if self._mine(call, id):
            return Answer(200, ANSWER_DATA)
        return self.refusal(404, "Problem does not exist")

    @route("DELETE", SAPI + r"/problems/")
    def cancel_many(self, call: Call):
        return _typed(call, "problems", [self._cancel(call, id) for id in call.json])

    @route("DELETE", SAPI + r"/problems/(?P<id>[^/]+)")
    def cancel(self, call: Call, id: str):
        return _typed(call, "problem", self._cancel(call, id))

    def _cancel(self, call: Call, id: str) -> dict:
        if (problem := self._mine(call, id)) is None:
            return {"error_code": 404, "error_msg": f"Problem {id} does not exist"}
        with self.changed:
            _advance(problem, "CANCELLED")
            self.changed.notify_all()
        return _status(problem)

    def _mine(self, call: Call, id: str) -> dict | None:
        problem = self.problems.get(id)
        return problem if problem and problem["account"] == call.account else None

    def _answered(self, problem: dict) -> dict:
        if problem["status"] != "COMPLETED":
            return {}
        if problem["job"]["type"] in ("ising", "qubo"):
            return {"answer": _ground_state(problem["job"])}
        url = f"{self.url}/sapi/v2/problems/{problem['id']}/answer/data"
        by_reference = {"format": "binary-ref", "auth_method": "sapi-token", "url": url, "timing": {}, "shape": {}}
        return {"answer": by_reference}

    # Uploads

    @route("POST", SAPI + r"/bqm/multipart")
    def begin_upload(self, call: Call):
        id = str(uuid.uuid4())
        self.uploads[id] = {
            "account": call.account,
            "size": call.json["size"],
            "parts": {},
            "status": "UPLOAD_IN_PROGRESS",
        }
        return Answer(200, {"id": id})

    @route("PUT", SAPI + r"/bqm/multipart/(?P<id>[^/]+)/part/(?P<number>\d+)")
    def upload_part(self, call: Call, id: str, number: str):
        digest = md5(call.body)
        if call.values("content-md5") != [b64encode(digest.digest()).decode()]:
            return self.refusal(400, "Content-MD5 does not match")
        self.uploads[id]["parts"][int(number)] = digest.hexdigest()
        return Answer(200, {})

    @route("GET", SAPI + r"/bqm/multipart/(?P<id>[^/]+)/status")
    def upload_status(self, call: Call, id: str):
        upload = self.uploads[id]
        parts = [{"part_number": number, "checksum": checksum} for number, checksum in upload["parts"].items()]
        return Answer(200, {"status": upload["status"], "parts": parts})

    @route("POST", SAPI + r"/bqm/multipart/(?P<id>[^/]+)/combine")
    def combine(self, call: Call, id: str):
        self.uploads[id]["status"] = "UPLOAD_COMPLETED"
        return Answer(200, {})


# More than one buffer's worth, so that the download is a stream.
ANSWER_DATA = bytes(range(256)) * 512


def _typed(call: Call, resource: str, body, headers: dict | None = None) -> Answer:
    media_type = f"application/vnd.dwave.sapi.{resource}+json"
    accepted = call.values("accept")
    if not any(media_type in value for value in accepted):
        return Answer(406, {"error_code": 406, "error_msg": f"{media_type} is not in Accept: {accepted}"})
    return Answer(200, body, {"Content-Type": f"{media_type}; version=3.0.0"} | (headers or {}))


def _solvers() -> list[dict]:
    qpu = {
        "supported_problem_types": ["ising", "qubo"],
        "qubits": QUBITS,
        "couplers": COUPLERS,
        "num_qubits": len(QUBITS),
        "parameters": {"num_reads": "Number of reads"},
        "category": "qpu",
    }
    gate_model = {"supported_problem_types": ["qcdl"], "parameters": {}, "category": "software"}
    common = {"status": "ONLINE", "description": "A stand-in", "avg_load": 0.1}
    return [
        common | {"identity": QPU, "properties": qpu},
        common | {"identity": GATE_MODEL, "properties": gate_model},
    ]


def _filtered(call: Call, solver: dict) -> dict:
    """Applies the two filters that the SDK sends; a `+` that was decoded on the way matches neither."""
    match call.query.get("filter"):
        case None:
            return solver
        case "all,-status,-avg_load":
            return {key: value for key, value in solver.items() if key not in ("status", "avg_load")}
        case "none,+identity,+status,+avg_load":
            return {key: solver[key] for key in ("identity", "status", "avg_load")}
        case other:
            raise ValueError(f"unexpected filter {other!r}")


def _status(problem: dict) -> dict:
    job = problem["job"]
    status = {key: problem[key] for key in ("id", "status", "submitted_on", "solved_on") if key in problem}
    return status | {"type": job["type"], "solver": job["solver"], "label": job.get("label")}


def _advance(problem: dict, status: str):
    if problem["status"] not in TERMINAL:
        problem.update(status=status, solved_on=_now())


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _ground_state(job: dict) -> dict:
    """Solves the problem by trying every state, and encodes the best one as SAPI's `qp` format does."""
    h = dict(zip(QUBITS, _doubles(job["data"]["lin"]), strict=True))
    active = [qubit for qubit in QUBITS if not math.isnan(h[qubit])]
    couplers = [pair for pair in COUPLERS if set(pair) <= set(active)]
    j = list(zip(couplers, _doubles(job["data"]["quad"]), strict=True))

    def energy(bits):
        low = -1 if job["type"] == "ising" else 0
        value = {qubit: 1 if bit else low for qubit, bit in zip(active, bits, strict=True)}
        return sum(h[q] * value[q] for q in active) + sum(bias * value[u] * value[v] for (u, v), bias in j)

    best = min(itertools.product((0, 1), repeat=len(active)), key=energy)
    packed = int("".join(map(str, best)).ljust(8, "0"), 2).to_bytes(1, "big")
    return {
        "format": "qp",
        "num_variables": len(QUBITS),
        "active_variables": _base64(struct.pack(f"<{len(active)}i", *active)),
        "energies": _base64(struct.pack("<d", energy(best))),
        "solutions": _base64(packed),
        "num_occurrences": _base64(struct.pack("<i", job["params"].get("num_reads", 1))),
        "timing": {"qpu_access_time": 15_000},
    }


def _doubles(encoded: str) -> tuple[float, ...]:
    raw = b64decode(encoded)
    return struct.unpack(f"<{len(raw) // 8}d", raw)


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()
