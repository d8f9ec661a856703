"""Scripts and styles as browsers get them: joined, without comments, each under a name that changes with what is in it.

In the folder they are for people, one idea a file and explained. `collectstatic --clear` makes what is sent of them.
"""

import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile, File
from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]

from webapp import scripts

JOINED = re.compile(r'^@import "(?P<name>[\w.]+)";$', re.MULTILINE)
STYLE_COMMENT = re.compile(r"^ *+/\*.*?\*/\n|/\*.*?\*/", re.MULTILINE | re.DOTALL)
SCRIPT_COMMENT = re.compile(r"^ *(?:(?-s://.*)|/\*\*.*?\*/)\n", re.MULTILINE | re.DOTALL)
# What a script of ours imports, at once or later, is named with its hash too.
IMPORTS = (
    (r'(?P<matched>from "(?P<url>\./\w+\.js)";)', 'from "%(url)s";'),
    (r'(?P<matched>import\("(?P<url>\./\w+\.js)"\))', 'import("%(url)s")'),
)
HASHED = re.compile(r"\.[0-9a-f]{12}\.\w+$")
INDENT = re.compile(r"^ +", re.MULTILINE)


class StaticFiles(CompressedManifestStaticFilesStorage):
    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", IMPORTS))

    def _save(self, name: str, content: "File[bytes]") -> str:
        if name.startswith(("css/", "js/")) and not HASHED.search(name):
            content.seek(0)
            content = ContentFile(_as_sent(name, content.read().decode()).encode())
        saved: str = super()._save(name, content)
        return saved

    def post_process(self, paths: dict[str, Any], *args: Any, **options: Any) -> Iterator[Any]:
        """What gets a hash is what was saved, not what lies in the folders."""
        yield from super().post_process({name: (self, name) for name in paths}, *args, **options)


def _as_sent(name: str, text: str) -> str:
    if name.endswith(".js"):
        return INDENT.sub("", SCRIPT_COMMENT.sub("", scripts.as_sent(name)))
    joined = JOINED.sub(lambda found: scripts.source(f"css/{found['name']}"), text)
    return INDENT.sub("", STYLE_COMMENT.sub("", joined))
