"""How often one person, or one address without a person, may ask for a change.

Every unsafe request counts, so that a new view is limited without anybody thinking of it; what is costly has a pace of
its own, be it a change or not. Messages have their own limit (`webapp.chat.services.limits`). Counts live in Redis:
while it is away nobody is refused, for a limit that nobody can count is no reason to close the site.
"""

import logging
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from webapp.pace import Pace

logger = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
MINUTE_S, HOUR_S = 60.0, 3600.0
USUAL = Pace(limit=120, period_s=MINUTE_S)
PACES = {
    "command": Pace(limit=240, period_s=MINUTE_S),  # what pages of the chat say, on the socket too
    "become_guest": Pace(limit=600, period_s=HOUR_S),
    "account_signup": Pace(limit=120, period_s=HOUR_S),
    "import_chats": Pace(limit=30, period_s=HOUR_S),
    "import_preview": Pace(limit=60, period_s=HOUR_S),
    "library:add": Pace(limit=240, period_s=HOUR_S),
    "export_all": Pace(limit=20, period_s=HOUR_S),
    "preview_prompt": Pace(limit=240, period_s=MINUTE_S),  # follows what somebody types
    "summarise": Pace(limit=6, period_s=HOUR_S),  # each may be several texts of a model
    "search": Pace(limit=120, period_s=MINUTE_S),
    "search_results": Pace(limit=300, period_s=MINUTE_S),  # follows what somebody types
    "search_similar": Pace(limit=120, period_s=MINUTE_S),  # follows what somebody types
    "share": Pace(limit=60, period_s=HOUR_S),
    "continue_shared": Pace(limit=60, period_s=HOUR_S),
    "report_shared": Pace(limit=20, period_s=HOUR_S),
    "data_export": Pace(limit=10, period_s=HOUR_S),
    "wipe_data": Pace(limit=10, period_s=HOUR_S),
    "admin:experiments_playgroundsession_add": Pace(limit=60, period_s=HOUR_S),
    "admin:experiments_playground_go_on": Pace(limit=120, period_s=HOUR_S),
    "admin:experiments_playground_retry": Pace(limit=120, period_s=HOUR_S),
    "delete_account": Pace(limit=10, period_s=HOUR_S),
}
COSTLY_READS = frozenset({"export_all", "search", "search_results", "search_similar"})

# The same sum as webapp.pace.Pace.pay, where two requests at once cannot both take the last one.
_PAY = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local paid_off_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local interval, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local due_in = paid_off_at + interval - now - period
if due_in > 0.000001 then return tostring(due_in) end
redis.call('SET', KEYS[1], string.format('%.6f', paid_off_at + interval), 'PX', math.ceil(period * 1000))
return '0'
"""


class RateLimitMiddleware:
    """Answers 429, with when to try again, where somebody asks for changes faster than the pace of the view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        match = request.resolver_match
        if request.method in SAFE_METHODS and (match is None or match.view_name not in COSTLY_READS):
            return None
        wait_s = seconds_to_wait(request)
        return too_many(request, wait_s) if wait_s else None


def too_many(request: HttpRequest, wait_s: int) -> HttpResponse:
    """The kind refusal."""
    response = render(request, "429.html", {"wait_s": wait_s}, status=429)
    response["Retry-After"] = str(wait_s)
    return response


def seconds_to_wait(request: HttpRequest, name: str = "") -> int:
    """0 if the request may go on, and it is counted then: as one of the view `name`, by default its own."""
    match = request.resolver_match
    due_s = due_in_s(name or (match.view_name if match else ""), _who(request))
    return int(due_s) + 1 if due_s > 0 else 0


def due_in_s(name: str, who: str) -> float:
    """In how many seconds this person or address may ask for this change, by its pace. 0: now, and it is counted."""
    pace = PACES.get(name, USUAL)
    key = f"cria:rate:{name if name in PACES else ''}:{who}"
    began = time.monotonic()
    try:
        return float(_redis().eval(_PAY, 1, key, pace.interval_s, pace.period_s))
    except (RedisError, OSError) as error:
        logger.warning("rate_limit_away", extra={"error": type(error).__name__, "after_s": time.monotonic() - began})
        return 0.0


def _who(request: HttpRequest) -> str:
    person = getattr(request, "person", None)
    return str(person.pk) if person else request.META.get("REMOTE_ADDR", "")


def _redis() -> Redis:
    return _connection(settings.REDIS_URL)


@cache
def _connection(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))
