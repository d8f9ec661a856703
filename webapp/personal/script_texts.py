"""The texts of our scripts, in the language of the page."""

from django.conf import settings
from django.views.i18n import JavaScriptCatalog


class ScriptTexts(JavaScriptCatalog):
    """Ours alone: the page loads none of the texts of the administration's scripts."""

    packages = ["webapp"]

    def get_paths(self, packages: object) -> list[str]:
        return [str(path) for path in settings.LOCALE_PATHS]
