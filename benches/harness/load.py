"""What is done to a proxy: wrk's requests, new connections, transfers, and connections that only stay.

Each returns what it cost the proxy. A wrong or failed answer voids the run: `Unusable`.
"""

import functools
import http.client
import json
import re
import ssl
import threading
import time
from pathlib import Path
from typing import NamedTuple

from harness.machine import Process
from harness.people import headers
from harness.proxies import Proxy
from harness.stage import HERE, Unusable

CONNECTIONS = 64
POST_BYTES = 1500
TRANSFER_MIB = 8
THREADS = 4
STALLED_BYTES = 4_000_000  # more than the sockets of both sides hold
TIMEOUT = 30
SETTLE_SECONDS = 3


class Callers(NamedTuple):
    """The users `first`, `first + step`, …"""

    count: int
    first: int = 0
    step: int = 1


class Request(NamedTuple):
    method: str
    path: str
    body_bytes: int = 0


POST = Request("POST", "/bench/v1/estimates", POST_BYTES)
GET = Request("GET", "/bench/v1/estimates/job-0123456789abcdef")
# What goes on record, and is looked up there.
SUBMIT = Request("POST", "/bench/v1/jobs", POST_BYTES)
COPY = Request("POST", "/bench/v1/copies", POST_BYTES)
POLL = Request("GET", "/bench/v1/jobs/job-0123456789abcdef")


def requests(proxy: Proxy, request: Request, callers: Callers, seconds: int) -> dict:
    """As many requests as wrk can make, and what the proxy's CPU spent on each."""
    who = [proxy.people.tokens(), callers.first, callers.step, callers.count]
    what = [request.method, request.path, request.body_bytes]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"--timeout={TIMEOUT}s"]
    command += ["-s", HERE / "callers.lua", proxy.origin + request.path, "--", *who, *what]
    before = proxy.process.cpu_seconds()
    wrk = Process(command, proxy.stage.cores.load, proxy.folder / "wrk.log")
    try:
        wrk.wait()
    finally:
        wrk.stop()
    spent = proxy.process.cpu_seconds() - before
    result = _result(wrk.output())
    if result["errors"] or not result["count"]:
        raise Unusable(f"{proxy.name} failed at {request.method} {request.path}:\n{wrk.output()}")
    return {
        "cpu_us": spent / result["count"] * 1e6,
        "per_second": result["count"] / result["seconds"],
        "core_share": spent / result["seconds"],
        **result,
    }


def each_once(proxy: Proxy, callers: Callers):
    """Lets each of these callers make a request."""
    done = 0
    while done < callers.count:
        rest = callers._replace(first=callers.first + done * callers.step, count=callers.count - done)
        done += requests(proxy, GET, rest, 1)["count"]


def new_connections(proxy: Proxy, seconds: int) -> dict:
    """A connection for each request. By Python's client, as wrk takes up its TLS sessions again, and SDKs do not."""

    def call(connection: http.client.HTTPConnection):
        _get(proxy, connection)
        connection.close()  # the next request opens it anew

    return _repeated(proxy, call, seconds, per=1)


def uploads(proxy: Proxy, seconds: int) -> dict:
    """What a mebibyte costs on its way to the provider."""
    payload = bytes(TRANSFER_MIB << 20)

    def upload(connection: http.client.HTTPConnection):
        connection.request("POST", "/bench/v1/uploads", payload, headers(0))
        answer = connection.getresponse()
        if answer.status != 200 or json.load(answer)["received"] != len(payload):
            raise Unusable(f"{proxy.name} lost an upload")

    return _repeated(proxy, upload, seconds, per=TRANSFER_MIB)


def downloads(proxy: Proxy, seconds: int) -> dict:
    """What a mebibyte costs on its way to the caller."""

    def download(connection: http.client.HTTPConnection):
        connection.request("GET", f"/bench/v1/bytes/{TRANSFER_MIB << 20}", headers=headers(0))
        answer, buffer, received = connection.getresponse(), bytearray(1 << 20), 0
        while count := answer.readinto(buffer):
            received += count
        if answer.status != 200 or received != TRANSFER_MIB << 20:
            raise Unusable(f"{proxy.name} lost a download")

    return _repeated(proxy, download, seconds, per=TRANSFER_MIB)


def memory(proxy: Proxy, connections: int) -> dict:
    """The proxy's memory at first, with idle connections, with readers that read nothing, and after them.

    All connections are one caller's: what a caller takes is measured elsewhere.
    """
    figures, held = {"started_mib": proxy.process.memory_mib()}, []
    try:
        for _ in range(connections):
            held.append(connection := _connection(proxy))
            _get(proxy, connection)
        time.sleep(SETTLE_SECONDS)
        figures["idle_mib"] = proxy.process.memory_mib()
        for connection in held:
            connection.request("GET", f"/bench/v1/bytes/{STALLED_BYTES}", headers=headers(0))
        time.sleep(SETTLE_SECONDS)
        figures["stalled_mib"] = proxy.process.memory_mib()
    finally:
        for connection in held:
            connection.close()
    time.sleep(SETTLE_SECONDS)
    figures["after_mib"] = proxy.process.memory_mib()
    return figures


def _get(proxy: Proxy, connection: http.client.HTTPConnection):
    connection.request("GET", GET.path, headers=headers(0))
    answer = connection.getresponse()
    if not answer.read() or answer.status != 200:
        raise Unusable(f"{proxy.name} answered {answer.status}")


def _repeated(proxy: Proxy, action, seconds: int, per: int) -> dict:
    """Repeats what a client does, in several threads, and says what it costs the proxy. One is `per` of the unit."""
    until, counts, errors = time.monotonic() + seconds, [], []

    def repeat():
        connection, count = _connection(proxy), 0
        try:
            while time.monotonic() < until:
                action(connection)
                count += per
            counts.append(count)
        except (OSError, ValueError, http.client.HTTPException, Unusable) as error:
            errors.append(error)
        finally:
            connection.close()

    before, began = proxy.process.cpu_seconds(), time.monotonic()
    threads = [threading.Thread(target=repeat) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise Unusable(f"{proxy.name} failed: {errors[0]!r}")
    spent, took, count = proxy.process.cpu_seconds() - before, time.monotonic() - began, sum(counts)
    return {"cpu_us": spent / count * 1e6, "per_second": count / took, "core_share": spent / took, "count": count}


def _connection(proxy: Proxy) -> http.client.HTTPConnection:
    """A connection that opens itself when it is used."""
    if not proxy.way.caller_tls:
        return http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=TIMEOUT)
    trust = _trust(proxy.stage.file("ca.pem"))
    return http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=TIMEOUT, context=trust)


@functools.cache
def _trust(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


def _result(output: str) -> dict:
    found = re.search(r"^RESULT (.+)$", output, re.M)
    if not found:
        raise Unusable(f"wrk said no result:\n{output}")
    return json.loads(found[1])
