"""HTTP/2 by prior knowledge, beside HTTP/1.1 on one port, for stand-ins that speak gRPC."""

import socket
import threading

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import ProtocolError

from standins.core import Answer, Call, StandIn

GRPC = "application/grpc"
# google.rpc.Code, by the status of the same meaning.
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 503: 14}


class Conversation:
    """One connection; each request is answered on a thread of its own, as some wait for something to happen."""

    def __init__(self, stand_in: StandIn, connection: socket.socket):
        self._stand_in = stand_in
        self._connection = connection
        self._lock = threading.Lock()
        self._http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, _Request] = {}

    def hold(self):
        with self._lock:
            self._http2.initiate_connection()
            self._flush()
        while data := self._connection.recv(65536):
            with self._lock:
                for event in self._http2.receive_data(data):
                    self._take(event)
                self._flush()

    def _take(self, event):
        match event:
            case RequestReceived(stream_id=id, headers=headers):
                self._requests[id] = _Request(headers)
            case DataReceived(stream_id=id, data=data, flow_controlled_length=length):
                self._requests[id].body += data
                self._http2.acknowledge_received_data(length, id)
            case TrailersReceived(stream_id=id, headers=headers):
                self._requests[id].trailers = headers
            case StreamEnded(stream_id=id):
                threading.Thread(target=self._answer, args=(id, self._requests.pop(id)), daemon=True).start()
            case StreamReset(stream_id=id):
                self._requests.pop(id, None)

    def _answer(self, id: int, request: "_Request"):
        call = request.call()
        answer = self._stand_in.answer(call)
        try:
            with self._lock:
                if GRPC in call.values("content-type"):
                    self._send_grpc(id, answer)
                else:
                    self._send(id, answer)
                self._flush()
        except (OSError, ProtocolError):  # whoever asked has gone
            pass

    def _send_grpc(self, id: int, answer: Answer):
        head = [(":status", "200"), ("content-type", GRPC)]
        if answer.status != 200:
            text = answer.body["message"]
            return self._http2.send_headers(id, [*head, ("grpc-status", str(CODES[answer.status])), ("grpc-message", text)], True)
        self._http2.send_headers(id, head)
        self._http2.send_data(id, b"\0" + len(answer.body).to_bytes(4, "big") + answer.body)
        self._http2.send_headers(id, [("grpc-status", "0")], True)

    def _send(self, id: int, answer: Answer):
        content, headers = answer.encoded()
        self._http2.send_headers(id, [(":status", str(answer.status)), *((name.lower(), value) for name, value in headers.items())])
        self._http2.send_data(id, content, True)

    def _flush(self):
        self._connection.sendall(self._http2.data_to_send())


class _Request:
    def __init__(self, headers: list[tuple[str, str]]):
        self.headers = headers
        self.body = b""
        self.trailers: list[tuple[str, str]] = []

    def call(self) -> Call:
        """As the same request would be over HTTP/1.1."""
        special = {name: value for name, value in self.headers if name.startswith(":")}
        headers = [("host", special[":authority"]), *((n, v) for n, v in self.headers if not n.startswith(":"))]
        wire = "\n".join(f"{name}: {value}" for name, value in [*self.headers, *self.trailers])
        return Call(special[":method"], special[":path"], headers, self.body, wire.encode())
