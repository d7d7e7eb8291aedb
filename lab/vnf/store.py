"""The state store that units share: Redis, reached from the network namespace that the process started in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

_TIMEOUT_S: Final = 1.0
_KEY: Final = "sessions:{}"

Answer = TypeVar("Answer")


class StoreError(RuntimeError):
    """The store does not answer, or not as expected."""


@dataclass(frozen=True)
class Record:
    """What a unit stored.

    Attributes:
        number: The unit's number.
        data: What it wrote.
        age_ms: How long ago.
    """

    number: int
    data: bytes
    age_ms: int


class Store(Protocol):
    """Where units keep what others are to find; every method may raise StoreError. Threads may share it."""

    def save(self, number: int, data: bytes) -> None:
        """Replace what unit `number` stored; it vanishes by itself when it has become useless."""

    def load(self, numbers: Sequence[int]) -> list[Record]:
        """What these units stored, leaving out those that stored nothing."""


class RedisStore:
    """A store in Redis under the keys `sessions:<unit number>`.

    A thread stays in the network namespace in which its process started, and so do the sockets that it opens. All calls
    to Redis are made by one thread that is started here: create the store before moving into another namespace.
    """

    def __init__(self, address: str, lifetime_ms: int) -> None:
        """`address` is HOST:PORT; a record vanishes `lifetime_ms` after it was written."""
        host, _, port = address.rpartition(":")
        self._lifetime_ms = lifetime_ms
        self._redis = Redis(
            host=host,
            port=int(port),
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),  # a connection that was lost while nobody used it is made anew
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._thread.submit(int).result()

    def save(self, number: int, data: bytes) -> None:
        """SET with a lifetime."""
        key = _KEY.format(number)
        self._call(lambda: self._redis.set(key, data, px=self._lifetime_ms))

    def load(self, numbers: Sequence[int]) -> list[Record]:
        """GET and PTTL of all keys in one transaction: what is gone of the lifetime is the age."""

        def read() -> list[Record]:
            pipeline = self._redis.pipeline(transaction=True)
            for number in numbers:
                pipeline.get(_KEY.format(number))
                pipeline.pttl(_KEY.format(number))
            answers = pipeline.execute()
            return [
                Record(number, data, max(0, self._lifetime_ms - left_ms))
                for number, data, left_ms in zip(numbers, answers[::2], answers[1::2], strict=True)
                if data is not None
            ]

        return self._call(read) if numbers else []

    def _call(self, work: Callable[[], Answer]) -> Answer:
        try:
            return self._thread.submit(work).result()
        except (RedisError, OSError) as error:
            raise StoreError(f"state store - {error}") from error
