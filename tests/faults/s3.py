"""A real S3 server on loopback that fails as asked: answers with errors, late, never, or forgets its conditions."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BUCKET = "market"
SECRET = "canary-4711"  # noqa: S105 - nobody checks it
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")


@dataclass
class Fault:
    """What goes wrong with the next requests that match, such as `PUT .*/_CURRENT`.

    `status` is answered instead of doing what was asked; `lost` does it and closes the connection without a word;
    `delay_s` waits first; `unconditional` forgets the conditions; `call` is called before anything else.
    """

    match: str
    times: int = 1
    status: int = 0
    lost: bool = False
    delay_s: float = 0.0
    unconditional: bool = False
    call: Callable[[], object] | None = None


@dataclass
class S3:
    """The server: its faults to come, every request that reached it, and the keys that these were signed with."""

    app: Callable[..., Iterable[bytes]]
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    queries: list[dict[str, list[str]]] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    copies: int = 0
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to know of it, all of it by the standard names."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, unless a fault is due."""
        line = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        with self.lock:
            self.requests.append(line)
            self.queries.append(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True))
            self.signed += re.findall(r"Credential=([^/]*)/", environ.get("HTTP_AUTHORIZATION", ""))
            self.copies += "HTTP_X_AMZ_COPY_SOURCE" in environ
            fault = next((one for one in self.faults if one.times and re.fullmatch(one.match, line)), None)
            if fault:
                fault.times -= 1
        return self.spoilt(fault, environ, start) if fault else self.app(environ, start)

    def spoilt(self, fault: Fault, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if fault.call:
            fault.call()
        time.sleep(fault.delay_s)
        if fault.unconditional:
            for name in CONDITIONS:
                environ.pop(name, None)
        if fault.status:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start(f"{fault.status} Fault", [("Content-Length", "0")])
            return [b""]
        if fault.lost:
            list(self.app(environ, lambda *_: None))
            with suppress(OSError):
                environ["werkzeug.socket"].shutdown(2)
            return []
        return self.app(environ, start)

    def made(self, pattern: str) -> list[str]:
        """The requests so far that match."""
        return [line for line in self.requests if re.fullmatch(pattern, line)]

    def forget(self) -> None:
        """Begin anew: no faults to come, no requests so far."""
        self.faults, self.requests, self.queries, self.copies = [], [], [], 0


@contextmanager
def serving() -> Iterator[S3]:
    """A server with one empty bucket, on a port of its own."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_: Any) -> None:
            """Nothing: the server keeps its own record."""

    app = S3(DomainDispatcherApplication(create_backend_app))
    server = ThreadedWSGIServer("127.0.0.1", 0, app, Quiet)
    app.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{app.port}/{BUCKET}"
        urlopen(Request(url, method="PUT"), timeout=10).close()
        app.forget()
        yield app
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
