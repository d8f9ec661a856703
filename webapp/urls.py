"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from webapp import health

urlpatterns = [
    path("", include("webapp.chat.urls")),
    path("library/", include("webapp.library.urls")),
    path("safety/", include("webapp.moderation.urls")),
    path("", include("webapp.accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
