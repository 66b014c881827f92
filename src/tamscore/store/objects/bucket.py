"""The door to an object store: all requests go through it, and all failures come out as errors of this package.

Credentials and endpoint come from the environment, as each store's own tools read them, and never appear in messages.
Requests run on an event loop, so that a signal can end a request that waits for an answer.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from tamscore.errors import RetryableError, UsageError, without_secrets
from tamscore.optional_packages import with_extra
from tamscore.store.objects import credentials

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_Answer = TypeVar("_Answer")

_EXTRA = "object-storage"
_CONNECT_S, ANSWER_S, _RETRY_S, RETRIES = 10, 120, 60, 6
"""Seconds to connect, to answer one request and to repeat it, and the number of repeats. The waits between grow."""
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:|/|$)")
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "GOOGLE_BASE_URL")


class ConflictError(Exception):
    """A conditional request whose condition does not hold."""


@dataclass(frozen=True)
class StoredObject:
    """An object as its store describes it: key, size in bytes, time of last change (ns), entity tag and version."""

    key: str
    size: int
    changed_ns: int
    tag: str | None
    version: str | None

    @classmethod
    def of(cls, meta: Any) -> StoredObject:
        """Return the object that the store's answer describes."""
        changed = int(meta["last_modified"].timestamp()) * 10**9
        return cls(meta["path"], meta["size"], changed, meta["e_tag"], meta["version"])

    def marks(self) -> dict[str, str]:
        """Return the marks that identify this version, as a condition of a request."""
        marks = {"e_tag": self.tag, "version": self.version}
        return {name: mark for name, mark in marks.items() if mark}


@dataclass(frozen=True)
class Bucket:
    """A bucket or container, named by its address such as s3://bucket."""

    url: str

    def head(self, key: str) -> StoredObject:
        """Return the store's description of an object; raise FileNotFoundError if there is no object."""
        store, library = client(self.url)
        return StoredObject.of(self.ask(key, lambda: library.head_async(store, key)))

    def get(
        self, key: str, *, start: int = 0, stop: int | None = None, tag: str | None = None
    ) -> tuple[bytes, StoredObject]:
        """Return bytes and description of an object; raise ConflictError if its version does not match the tag."""
        store, library = client(self.url)
        options: Any = {"if_match": tag} if tag else {}
        if stop is not None:
            options["range"] = (start, stop)

        async def whole() -> tuple[bytes, StoredObject]:
            answer = await library.get_async(store, key, options=options)
            return bytes(await answer.bytes_async()), StoredObject.of(answer.meta)

        return self.ask(key, whole)

    def put(self, key: str, data: bytes | memoryview, over: StoredObject | None = None) -> None:
        """Put an object, in one request: as a new object, or in place of `over` if that is unchanged.

        Raise ConflictError if another object lies there, or may lie there. Raise RetryableError if the outcome is
        unknown, even whether the object arrived.
        """
        store, library = client(self.url)
        mode: Any = over.marks() if over else "create"
        self.ask(key, lambda: library.put_async(store, key, data, mode=mode, use_multipart=False))

    def delete(self, key: str) -> None:
        """Remove an object; a missing object is no error."""
        store, library = client(self.url)
        with suppress(FileNotFoundError):
            self.ask(key, lambda: library.delete_async(store, key))

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove objects, many in a request if the store supports that; missing objects are no error."""
        store, library = client(self.url)
        if keys:
            with suppress(FileNotFoundError):
                self.ask(keys[0], lambda: library.delete_async(store, list(keys)))

    def entries(self, prefix: str) -> list[StoredObject]:
        """Return every object whose key begins with the prefix, a folder, in order of key."""
        store, library = client(self.url)
        result = self.ask(prefix, lambda: library.list(store, prefix).collect_async())
        return sorted(map(StoredObject.of, result), key=lambda entry: entry.key)

    def folders(self, prefix: str) -> tuple[list[str], list[StoredObject]]:
        """Return the folders and the objects in a folder, both in order of key."""
        store, library = client(self.url)
        result = self.ask(prefix, lambda: library.list_with_delimiter_async(store, prefix))
        entries = sorted(map(StoredObject.of, result["objects"]), key=lambda entry: entry.key)
        return sorted(result["common_prefixes"]), entries

    def ask(self, key: str, request: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Return the answer to a request; raise an error of this package that names the object if the request fails."""
        import asyncio

        from obstore import exceptions as text

        async def answered() -> _Answer:
            return await request()

        where = f"{self.url}/{key}"
        try:
            return asyncio.run(answered())
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise UsageError(f"{self.url}: there is no such bucket; make it, or name another") from None
            raise FileNotFoundError(2, "no such object", where) from None
        except (text.AlreadyExistsError, text.PreconditionError):
            raise ConflictError(where) from None
        except (text.PermissionDeniedError, text.UnauthenticatedError) as error:
            raise UsageError(
                f"{where}: access denied ({_short(error)}); fix the credentials in the environment"
            ) from None
        except (text.NotSupportedError, NotImplementedError) as error:
            raise UsageError(f"{where}: the store cannot do this ({_short(error)}); use another") from None
        except (text.BaseError, OSError) as error:
            raise _unanswered(where, error) from None


def _unanswered(where: str, error: Exception) -> RetryableError:
    """Return the error about a store that does not answer, or fails by itself; the request may be repeated."""
    return RetryableError(f"{where}: the store does not answer as it should ({_short(error)}); run again later")


def _short(error: Exception) -> str:
    """Return the text of a store's error on one line, without body, query and secrets."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = re.sub(r"^.*? in [0-9.]+[mµn]?s\b.*? +- ", "", lines[0].partition(": <")[0])
    return without_secrets(text)


def is_plain_endpoint(url: str) -> bool:
    """Return whether the environment names an endpoint in plain http; raise UsageError if it is on another machine.

    On a network, others could read the data. To allow plain http anyway, set AWS_ALLOW_HTTP in the environment.
    """
    plain = [value for name in _ENDPOINTS if (value := os.environ.get(name, "")).lower().startswith("http://")]
    for endpoint in plain:
        if not _LOOPBACK.match(endpoint) and os.environ.get("AWS_ALLOW_HTTP", "").lower() not in {"1", "true"}:
            raise UsageError(
                f"{url}: the endpoint {without_secrets(endpoint)!r} is plain http; use https, or AWS_ALLOW_HTTP=true"
            )
    return bool(plain)


@cache
def client(url: str) -> tuple[Any, Any]:
    """Return the client of a bucket, made once in each process, and its library; raise UsageError without the extra."""
    try:
        import obstore
        from obstore.store import from_url
    except ImportError as error:
        raise UsageError(
            f"{url}: object storage needs the extra {_EXTRA!r}; install it with: {with_extra(_EXTRA)}"
        ) from error
    from obstore.exceptions import BaseError

    options = {"timeout": f"{ANSWER_S}s", "connect_timeout": f"{_CONNECT_S}s"}
    local = {"allow_http": True} if is_plain_endpoint(url) else {}
    retry = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)}
    settings: Any = {"client_options": {**options, **local}, "retry_config": retry}
    if provider := credentials.provider_for(url):
        settings["credential_provider"] = provider
    try:
        return from_url(url, **settings), obstore
    except BaseError as error:
        raise UsageError(f"{url}: {_short(error)}; look at the address and the environment") from None
