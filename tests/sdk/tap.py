"""A wire that keeps a copy of what comes back over it.

SDKs talk to Bellhop through it, so that every byte that a caller could see is there to be searched.
"""

import socket
import threading


class Tap:
    def __init__(self, upstream: str):
        host, port = upstream.rsplit(":", 1)
        self._upstream = (host, int(port))
        self._lock = threading.Lock()
        self._heard = bytearray()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def heard(self) -> bytes:
        with self._lock:
            return bytes(self._heard)

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:  # closed
                return
            try:
                bellhop = socket.create_connection(self._upstream)
            except OSError:  # it has gone; so the caller should hear at once
                caller.close()
                continue
            for end in (caller, bellhop):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pump, args=(caller, bellhop, None), daemon=True).start()
            threading.Thread(target=self._pump, args=(bellhop, caller, self._heard), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, copy: bytearray | None):
        try:
            while data := source.recv(65536):
                if copy is not None:
                    with self._lock:
                        copy += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # one side has hung up; let the other know
            sink.close()
