"""Scripts and styles reach a browser joined, without comments and indents, under names that tell what is in them."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.finders import get_finders
from django.test import Client

from tests.webapp.sharing import making
from webapp import scripts
from webapp.accounts.models import User
from webapp.sharing.services import links
from webapp.sharing.services.links import Choice
from webapp.static_files import StaticFiles

OURS = ("js/", "css/", "fonts/")
IMPORTS = re.compile(r'(?:from |import\()"\./([\w.]+)"')
HASHED = re.compile(r"\.[0-9a-f]{12}\.")
LOADED = re.compile(r'<(?!link rel="apple-touch-icon")[^>]*? (?:src|href)="/static/([^"#?]+)')
FONT = "fonts/inter-latin.woff2"
MAX_PAGE_BYTES = 117_000
BROUGHT_IN_LATER = {"share.js", "feedback.js", "read_aloud.js", "dictation.js", "review.js"}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `collectstatic` makes of our folders."""
    folder = tmp_path_factory.mktemp("static")
    storage = StaticFiles(location=folder, base_url="/static/")
    sources = {path: source for finder in get_finders() for path, source in finder.list([]) if path.startswith(OURS)}
    for path, source in sources.items():
        with source.open(path) as file:
            storage.save(path, file)
    for _, _, outcome in storage.post_process({path: (source, path) for path, source in sources.items()}):
        if isinstance(outcome, Exception):
            raise outcome
    return folder


def hashed(folder: Path, pattern: str) -> list[Path]:
    found = [path for path in folder.glob(pattern) if HASHED.search(path.name)]
    assert found
    return found


def test_a_script_imports_what_never_changes(collected: Path) -> None:
    """By its hashed name, now or later: an old script never meets a new module, and a browser asks for none twice."""
    for script in hashed(collected, "js/*.js"):
        for name in IMPORTS.findall(script.read_text()):
            assert HASHED.search(name), f"{script.name} imports {name}"
            assert (script.parent / name).is_file()


def test_comments_stay_at_home(collected: Path) -> None:
    """People read them in the folder; on the wire they are a fifth of a script. Strings with slashes stay whole."""
    for script in hashed(collected, "js/*.js"):
        assert not re.search(r"^\s*(//|/\*)", script.read_text(), re.MULTILINE), script.name
    for style in hashed(collected, "css/*.css"):
        assert "/*" not in style.read_text(), style.name
    (alone,) = hashed(collected, "js/follow.*.js")
    assert "export class Followed" in alone.read_text()


def test_styles_that_go_together_are_one_file(collected: Path) -> None:
    (style,) = hashed(collected, "css/every_page.*.css")
    joined = style.read_text()
    assert "@import" not in joined
    assert joined.index("--surface") < joined.index(".sidebar")
    (font,) = re.findall(r'url\("\.\./(fonts/[^"]+)"\)', joined)
    assert HASHED.search(font)
    assert (collected / font).is_file()


def test_a_chat_is_two_scripts(collected: Path) -> None:
    """With each of their modules once, and none of what is wanted by few; whoever comes later gets from the first what
    that has, for a module that ran twice would have two states."""
    (shell,), (chat,) = hashed(collected, "js/shell.*.js"), hashed(collected, "js/chat.*.js")
    assert IMPORTS.findall(shell.read_text()) == []
    assert set(re.findall(r'^import .* from "\./([\w.]+)";', chat.read_text(), re.MULTILINE)) == {shell.name}
    joined = [
        set(re.findall(r"^const \$(\w+) = \(\(\) =>", script.read_text(), re.MULTILINE)) for script in (shell, chat)
    ]
    assert not joined[0] & joined[1]
    needed = {name.removesuffix(".js") for name in needed_by(["shell.js", "chat.js"])}
    assert joined[0] | joined[1] == needed
    assert not {name.removesuffix(".js") for name in BROUGHT_IN_LATER} & needed
    for later in BROUGHT_IN_LATER | {"library.js", "citations.js"}:
        (script,) = hashed(collected, f"js/{later.removesuffix('.js')}.*.js")
        in_shell = {name.partition(".")[0] for name in IMPORTS.findall(script.read_text())} & joined[0]
        assert not in_shell, f"{later} has {in_shell} for itself"
    (offline,) = hashed(collected, "js/offline.*.js")
    assert shell.name not in offline.read_text()  # its page has none


