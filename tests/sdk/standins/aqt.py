"""AQT's Arnica portal, with a static token."""

import uuid

from .core import Answer, Call, StandIn, route

API = r"/api/v1"
WORKSPACE, RESOURCE = "bell", "ibex"


class Aqt(StandIn):
    """A job is ongoing at the first look and finished at the second; one of 13 shots goes on."""

    provider = "aqt"
    credential_header = "authorization"
    credential_word = "Bearer"
    harmless = "/api/v1/workspaces"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}

    def refusal(self, status, text):
        return Answer(status, {"detail": text})

    @route("GET", API + r"/workspaces")
    def workspaces(self, call: Call):
        return Answer(200, [{"id": WORKSPACE, "resources": [{"id": RESOURCE, "name": "Ibex", "type": "device"}]}])

    @route("GET", API + r"/resources/(?P<id>[^/]+)")
    def resource(self, call: Call, id: str):
        details = {"id": RESOURCE, "name": "Ibex", "type": "device", "status": "online", "available_qubits": 12}
        return Answer(200, details) if id == RESOURCE else self.refusal(404, "No such resource")

    @route("POST", API + rf"/submit/{WORKSPACE}/{RESOURCE}")
    def submit(self, call: Call):
        asked = call.json
        job = {
            "job_id": str(uuid.uuid4()),
            "job_type": "quantum_circuit",
            "label": asked["label"],
            "resource_id": RESOURCE,
            "workspace_id": WORKSPACE,
        }
        circuits = asked["payload"]["circuits"]
        self.jobs[job["job_id"]] = {"account": call.account, "job": job, "circuits": circuits, "status": "queued"}
        return Answer(200, {"job": job, "response": {"status": "queued"}})

    @route("GET", API + r"/result/(?P<id>[^/]+)")
    def result(self, call: Call, id: str):
        job = self.jobs.get(id)
        if not job or job["account"] != call.account:
            return Answer(404, {"job_id": id, "message": "unknown job_id", "detail": "unknown job_id"})
        if job["status"] == "queued":
            job["status"] = "ongoing"
        elif job["status"] == "ongoing" and job["circuits"][0]["repetitions"] != 13:
            job["status"] = "finished"
        return Answer(200, {"job": job["job"], "response": _response(job)})


def _response(job: dict) -> dict:
    match job["status"]:
        case "ongoing":
            return {"status": "ongoing", "finished_count": 0}
        case "finished":
            halves = [circuit["repetitions"] // 2 for circuit in job["circuits"]]
            samples = {str(index): [[0, 0]] * half + [[1, 1]] * half for index, half in enumerate(halves)}
            return {"status": "finished", "result": samples}
    return {"status": job["status"]}
