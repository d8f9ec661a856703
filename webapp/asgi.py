"""The ASGI application: pages over HTTP, the chat over a websocket, or server-sent events where none gets through."""

import os
import warnings
from typing import Any

# WhiteNoise hands Django files to iterate over; Django reads them in a thread, which for files this small is right.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

from django.core.asgi import get_asgi_application  # noqa: E402

http = get_asgi_application()  # sets Django up; what follows needs that

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from webapp.accounts.middleware import PersonScopeMiddleware  # noqa: E402
from webapp.body_limit import BodyLimit  # noqa: E402
from webapp.chat.consumers import ChatConsumer  # noqa: E402
from webapp.chat.event_stream import EventStream  # noqa: E402

pages: Any = BodyLimit(http)  # not a view, as the types of a line of the table want it
application = ProtocolTypeRouter(
    {
        "http": URLRouter(
            [
                path("sse/chat/", AuthMiddlewareStack(PersonScopeMiddleware(EventStream.as_asgi()))),
                re_path("", pages),
            ]
        ),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(PersonScopeMiddleware(URLRouter([path("ws/chat/", ChatConsumer.as_asgi())])))
        ),
    }
)
