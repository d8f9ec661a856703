"""`{% module_script "js/chat.js" %}`: a script and, so that nothing waits for anything, what it imports at once."""

from typing import cast

from django import template
from django.template.context import RequestContext
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from webapp.scripts import needed_beside

register = template.Library()


@register.simple_tag(takes_context=True)
def module_script(context: RequestContext, script: str) -> SafeString:
    """Names each module once a page, in the order in which they run."""
    named = cast(set[str], context.render_context.setdefault("modules", set()))  # type: ignore[arg-type]
    fresh = [name for name in needed_beside(script) if name not in named]
    named.update(fresh)
    preloads = format_html_join("", '<link rel="modulepreload" href="{}">', ((static(name),) for name in fresh))
    return format_html('{}<script type="module" src="{}"></script>', preloads, static(script))
