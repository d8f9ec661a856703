"""Our scripts as they are sent: those of the chat page are two files, each with all that it imports at once.

In the folder there is one idea a file. Sixty small answers would be a third headers, and compress worse than two.

    import { load } from "./store.js";          const $theme = (() => {
    export function startTheme() {…}            const { load } = $store;
                                                function startTheme() {…}
                                                return { startTheme };
                                                })();

A module runs once on a page, so whoever needs one that is joined into SHELL gets it from there. Nothing is got from the
script of a page: what it shares with those that it brings in later is named in SHELL.
"""

import re
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders

SHELL = "js/shell.js"  # each page of ours loads it first
JOINED = (SHELL, "js/chat.js")
WITHOUT_SHELL = ("js/offline.js",)

IMPORT = re.compile(
    r'^import (?:(?:\{ (?P<names>[^}]+) \}|\* as (?P<all>\w+)) from )?"\./(?P<module>\w+)\.js";\n', re.MULTILINE
)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (?P<name>\w+))", re.MULTILINE)
EXPORTS = re.compile(r"^export \{ (?P<names>[\w, ]+) \};\n", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b(?!\().*", re.MULTILINE)
UNREAD_IMPORT = re.compile(r"^import\b(?!\().*", re.MULTILINE)
IMPORT_LATER = re.compile(r'import\("\./(?P<module>\w+)\.js"\)')


@cache
def imported_by(script: str) -> tuple[str, ...]:
    """The modules that a script of ours needs before it can run, whatever imports them: each before what needs it."""
    found: dict[str, None] = {}
    for needed in _imports(script):
        found |= dict.fromkeys((*imported_by(needed), needed))
    return tuple(found)


@cache
def needed_beside(script: str) -> tuple[str, ...]:
    """The modules that a page has to name beside `script` and SHELL: those which are sent as files of their own."""
    if script in JOINED:
        return ()
    return tuple(name for name in imported_by(script) if name not in imported_by(SHELL))


def as_sent(script: str) -> str:
    """Raises ValueError for what cannot be joined, and for what would run twice on a page."""
    _refuse_twice(script)
    if script in JOINED:
        return _joined(script)
    if script in WITHOUT_SHELL or _is_joined(script):
        return source(script)
    return _with_shell(script)


def source(name: str) -> str:
    """Raises FileNotFoundError."""
    path = finders.find(name)
    if path is None:
        raise FileNotFoundError(name)
    return Path(path).read_text()


def _joined(script: str) -> str:
    in_shell = imported_by(SHELL)
    ours = [name for name in imported_by(script) if script == SHELL or name not in in_shell]
    bodies = [*map(_wrapped, ours), _bound(script, source(script))]
    if script == SHELL:
        names = ", ".join(map(_variable, ours))
        return "".join([*bodies, f"export {{ {names} }};\n"])
    theirs = [name for name in in_shell if any(name in _imports(each) for each in (*ours, script))]
    return "".join([_from_shell(theirs), *bodies])


def _with_shell(script: str) -> str:
    """What SHELL has is got from there, all else as it is written."""
    theirs = [name for name in _imports(script) if name in imported_by(SHELL)]
    if not theirs:
        return source(script)

    def keep(match: re.Match[str]) -> str:
        return _binding(match) if f"js/{match['module']}.js" in theirs else match[0]

    return _from_shell(theirs) + IMPORT.sub(keep, source(script))


def _refuse_twice(script: str) -> None:
    later = {f"js/{match['module']}.js" for match in IMPORT_LATER.finditer(source(script))}
    is_apart = script not in JOINED and script not in WITHOUT_SHELL and not _is_joined(script)
    at_once = set(_imports(script)) - set(imported_by(SHELL)) if is_apart else set()
    for name in (*later, *at_once):
        if name in JOINED or _is_joined(name):
            raise ValueError(f"{script} would run {name} again: let {SHELL} import it too, and import it at once")


def _is_joined(script: str) -> bool:
    return any(script in imported_by(joined) for joined in JOINED)


def _wrapped(module: str) -> str:
    text = source(module)
    names = [match["name"] for match in EXPORT.finditer(text)]
    names += [name for match in EXPORTS.finditer(text) for name in match["names"].split(", ")]
    body = _bound(module, EXPORTS.sub("", EXPORT.sub("", text)))
    return f"const {_variable(module)} = (() => {{\n{body}return {{ {', '.join(names)} }};\n}})();\n"


def _bound(script: str, text: str) -> str:
    bound = IMPORT.sub(_binding, text)
    _refuse(script, LEFT_OVER.search(bound))
    return bound


def _binding(match: re.Match[str]) -> str:
    if match["all"]:
        return f"const {match['all']} = ${match['module']};\n"
    if match["names"]:
        return f"const {{ {match['names'].replace(' as ', ': ')} }} = ${match['module']};\n"
    return ""


def _from_shell(modules: list[str]) -> str:
    names = ", ".join(map(_variable, modules))
    return f'import {{ {names} }} from "./{Path(SHELL).name}";\n' if modules else ""


def _imports(script: str) -> list[str]:
    text = source(script)
    _refuse(script, UNREAD_IMPORT.search(IMPORT.sub("", text)))
    return [f"js/{match['module']}.js" for match in IMPORT.finditer(text)]


def _refuse(script: str, left: re.Match[str] | None) -> None:
    if left:
        raise ValueError(f"{script} cannot be joined: {left[0]}")


def _variable(module: str) -> str:
    return f"${Path(module).stem}"
