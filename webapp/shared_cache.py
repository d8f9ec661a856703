"""Django's cache, in Redis: what one web process counts, all of them know.

Failed logins and views of shared chats are counted in it, so it holds nothing that anybody would miss. While Redis is
away each process counts for itself: limits are wider then, and nobody is locked out.
"""

import json
import logging
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient, RedisSerializer
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

TIMEOUT_S = 0.5


class JsonSerializer(RedisSerializer):
    """Plain values only: reading a pickle would run what somebody else has put into Redis."""

    def dumps(self, obj: Any) -> bytes:
        return json.dumps(obj).encode()

    def loads(self, data: Any) -> Any:
        return json.loads(data)


@cache
def _client(url: str) -> RedisCacheClient:
    """One for the process: Django makes a cache for each request, and a pool of connections with it."""
    return RedisCacheClient(
        [url],
        serializer=JsonSerializer,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def _or_for_itself(name: str) -> Callable[..., Any]:
    """The method of this name, asked of Redis, and of this process alone if Redis does not answer."""

    def method(self: "SharedCache", *arguments: Any, **named: Any) -> Any:
        try:
            return getattr(super(SharedCache, self), name)(*arguments, **named)
        except (RedisError, OSError) as error:
            logger.warning("cache_away", extra={"error": type(error).__name__})
            return getattr(self._own, name)(*arguments, **named)

    return method


class SharedCache(RedisCache):
    def __init__(self, url: str, params: dict[str, Any]) -> None:
        super().__init__(url, params)
        self._url = url
        self._own = LocMemCache("while Redis is away", params)

    @cached_property
    def _cache(self) -> RedisCacheClient:
        return _client(self._url)

    add = _or_for_itself("add")
    get = _or_for_itself("get")
    set = _or_for_itself("set")
    touch = _or_for_itself("touch")
    delete = _or_for_itself("delete")
    get_many = _or_for_itself("get_many")
    has_key = _or_for_itself("has_key")
    incr = _or_for_itself("incr")
    set_many = _or_for_itself("set_many")
    delete_many = _or_for_itself("delete_many")

    def clear(self) -> None:
        """What is ours. Redis holds turn logs and tasks too, and Django would empty it."""
        self._own.clear()
        try:
            redis = self._cache.get_client(write=True)
            for key in redis.scan_iter(match=f"{self.key_prefix}:*", count=500):
                redis.delete(key)
        except (RedisError, OSError) as error:
            logger.warning("cache_away", extra={"error": type(error).__name__})
