"""A client for model servers: several URLs, lists per request, bounded concurrency, retries until a deadline.

The client checks every answer: it must have one row per input, in the expected form. The value of the environment variable
DQO_VERL_SERVER_KEY is sent as a bearer token; a password in a URL is used, but never shown.
"""

import itertools
import json
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from dqo_verl.errors import UserError

ITEMS_PER_REQUEST = 64
REQUESTS_PER_URL = 4
# The pause in seconds doubles with every failure in a row, with random jitter, so that many clients do not retry at once.
FIRST_PAUSE = 0.2
STRETCHED = (0.5, 1.5)
# the status codes below 500 that are retried: too slow, too early, too many
AGAIN = (408, 425, 429)
SECONDS_TO_ANSWER = 3.0
KEY = "DQO_VERL_SERVER_KEY"


class RefusedError(RuntimeError):
    """The server refused the request, and a retry is of no use."""

    def __init__(self, told: str, status: int):
        super().__init__(told)
        self.status = status


class _StumbledError(Exception):
    """A retry may help; `after`: the seconds that the server asks to wait."""

    def __init__(self, cause: str, after: float = 0.0):
        super().__init__(cause)
        self.after = after


def shown(url: str) -> str:
    """A URL without its password."""
    parts = httpx.URL(url)
    return str(parts.copy_with(username=parts.username, password="***")) if parts.password else url


def refuse_silent(urls: Sequence[str], typed: Callable[[str], str]) -> None:
    """Refuse servers that do not answer at all; the first request shows what they serve. `typed(x)`: how a user types x."""

    def silence(url: str) -> str | None:
        try:
            httpx.get(f"{url.rstrip('/')}/health", timeout=SECONDS_TO_ANSWER)
        except httpx.HTTPError as error:
            return f"{shown(url)} ({type(error).__name__})"
        return None

    with ThreadPoolExecutor(len(urls)) as pool:
        silent = list(filter(None, pool.map(silence, urls)))
    if silent:
        listed = ",".join(map(shown, urls))
        raise UserError(f"{typed(f'[{listed}]')}: no server answers at {', '.join(silent)}. Start it first.")


class Endpoint:
    """One or more equal servers. After a failure the next server is asked; the deadline covers all attempts of a request.

    `setting_name` is the setting that changes the deadline (in seconds); `at_once` is the number of requests per server.
    """

    def __init__(
        self, urls: Sequence[str], deadline: float, setting_name: str = "deadline", at_once: int = REQUESTS_PER_URL
    ):
        self.urls = [url.rstrip("/") for url in urls]
        self.deadline = deadline
        self.setting_name = setting_name
        self.turn = itertools.cycle(range(len(self.urls)))
        self.lock = threading.Lock()
        at_once *= len(self.urls)
        self.pool = ThreadPoolExecutor(at_once)
        key = os.environ.get(KEY)
        self.client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else None, limits=httpx.Limits(max_connections=at_once)
        )
        self.requests_sent = 0

    def ask(
        self,
        path: str,
        payload: Callable[[Sequence[Any]], dict[str, Any]],
        items: Sequence[Any],
        read: Callable[[dict[str, Any]], Any],
    ) -> list[Any]:
        """`read(row)` for each item, in order; the servers answer `{"data": [row, ...]}`."""
        chunks = [items[start : start + ITEMS_PER_REQUEST] for start in range(0, len(items), ITEMS_PER_REQUEST)]

        def one(chunk: Sequence[Any]) -> list[Any]:
            url, body = self.post(path, payload(chunk))
            return [_read(row, read, url) for row in _in_order(body["data"], len(chunk), url)]

        return [row for rows in self.pool.map(one, chunks) for row in rows]

    def post(self, path: str, payload: dict[str, Any], rows: str = "data") -> tuple[str, dict[str, Any]]:
        """The URL that answered, and its answer: an object with a list `rows`."""
        until = time.monotonic() + self.deadline
        pause = FIRST_PAUSE
        cause = "no attempt was made"
        while (left := until - time.monotonic()) > 0:
            with self.lock:
                url = self.urls[next(self.turn)] + path
                self.requests_sent += 1
            after = 0.0
            try:
                # a hanging server must leave time for another one
                return shown(url), self._attempt(url, payload, max(left / max(2, len(self.urls)), 0.05), rows)
            except _StumbledError as stumbled:
                cause, after = f"{shown(url)} {stumbled}", stumbled.after
            except (httpx.RequestError, json.JSONDecodeError) as error:
                cause = f"{shown(url)}: {type(error).__name__}: {str(error)[:200]}"
            waits = max(after, pause * random.uniform(*STRETCHED))
            time.sleep(max(0.0, min(waits, until - time.monotonic())))
            pause *= 2
        raise RuntimeError(f"no answer within {self.setting_name}={self.deadline:g} seconds. Last failure: {cause}")

    def _attempt(self, url: str, payload: dict[str, Any], seconds: float, rows: str) -> dict[str, Any]:
        """One request, which ends after `seconds` even if its answer arrives in small pieces."""
        until, body = time.monotonic() + seconds, bytearray()
        with self.client.stream("POST", url, json=payload, timeout=seconds) as answer:
            for part in answer.iter_bytes():
                body += part
                if time.monotonic() > until:
                    raise _StumbledError(f"did not finish its answer within {seconds:.3g} seconds (Timeout)")
        if answer.is_redirect:
            raise RuntimeError(
                f"{shown(url)} redirects to {shown(answer.headers.get('location', 'nowhere'))}, but responses are sent only to "
                "servers that you name. Name that server."
            )
        if answer.status_code >= 400:
            said = f"answered {answer.status_code}: {body[:300].decode(errors='replace')}"
            if answer.status_code < 500 and answer.status_code not in AGAIN:
                raise RefusedError(f"{shown(url)} {said}", answer.status_code)
            raise _StumbledError(said, _seconds(answer.headers.get("retry-after", "")))
        found = json.loads(body)
        if not isinstance(found, dict) or not isinstance(found.get(rows), list):
            raise _StumbledError(f"answered without a list of rows: {body[:200].decode(errors='replace')}")
        return found


def _seconds(retry_after: str) -> float:
    """Seconds in the header; 0 for a date, so that the usual pause applies."""
    return float(retry_after) if retry_after.isdigit() else 0.0


def _in_order(rows: list[Any], inputs: int, url: str) -> list[Any]:
    """The rows in the order of `index`, which must name each input once."""
    if len(rows) != inputs:
        raise RuntimeError(f"{url} answered {len(rows)} rows for {inputs} inputs; is this the right server?")
    place = {row.get("index") if isinstance(row, dict) else None: row for row in rows}
    if place.keys() != set(range(inputs)):
        raise RuntimeError(
            f"{url} answered rows whose `index` does not name each of the {inputs} inputs once, so they cannot be matched."
        )
    return [place[i] for i in range(inputs)]


def _read(row: dict[str, Any], read: Callable[[dict[str, Any]], Any], url: str) -> Any:
    try:
        return read(row)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise RuntimeError(
            f"{url} answered a row in an unexpected form ({type(error).__name__}: {error}): {str(row)[:200]}"
        ) from error
