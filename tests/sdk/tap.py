"""A wire that keeps a copy of what comes back over it.

SDKs talk to Bellhop through it, so that every byte that a caller could see is there to be searched. Where they speak
TLS, it does too, on both sides.
"""

import asyncio
import threading

HOST = "127.0.0.1"


class Tap:
    def __init__(self, upstream: str, certificates=None):
        host, port = upstream.rsplit(":", 1)
        self._upstream = (host, int(port))
        self._certificates = certificates
        self._lock = threading.Lock()
        self._heard = bytearray()
        self._relays: set[asyncio.Task] = set()  # nothing else holds on to them
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        encryption = certificates.server() if certificates else None
        self._server = self._run(asyncio.start_server(self._relay, HOST, 0, ssl=encryption))
        self.authority = f"{HOST}:{self._server.sockets[0].getsockname()[1]}"

    @property
    def heard(self) -> bytes:
        with self._lock:
            return bytes(self._heard)

    def close(self):
        self._loop.call_soon_threadsafe(self._server.close)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _relay(self, caller_in: asyncio.StreamReader, caller_out: asyncio.StreamWriter):
        self._relays.add(relay := asyncio.current_task())
        relay.add_done_callback(self._relays.discard)
        encryption = self._certificates.client() if self._certificates else None
        try:
            bellhop_in, bellhop_out = await asyncio.open_connection(*self._upstream, ssl=encryption)
        except OSError:  # it has gone; so the caller should hear at once
            caller_out.close()
            return
        await asyncio.gather(self._pump(caller_in, bellhop_out, None), self._pump(bellhop_in, caller_out, self._heard))
        # What is left to the collector is closed on any thread and twice, by a number that is a new connection's by then.
        bellhop_out.close()
        caller_out.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, copy: bytearray | None):
        try:
            while data := await source.read(65536):
                if copy is not None:
                    with self._lock:
                        copy += data
                sink.write(data)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()
            else:  # TLS has no half of a connection
                sink.close()
        except OSError:  # one side has hung up; let the other know
            sink.close()
