"""One shape for every log line of web, worker and beat."""

import logging
import logging.config
from typing import Literal

import structlog
from structlog.typing import Processor


class WithoutReadiness(logging.Filter):
    """Django writes an error for each answer that is 503; `webapp.health` says once what is missing."""

    def filter(self, record: logging.LogRecord) -> bool:
        path = getattr(getattr(record, "request", None), "path_info", None)
        return (path, getattr(record, "status_code", None)) != ("/readyz", 503)


def configure(*, log_format: Literal["console", "json"], level: str) -> None:
    """Send the standard library's logging through structlog. Safe to call again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        # The default shows every local variable of a traceback, and what a person wrote is in some of them.
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
                }
            },
            "filters": {"without_readiness": {"()": WithoutReadiness}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # One rich line a turn, written by us, says more than Celery's two for each task.
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
                "faiss.loader": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
                "uvicorn.access": {"level": "WARNING"},
                "django.server": {"level": "WARNING"},
                # At DEBUG it writes down all that a page shows.
                "django.template": {"level": "INFO"},
                "django.request": {"filters": ["without_readiness"]},
            },
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