def test_nothing_can_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page has joined is not brought in once more, and what cannot be joined is said before it is sent."""
    usual = scripts.source
    for text, said in (
        ('import {\n  load,\n} from "./store.js";\n', "js/new.js cannot be joined: import {"),
        ('import { Thread } from "./thread.js";\n', "would run js/thread.js again"),
        ('const load = () => import("./acts.js");\n', "would run js/acts.js again"),
    ):
        monkeypatch.setattr(scripts, "source", lambda name, text=text: text if name == "js/new.js" else usual(name))
        with pytest.raises(ValueError, match=said):
            scripts.as_sent("js/new.js")
    wrong = 'export let theme = "dark";\n'
    monkeypatch.setattr(scripts, "source", lambda name: wrong if name == "js/theme.js" else usual(name))
    with pytest.raises(ValueError, match=r"js/theme\.js cannot be joined: export let theme"):
        scripts.as_sent("js/shell.js")


@pytest.mark.django_db
def test_a_page_names_all_its_scripts_at_once(person: User) -> None:
    """So that none waits for another to be read."""
    owner = Client()
    owner.force_login(person)
    for path, entries, beside in (
        ("/", ["shell.js", "chat.js"], []),
        ("/library/", ["shell.js", "library.js"], ["uploads.js"]),
    ):
        page = owner.get(path).content.decode()
        assert re.findall(r'<script type="module" src="/static/js/([\w.]+)"', page) == entries
        assert re.findall(r'<link rel="modulepreload" href="/static/js/([\w.]+)">', page) == beside


@pytest.mark.django_db
def test_no_page_weighs_more_than_117_kilobytes(collected: Path, person: User) -> None:
    """On the wire, with all it loads before anything is pressed, for somebody who has nothing of it yet; the answers of
    a chat come on top and are its owner's."""
    chat = making.tree(person)
    link = links.share(chat, Choice(replies=chat.replies.values_list("pk", flat=True)), expiry="1")
    owner = Client()
    owner.force_login(person)
    addresses = ("/", f"/c/{chat.pk}/", "/settings/", "/library/", "/your-data/", "/search/")
    pages = {address: owner.get(address) for address in addresses}
    pages |= {address: Client().get(address) for address in (f"/s/{link.token}/", "/accounts/login/")}
    texts = len(gzip.compress(Client().get("/jsi18n/").content))
    for address, page in pages.items():
        html = page.content.decode()
        names = {FONT, *LOADED.findall(html)}
        assert (page.status_code, len(names) > 5) == (200, True), address
        files = sum(on_the_wire(collected, name) for name in names)
        weight = len(gzip.compress(page.content)) + files + texts * ("/jsi18n/" in html)
        assert weight < MAX_PAGE_BYTES, f"{address}: {weight}"


def on_the_wire(collected: Path, name: str) -> int:
    """Compressed as it is served, where that makes it smaller."""
    saved = collected / name
    content = saved.read_bytes() if saved.is_file() else Path(str(finders.find(name))).read_bytes()
    return min(len(content), len(gzip.compress(content)))


def needed_by(scripts: list[str]) -> set[str]:
    """Walked from the folder, by the words of the language alone."""
    folder = Path(__file__).resolve().parents[2] / "webapp" / "static" / "js"
    found: set[str] = set()
    ahead = list(scripts)
    while ahead:
        text = (folder / ahead.pop()).read_text()
        fresh = set(re.findall(r'^import [^;]*? from "\./([\w.]+)";', text, re.MULTILINE)) - found
        found |= fresh
        ahead += fresh
    return found
