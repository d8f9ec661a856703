"""Erasing conversations, with the logs of their replies: for some minutes those hold the same words."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from webapp.chat import temporary_keys, turn_log
from webapp.chat.models import Conversation, Reply

logger = logging.getLogger(__name__)


def erase(conversations: QuerySet[Conversation]) -> int:
    """Delete them and all that hangs on them, and the keys of those that are temporary. Returns how many there were."""
    try:
        return _erase(conversations)
    except IntegrityError:  # something came to hang on them meanwhile, a verdict or a report: now it is found
        return _erase(conversations)


@transaction.atomic
def _erase(conversations: QuerySet[Conversation]) -> int:
    chosen = dict(conversations.values_list("pk", "is_temporary"))
    found = list(chosen)
    if not found:
        return 0
    temporary_keys.forget(pk for pk, is_temporary in chosen.items() if is_temporary)
    forget_logs(Reply.objects.filter(conversation__in=found))
    Conversation.objects.filter(pk__in=found).delete()
    return len(found)


def forget_logs(replies: QuerySet[Reply]) -> None:
    """The logs of these replies go once their rows are gone for good. A worker that lost its turn may have written to
    one after the end, which keeps it for as long as one that is written; who still writes to one forgets it then."""
    lately = timezone.now() - timedelta(seconds=turn_log.KEEP_WHILE_WRITTEN_S)
    logged = replies.filter(Q(state__in=Reply.ACTIVE) | Q(finished_at__gte=lately))
    keys = [turn_log.key(pk) for pk in logged.values_list("pk", flat=True)]
    if keys:
        transaction.on_commit(partial(_delete_logs, keys))


def _delete_logs(keys: Sequence[str]) -> None:
    """Best effort: without Redis there is no log to be read, and what comes back with it ends by itself."""
    try:
        with Redis.from_url(settings.VOLATILE_REDIS_URL, socket_timeout=1.0, retry=Retry(NoBackoff(), 0)) as redis:
            redis.delete(*keys)
    except (RedisError, OSError) as error:
        logger.warning("turn_logs_not_erased", extra={"error": type(error).__name__, "num": len(keys)})
