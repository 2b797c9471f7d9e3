"""IQM Server's API v1."""

import uuid

from .core import Answer, Call, StandIn, route

API = r"/api/v1"
CALIBRATION = "cd4dd889-b88b-4370-ba01-eb8262ad9c53"


class Iqm(StandIn):
    """A job is processing at the first look and completed at the second; one with a circuit named `hold…` stays so."""

    provider = "iqm"
    credential_header = "authorization"
    credential_word = "Bearer"
    harmless = "/api/v1/quantum-computers"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}

    def refusal(self, status, text):
        # `error_code` is a string here: the SDK's model refuses a number, and the text is lost with it.
        return Answer(status, {"message": text, "error_code": "stand_in", "source": "iqm-server"})

    @route("GET", API + r"/quantum-computers")
    def quantum_computers(self, call: Call):
        star = {
            "id": "5b39bb8d-4b18-4f4d-a0d4-3a1fa9dd7aef",
            "alias": "star",
            "display_name": "Star",
            "proxy_path": None,
        }
        return Answer(200, {"quantum_computers": [star]})

    @route("GET", API + r"/quantum-computers/star/health")
    def health(self, call: Call):
        return Answer(200, {"healthy": True})

    @route("GET", API + r"/calibration-sets/star/default/dynamic-quantum-architecture")
    def architecture(self, call: Call):
        return Answer(200, ARCHITECTURE)

    @route("POST", API + r"/jobs/star/circuit")
    def submit(self, call: Call):
        id = str(uuid.uuid4())
        self.jobs[id] = {
            "id": id,
            "type": "circuit",
            "status": "waiting",
            "account": call.account,
            "payload": call.json,
        }
        return Answer(200, _shown(self.jobs[id]))

    @route("GET", API + r"/jobs/(?P<id>[^/]+)")
    def poll(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        if job["status"] == "waiting":
            job["status"] = "processing"
        elif job["status"] == "processing" and not job["payload"]["circuits"][0]["name"].startswith("hold"):
            job["status"] = "completed"
        return Answer(200, _shown(job))

    @route("GET", API + r"/jobs/(?P<id>[^/]+)/payload")
    def payload(self, call: Call, id: str):
        job = self._mine(call, id)
        return Answer(200, job["payload"]) if job else self.refusal(404, "Job not found")

    @route("GET", API + r"/jobs/(?P<id>[^/]+)/artifacts/measurement_counts")
    def counts(self, call: Call, id: str):
        if not (job := self._mine(call, id)) or job["status"] != "completed":
            return self.refusal(404, "Artifact not found")
        half = job["payload"]["shots"] // 2
        return Answer(200, [{"measurement_keys": ["m"], "counts": {"00": half, "11": half}}])

    @route("POST", API + r"/jobs/(?P<id>[^/]+)/cancel")
    def cancel(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        job["status"] = "cancelled"
        return Answer(204)

    @route("DELETE", API + r"/jobs/(?P<id>[^/]+)")
    def delete(self, call: Call, id: str):
        if not self._mine(call, id):
            return self.refusal(404, "Job not found")
        del self.jobs[id]
        return Answer(204)

    def _mine(self, call: Call, id: str) -> dict | None:
        job = self.jobs.get(id)
        return job if job and job["account"] == call.account else None


def _gate(implementation: str, loci: list[list[str]]) -> dict:
    return {
        "implementations": {implementation: {"loci": loci}},
        "default_implementation": implementation,
        "override_default_implementation": {},
    }


ARCHITECTURE = {
    "calibration_set_id": CALIBRATION,
    "qubits": ["QB1", "QB2"],
    "computational_resonators": [],
    "gates": {
        "prx": _gate("drag_crf", [["QB1"], ["QB2"]]),
        "cz": _gate("tgss", [["QB1", "QB2"]]),
        "measure": _gate("constant", [["QB1"], ["QB2"]]),
    },
}


def _shown(job: dict) -> dict:
    return {key: job[key] for key in ("id", "type", "status")}
