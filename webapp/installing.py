"""Cria as an app on a home screen: the manifest, the service worker, the page without a connection."""

import hashlib
import json
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

SCRIPT = "js/service_worker.js"
# What the page without a connection loads.
SHELL = (
    *("css/tokens.css", "css/base.css", "css/pages.css", "fonts/inter-latin.woff2"),
    *("img/cria.svg", "js/appearance.js", "js/offline.js", "js/store.js"),
)
BACKGROUND = "#ffffff"


@cache_control(max_age=3600)
@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    """What a browser needs to install the site, in the person's language."""
    icons = [
        {"src": static("img/cria-192.png"), "sizes": "192x192", "type": "image/png"},
        {"src": static("img/cria-512.png"), "sizes": "512x512", "type": "image/png"},
        {"src": static("img/cria-maskable-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
    ]
    document = {
        "id": "/",
        "name": "Cria",
        "short_name": "Cria",
        "description": _("Cria, a private assistant: learn, get things done, create, connect."),
        "lang": get_language(),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": BACKGROUND,
        "theme_color": BACKGROUND,
        "icons": icons,
        "shortcuts": [
            {"name": _("New chat"), "url": "/"},
            {"name": _("Search chats"), "url": reverse("search")},
        ],
    }
    return JsonResponse(document, content_type="application/manifest+json")


@cache_control(no_cache=True)
@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script, which must have an address at the root to stand before every page. Another version of any file of
    the shell is another script, and a browser takes that as an update."""
    shell = [static(name) for name in SHELL]
    version = hashlib.sha256("\n".join([*shell, _script()]).encode()).hexdigest()[:12]
    values = {"VERSION": version, "OFFLINE": reverse("offline"), "SHELL": sorted(shell)}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
    return HttpResponse(head + _script(), content_type="text/javascript; charset=utf-8")


@cache_control(no_cache=True)
@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """The same for everybody who speaks the language: it is kept in the browser, and outlives a log-out."""
    return render(request, "offline.html")


@cache
def _script() -> str:
    return (Path(settings.BASE_DIR) / "webapp" / "static" / SCRIPT).read_text()
