"""Rigetti's Quantum Cloud Services: the Okta server that signs users in, the REST API, and the two gRPC services."""

import secrets
import socket
import uuid
from urllib.parse import urlencode

from . import protobuf
from .core import Answer, Call, route
from .exchange import form, jwt
from .refresh import Refreshing

ISSUER = "/oauth2/aus8jcovzG0gW2TUG355"
CLIENT = "0oa3ykoirzDKpkfzk357"
TRANSLATION = r"/services\.translation\.Translation"
CONTROLLER = r"/services\.controller\.Controller"
SUCCESS, USER_CANCELLATION = 1, 4
HOLD_SECONDS = 60


class Rigetti(Refreshing):
    """Results are there when a job is; those of a program that says `hold` never are, until it is cancelled.

    Any quantum processor exists, as the SDK remembers one's gateway for the rest of its process.
    """

    provider = "rigetti"
    harmless = "/v1/quantumProcessors"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.programs: dict[bytes, str] = {}
        self.jobs: dict[str, dict] = {}

    @classmethod
    def login(cls, account, secret):
        grant = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": secret}
        return f"{ISSUER}/v1/token", urlencode(grant)

    def refusal(self, status, text):
        return Answer(status, {"code": "stand_in", "message": text, "requestId": "fake"})

    def mint(self, account, now):
        claims = {"iss": f"{self.url}{ISSUER}", "aud": "api://qcs", "sub": account, "iat": now, "exp": now + self.lifetime}
        return jwt({"alg": "RS256", "typ": "JWT", "kid": "fake"}, claims, b"fakefakefake-signature-" + secrets.token_bytes(48))

    @route("POST", ISSUER + r"/v1/token", open_to_all=True)
    def token(self, call: Call):
        given = form(call)
        stored = given.pop("refresh_token", None)
        right = given == {"grant_type": "refresh_token", "client_id": CLIENT} and not call.values("authorization")
        told = {"token_type": "Bearer", "expires_in": self.lifetime, "scope": "offline_access openid"}
        stored = stored if right else None
        return self.bought(call, stored, lambda access, refresh: told | {"access_token": access, "refresh_token": refresh})

    # REST.

    @route("GET", r"/v1/auth:getUser")
    def user(self, call: Call):
        return Answer(200, {"id": 1, "idpId": f"fake-{call.account}", "email": f"{call.account}@fake.example.org"})

    @route("GET", r"/v1/quantumProcessors")
    def processors(self, call: Call):
        return Answer(200, {"quantumProcessors": [{"id": "Fake-1"}]})

    @route("GET", r"/v1/quantumProcessors/(?P<id>[^/:]+)/accessors")
    def accessors(self, call: Call, id: str):
        gateway = {"accessType": "gateway.v1", "id": f"{id}-gateway", "live": True, "rank": 0, "url": self.url}
        return Answer(200, {"accessors": [gateway]})

    @route("GET", r"/v1/quantumProcessors/(?P<id>[^/:]+)/endpoints:getDefault")
    def endpoint(self, call: Call, id: str):
        return Answer(200, {"id": id, "healthy": True, "mock": False, "addresses": {"grpc": self.url}})

    # gRPC, with the numbers of the fields in its messages.

    @route("POST", TRANSLATION + r"/TranslateQuilToEncryptedControllerJob")
    def translate(self, call: Call):
        fields = protobuf.read(message(call))
        program = f"fake-encrypted-{uuid.uuid4()}".encode()
        self.programs[program] = fields[2][0].decode()
        job = protobuf.write([(1, program)])
        mapping = [protobuf.write([(1, f"ro[{n}]"), (2, f"q{n}")]) for n in (0, 1)]
        return Answer(200, protobuf.write([(1, job), (2, protobuf.write((1, pair) for pair in mapping))]))

    @route("POST", CONTROLLER + r"/ExecuteControllerJob")
    def submit(self, call: Call):
        fields = protobuf.read(message(call))
        program = protobuf.read(fields[201][0])[1][0]
        jobs = []
        for _ in fields[3]:
            job = {"id": str(uuid.uuid4()), "account": call.account, "held": "hold" in self.programs[program], "ended": None}
            self.jobs[job["id"]] = job
            jobs.append(job["id"])
        return Answer(200, protobuf.write((1, job) for job in jobs))

    @route("POST", CONTROLLER + r"/GetControllerJobResults")
    def results(self, call: Call):
        if not (job := self._mine(call, protobuf.read(message(call))[1][0])):
            return self.refusal(404, "No such job")
        with self.changed:
            if not job["held"]:
                job["ended"] = job["ended"] or SUCCESS
            self.changed.wait_for(lambda: job["ended"], timeout=HOLD_SECONDS)
            ended = job["ended"] or SUCCESS
        return Answer(200, protobuf.write([(1, result(ended))]))

    @route("POST", CONTROLLER + r"/CancelControllerJobs")
    def cancel(self, call: Call):
        jobs = [self._mine(call, id) for id in protobuf.read(message(call))[1]]
        if not all(jobs):
            return self.refusal(404, "No such job")
        with self.changed:
            for job in jobs:
                job["ended"] = job["ended"] or USER_CANCELLATION
            self.changed.notify_all()
        return Answer(200, b"")

    def _mine(self, call: Call, id: bytes) -> dict | None:
        job = self.jobs.get(id.decode())
        return job if job and job["account"] == call.account else None

    def _handler(self):
        stand_in = self

        class Handler(super()._handler()):
            def handle(self):
                if self.connection.recv(3, socket.MSG_PEEK) == b"PRI":  # RFC 9113 §3.4
                    from http2 import Conversation  # which only this provider's SDK's environment has

                    Conversation(stand_in, self.connection).hold()
                else:
                    super().handle()

        return Handler


def message(call: Call) -> bytes:
    """The one message of a gRPC request that is not a stream."""
    assert call.values("te") == ["trailers"], "gRPC wants `te: trailers`"
    compressed, length = call.body[0], int.from_bytes(call.body[1:5], "big")
    assert (compressed, length) == (0, len(call.body) - 5), "not exactly one message that is not compressed"
    return call.body[5:]


def result(ended: int) -> bytes:
    """Two bits that are the same, four times."""
    bits = protobuf.write([(1, protobuf.packed([0, 1, 1, 0]))])
    values = [protobuf.write([(1, f"q{n}"), (2, protobuf.write([(1, bits)]))]) for n in (0, 1)]
    readout = [(2, value) for value in values] if ended == SUCCESS else []
    return protobuf.write([*readout, (3, ended), (4, "fake"), (5, 8675)])
