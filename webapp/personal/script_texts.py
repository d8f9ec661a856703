"""The texts of our scripts, in the language of the page."""

from django.conf import settings
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from django.views.i18n import JavaScriptCatalog


@method_decorator(cache_control(private=True, no_cache=True), name="dispatch")
@method_decorator(conditional_page, name="dispatch")
class ScriptTexts(JavaScriptCatalog):
    """Ours alone: the page loads none of the texts of the administration's scripts. Kept by the browser and asked after
    each time, for the address is the same in every language."""

    packages = ["webapp"]

    def get_paths(self, packages: object) -> list[str]:
        return [str(path) for path in settings.LOCALE_PATHS]
