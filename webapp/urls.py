"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from webapp import health, installing
from webapp.personal.script_texts import ScriptTexts

urlpatterns = [
    path("", include("webapp.chat.urls")),
    path("library/", include("webapp.library.urls")),
    path("safety/", include("webapp.moderation.urls")),
    path("", include("webapp.accounts.urls")),
    path("settings/", include("webapp.personal.urls")),
    path("", include("webapp.sharing.urls")),
    path("your-data/", include("webapp.privacy.urls")),
    path("reports/", include("webapp.experiments.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", ScriptTexts.as_view(), name="jsi18n"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("manifest.webmanifest", installing.manifest, name="manifest"),
    path("sw.js", installing.service_worker, name="service_worker"),
    path("offline/", installing.offline, name="offline"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
