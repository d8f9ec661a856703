"""What a turn may use, as the settings have it: a search engine, and somebody who draws."""

from django.utils import timezone
from django.utils.translation import gettext

from assistant.ports import Album, Guard, PassageIndex
from assistant.tools.registry import tools_for
from assistant.tools.tool import Drawing, Tool, ToolServices
from webapp.images import OpenAIImages
from webapp.settings.environment import environment
from webapp.web_search import SearxngSearch


def tools(index: PassageIndex, guard: Guard, album: Album | None) -> tuple[Tool, ...]:
    """Without an `album` nothing is drawn."""
    drawing = _drawing(guard, album)
    return tools_for(
        ToolServices(index=index, now=timezone.localtime, web=_web_search(), drawing=drawing, translate=gettext)
    )


def searches_web() -> bool:
    """Whether whoever runs this site has given the assistant a search engine."""
    return _web_search() is not None


def draws_pictures() -> bool:
    """Whether whoever runs this site has given the assistant somebody who draws."""
    return bool(environment.image_url)


def _web_search() -> SearxngSearch | None:
    return SearxngSearch(environment.web_search_url) if environment.web_search_url else None


def _drawing(guard: Guard, album: Album | None) -> Drawing | None:
    if album is None or not draws_pictures():
        return None
    maker = OpenAIImages(
        environment.image_url,
        model=environment.image_model,
        api_key=environment.image_api_key.get_secret_value(),
        size=environment.image_size,
    )
    return Drawing(maker=maker, guard=guard, album=album)
