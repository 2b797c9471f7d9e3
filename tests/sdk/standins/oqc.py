"""OQC Cloud: an admin service that says where each QPU's tasks go, and the tasks."""

import uuid

from .core import Answer, Call, StandIn, route

QPU = "qpu:stand-in"
TASKS = r"/stand-in/tasks"


class Oqc(StandIn):
    """A task runs at the first look and is completed at the second; one with a tag that begins with `hold` goes on."""

    provider = "oqc"
    credential_header = "authentication-token"
    harmless = "/admin/qpu"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.tasks: dict[str, dict] = {}

    def refusal(self, status, text):
        return Answer(status, {"response": {"errors": [text]}})

    @route("GET", "/admin/version", open_to_all=True)
    def version(self, call: Call):
        return Answer(200, {"version": "3.22.0"})

    @route("GET", "/admin/qpu")
    def qpus(self, call: Call):
        # Whoever believes this address without ado takes the token there.
        return Answer(
            200, {"items": [{"id": QPU, "name": "Stand-in", "active": True, "url": f"{self.url}/stand-in"}], "total": 1}
        )

    @route("POST", TASKS)
    def reserve(self, call: Call):
        ids = [str(uuid.uuid4()) for _ in range(call.json["task_count"])]
        for id in ids:
            self.tasks[id] = {"account": call.account, "status": "CREATED"}
        return Answer(200, ids)

    @route("POST", TASKS + "/submit")
    def submit(self, call: Call):
        tasks = call.json["tasks"]
        for task in tasks:
            task.setdefault("task_id", str(uuid.uuid4()))
            self.tasks.setdefault(task["task_id"], {"account": call.account})
            if not (known := self._mine(call, task["task_id"])):
                return self.refusal(404, "Task not found")
            known |= {"status": "SUBMITTED", "tag": task["tag"] or ""}
        return Answer(200, [{"task_id": task["task_id"], "status": "SUBMITTED"} for task in tasks])

    @route("GET", TASKS)
    def list_tasks(self, call: Call):
        mine = [id for id, task in self.tasks.items() if task["account"] == call.account]
        return Answer(200, [{"task_id": id, "status": self.tasks[id]["status"]} for id in mine])

    @route("GET", TASKS + r"/(?P<id>[^/]+)/all_info")
    def all_info(self, call: Call, id: str):
        if not (task := self._mine(call, id)):
            return self.refusal(404, "Task not found")
        _advance(task)
        return Answer(200, {"id": id, "status": task["status"], "results": _results(task)})

    @route("GET", TASKS + r"/(?P<id>[^/]+)/status")
    def status(self, call: Call, id: str):
        if not (task := self._mine(call, id)):
            return self.refusal(404, "Task not found")
        _advance(task)
        return Answer(200, {"id": id, "status": task["status"]})

    @route("GET", TASKS + r"/(?P<id>[^/]+)/results")
    def results(self, call: Call, id: str):
        task = self._mine(call, id)
        return Answer(200, {"results": _results(task)}) if task else self.refusal(404, "Task not found")

    @route("POST", TASKS + "/cancel_many")
    def cancel(self, call: Call):
        tasks = [self._mine(call, id) for id in call.json["tasks"]]
        if not all(tasks):
            return self.refusal(404, "Task not found")
        for task in tasks:
            task["status"] = "CANCELLED"
        return Answer(200, {})

    @route("POST", r"/stand-in/monitoring/task_wait_time")
    def wait_time(self, call: Call):
        if not all(self._mine(call, id) for id in call.json["task_ids"]):
            return self.refusal(404, "Task not found")
        return Answer(200, {"task_wait_times": [{"task_id": id, "seconds": 1} for id in call.json["task_ids"]]})

    def _mine(self, call: Call, id: str) -> dict | None:
        task = self.tasks.get(id)
        return task if task and task["account"] == call.account else None


def _advance(task: dict):
    if task["status"] == "SUBMITTED":
        task["status"] = "RUNNING"
    elif task["status"] == "RUNNING" and not task["tag"].startswith("hold"):
        task["status"] = "COMPLETED"


def _results(task: dict) -> dict | None:
    return {"c": {"00": 100, "11": 100}} if task["status"] == "COMPLETED" else None
