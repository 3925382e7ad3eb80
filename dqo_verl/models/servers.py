"""Model servers: several URLs, lists per request, bounded concurrency, retries until a deadline."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from dqo_verl.errors import UserError

ITEMS_PER_REQUEST = 64
REQUESTS_PER_URL = 4
# The pause in seconds doubles with every failure in a row.
FIRST_PAUSE = 0.2

SECONDS_TO_ANSWER = 3.0


def refuse_silent(urls: Sequence[str], typed: Callable[[str], str]) -> None:
    """Refuse servers that do not answer at all; what they serve is seen at the first request. `typed(x)`: how a user types x."""

    def silence(url: str) -> str | None:
        try:
            requests.get(f"{url.rstrip('/')}/health", timeout=SECONDS_TO_ANSWER)
        except requests.RequestException as error:
            return f"{url} ({type(error).__name__})"
        return None

    with ThreadPoolExecutor(len(urls)) as pool:
        silent = list(filter(None, pool.map(silence, urls)))
    if silent:
        listed = ",".join(urls)
        raise UserError(f"{typed(f'[{listed}]')}: nobody answers at {', '.join(silent)}. Start the server first.")


class Endpoint:
    """One or more equal servers. A server that stumbles is passed over; the deadline covers all attempts of a request.

    `setting_name` is what a user types to change the deadline (seconds).
    """

    def __init__(self, urls: Sequence[str], deadline: float, setting_name: str = "deadline"):
        self.urls = [url.rstrip("/") for url in urls]
        self.deadline = deadline
        self.setting_name = setting_name
        self.turn = itertools.cycle(range(len(self.urls)))
        self.lock = threading.Lock()
        self.pool = ThreadPoolExecutor(REQUESTS_PER_URL * len(self.urls))
        self.session = requests.Session()
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
            rows = self._post(path, payload(chunk))["data"]
            if len(rows) != len(chunk):
                raise RuntimeError(
                    f"{path} answered {len(rows)} rows for {len(chunk)} inputs; is this the right server?"
                )
            return [read(row) for row in sorted(rows, key=lambda row: row["index"])]

        return [row for rows in self.pool.map(one, chunks) for row in rows]

    def _post(self, path: str, payload: dict[str, Any]) -> dict[str, Any]:
        until = time.monotonic() + self.deadline
        pause = FIRST_PAUSE
        cause = "no attempt was made"
        while (left := until - time.monotonic()) > 0:
            with self.lock:
                url = self.urls[next(self.turn)] + path
                self.requests_sent += 1
            try:
                # a hanging server must leave time for another one
                answer = self.session.post(url, json=payload, timeout=max(left / max(2, len(self.urls)), 0.05))
                if answer.status_code < 400:
                    body: dict[str, Any] = answer.json()
                    return body
                cause = f"{url} answered {answer.status_code}: {answer.text[:300]}"
                if answer.status_code < 500 and answer.status_code != 429:
                    # To ask again would not help.
                    raise RuntimeError(cause)
            except (requests.ConnectionError, requests.Timeout, requests.JSONDecodeError) as error:
                cause = f"{url}: {type(error).__name__}: {str(error)[:200]}"
            time.sleep(max(0.0, min(pause, until - time.monotonic())))
            pause *= 2
        raise RuntimeError(f"no answer within {self.setting_name}={self.deadline:g} seconds. Last: {cause}")
