"""Which language a block of code is in: by the tag at its fence, else by words that hardly any other language has.

Guessing is careful: a wrong language gives warnings that make no sense, an unknown one only says "not scanned".
"""

import re
from collections.abc import Mapping
from typing import Final

_TAG: Final = re.compile(r"[a-z0-9_+#./-]{1,80}")
MAX_TAG_CHARS: Final = 30

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "c": ("c", "h", "c99", "c11", "c17", "ansi-c", "arduino"),
    "cpp": ("cpp", "c++", "cc", "cxx", "hpp", "hxx", "h++", "cplusplus", "c++11", "c++14", "c++17", "c++20", "cuda"),
    "csharp": ("csharp", "c#", "cs", "c-sharp", "dotnet"),
    "hack": ("hack", "hh"),
    "java": ("java", "jsp"),
    "javascript": ("javascript", "js", "jsx", "mjs", "cjs", "node", "nodejs", "node.js", "es6", "ecmascript", "react"),
    "kotlin": ("kotlin", "kt", "kts"),
    "objective_c": ("objective-c", "objectivec", "objc", "obj-c", "m"),
    "php": ("php", "php3", "php5", "php7", "php8", "phtml"),
    "python": ("python", "py", "python2", "python3", "py2", "py3", "pyw", "pycon", "ipython", "ipython3", "sage"),
    "ruby": ("ruby", "rb", "rails", "erb"),
    "rust": ("rust", "rs"),
    "swift": ("swift",),
    "typescript": ("typescript", "ts", "tsx", "mts", "cts"),
    "xml": ("xml", "axml", "xsd", "xslt", "plist"),
}
_BY_NAME: Final = {name: language for language, names in _NAMES.items() for name in names}
_SAYS_NOTHING: Final = frozenset({"", "code", "text", "txt", "plaintext", "plain", "snippet", "example", "none"})

MAX_CHARS_TO_GUESS: Final = 20_000
MAX_LINE_CHARS: Final = 300


def fence_tag(info: str) -> str:
    """The name of a language in a fence's info string: `Python title="x"`, `{.python}` and `src/app.py` say so too."""
    found = _TAG.search(info.strip().lower())
    if not found:
        return ""
    tag = found.group().removeprefix("language-").removeprefix("lang-").rpartition("/")[2].lstrip(".")
    if tag not in _BY_NAME and "." in tag:
        tag = tag.rpartition(".")[2]
    return tag[:MAX_TAG_CHARS]


def language_of(tag: str, code: str) -> str:
    """The language's name here, another language's own name where we have no rules for it, "" where it is unknown."""
    if tag in _SAYS_NOTHING:
        return _guess(_beginnings(code[:MAX_CHARS_TO_GUESS]))
    return _BY_NAME.get(tag, tag)


# Each line that matches counts once, whichever number of times it does; a weight of two decides alone.
_MARKS: Final[Mapping[str, tuple[tuple[int, str], ...]]] = {
    "c": (
        (2, r"^[ \t]*#[ \t]*include[ \t]*<(?:std(?:io|lib|int|bool|arg|def)|string|ctype|unistd|errno|math)\.h>"),
        (1, r"\b(?:malloc|calloc|free|sizeof|memcpy|strlen|strcpy|printf|fprintf|sprintf|scanf)[ \t]*\("),
        (1, r"\b(?:char|int|void|struct [a-z_]\w*)[ \t]*\*[ \t]*\w+"),
        (1, r"^[ \t]*(?:static |unsigned |const )*(?:int|void|char|struct \w+)[ \t]+\*?\w+\([^;{}\n]*\)[ \t]*\{?$"),
        (1, r"\w->\w+"),
        (1, r"^[ \t]*typedef struct\b"),
    ),
    "cpp": (
        (2, r"^[ \t]*#[ \t]*include[ \t]*<(?:iostream|string|vector|map|memory|algorithm|fstream|sstream|thread)>"),
        (2, r"\bstd::\w+"),
        (2, r"^[ \t]*using namespace std;"),
        (2, r"^[ \t]*template[ \t]*<(?:typename|class)\b"),
        (1, r"\b(?:static|reinterpret|dynamic|const)_cast<"),
        (1, r"\b\w+::~?\w+\("),
        (1, r"^[ \t]*(?:public|private|protected):[ \t]*$"),
        (1, r"\b(?:nullptr|constexpr|noexcept)\b"),
    ),
    "csharp": (
        (2, r"^[ \t]*using System(?:\.\w+)*;"),
        (2, r"\bConsole\.(?:WriteLine|ReadLine|Write)\("),
        (1, r"^[ \t]*namespace [A-Z][\w.]*[ \t]*[;{]?$"),
        (
            1,
            r"\b(?:public|private|protected|internal) (?:static |async |override |virtual )*(?:string|bool)\b",
        ),
        (1, r"\{[ \t]*get;"),
        (1, r"\bstring\.(?:Format|IsNullOrEmpty|Join)\("),
        (1, r"\bvar \w+ = new [A-Z]\w+"),
        (1, r"\b(?:IActionResult|IEnumerable|HttpContext|DllImport|async Task)\b"),
    ),
    "java": (
        (2, r"^[ \t]*import (?:static )?(?:java|javax|org|com|android)\.[\w.*]+;"),
        (2, r"\bSystem\.(?:out|err)\.print"),
        (2, r"\bpublic static void main\([ \t]*String\b"),
        (1, r"^[ \t]*(?:public |private |protected )?(?:final |abstract )?class [A-Z]\w*.*\{[ \t]*$"),
        (1, r"\b(?:public|private|protected) (?:static |final |synchronized )*(?:String|boolean|void|int)\b"),
        (1, r"^[ \t]*@(?:Override|Autowired|Test|RequestMapping|GetMapping|PostMapping|Nullable)\b"),
        (1, r"\b(?:throws [A-Z]\w+|new (?:ArrayList|HashMap|StringBuilder|File|Thread)\b|\.equals\()"),
        (1, r"\bfinal [A-Z]\w+ \w+ ="),
    ),
    "javascript": (
        (2, r"\b(?:const|let|var) [\w{}, ]+ = require\("),
        (2, r"\bmodule\.exports\b"),
        (2, r"\bconsole\.(?:log|error|warn)\("),
        (2, r"\bdocument\.(?:getElementById|querySelector|createElement|addEventListener)\b"),
        (1, r"\b(?:const|let) [\w{}\[\], ]+ = "),
        (1, r"(?:\)|\b\w+) => (?:\{|\w|\()"),
        (1, r"(?:===|!==)"),
        (1, r"\b(?:async )?function\b[ \t]*\w*\([^)\n]*\)[ \t]*\{"),
        (1, r"^[ \t]*(?:import .* from|export (?:default|const|function)) "),
        (1, r"\b(?:JSON\.(?:parse|stringify)|new Promise|process\.env|\.addEventListener|\.innerHTML)\b"),
        (1, r"\bvar \w+ = "),
        (1, r"\btypeof \w+"),
    ),
    "typescript": (
        (2, r"^[ \t]*(?:export )?interface [A-Z]\w*[ \t]*\{"),
        (2, r"[(,][ \t]*\w+\??: (?:string|number|boolean|any|unknown|[A-Z]\w+(?:\[\])?)[,)=]"),
        (2, r"\b(?:const|let) \w+: (?:string|number|boolean|any|[A-Z]\w+)"),
        (1, r"^[ \t]*(?:export )?type [A-Z]\w* ="),
        (1, r"^[ \t]*(?:private|public|protected|readonly) \w+\??: \w+"),
    ),
    "php": (
        (3, r"<\?(?:php\b|=)"),
        (2, r"\$_(?:GET|POST|REQUEST|COOKIE|SESSION|SERVER|FILES)\b"),
        (2, r"\$this->\w+"),
        (1, r"^[ \t]*\$\w+[ \t]*=[^=]"),
        (1, r"\bfunction \w+\([^)\n]*\$\w+"),
        (1, r"^[ \t]*(?:echo|foreach \(\$|use [A-Z]\w+\\|namespace [A-Z]\w+;)"),
        (1, r"\$\w+(?:->|\[['\"])"),
    ),
    "python": (
        (2, r"^#!.*\bpython"),
        (2, r"^[ \t]*(?:async )?def \w+\([^\n]*\)(?: -> [^\n:]+)?:"),
        (2, r"^from [\w.]+ import \w"),
        (2, r"^if __name__ == ['\"]__main__['\"]:"),
        (1, r"^import [a-z_][\w.]*(?: as \w+)?(?:, [\w.]+)*$"),
        (1, r"^[ \t]*class \w+(?:\([\w., ]*\))?:$"),
        (1, r"^[ \t]*(?:if|elif|for|while|with|try|except|else)\b[^\n{;]*:[ \t]*(?:#.*)?$"),
        (1, r"\bself\.\w+"),
        (1, r"^[ \t]*print\("),
        (1, r"\b(?:None|True|False)\b"),
        (1, r"^[ \t]*raise \w+"),
    ),
    "ruby": (
        (2, r"^[ \t]*require ['\"][\w/]+['\"]$"),
        (2, r"\.each do \|\w"),
        (1, r"^[ \t]*def (?:self\.)?\w+[?!]?(?:\([^)\n]*\))?$"),
        (1, r"^[ \t]*end$"),
        (1, r"^[ \t]*puts "),
        (1, r"^[ \t]*attr_(?:reader|accessor)"),
    ),
    "rust": (
        (2, r"^[ \t]*(?:pub(?:\(\w+\))? )?(?:unsafe |async |const )*fn \w+(?:<[^\n]*>)?\("),
        (2, r"\blet mut \w+"),
        (2, r"^[ \t]*use (?:std|crate|super|core)::"),
        (1, r"^[ \t]*impl(?:<[^\n]*>)? \w+"),
        (1, r"\b(?:println|format|vec|panic|assert_eq|write|unreachable)!"),
        (1, r"\.unwrap\(\)|\?;$"),
        (1, r"\b(?:Some|Ok|Err)\("),
        (1, r"#\[(?:derive|cfg|test|inline|allow)\b"),
    ),
    "swift": (
        (2, r"^import (?:UIKit|SwiftUI|Foundation)$"),
        (1, r"^[ \t]*func \w+\([^\n]*\)(?: -> \w+)? \{"),
        (1, r"\bguard let \w+"),
        (1, r"\bif let \w+ = "),
        (1, r"^[ \t]*(?:let|var) \w+: [A-Z]\w+"),
    ),
    "kotlin": (
        (2, r"^[ \t]*(?:override |suspend |private )*fun \w+\([^\n]*\)"),
        (1, r"\bval \w+(?:: [A-Z]\w+)? = "),
        (1, r"^[ \t]*data class \w+\("),
    ),
    "xml": (
        (3, r"\A\s*<\?xml\b"),
        (2, r"\bxmlns(?::\w+)?=\""),
    ),
}
_COMPILED: Final = {
    language: tuple((weight, re.compile(mark, re.MULTILINE)) for weight, mark in marks)
    for language, marks in _MARKS.items()
}
# Everything of the first is also in the second: between those two, one mark of the second decides.
_EXTENDED_BY: Final = (("c", "cpp"), ("javascript", "typescript"))
_ENOUGH: Final = 2


def _beginnings(code: str) -> str:
    """What code looks like shows at the beginning of its lines; endless ones would cost time."""
    return "\n".join(line[:MAX_LINE_CHARS] for line in code.splitlines())


def _guess(code: str) -> str:
    scores = {
        language: sum(weight for weight, mark in marks if mark.search(code)) for language, marks in _COMPILED.items()
    }
    for basic, extended in _EXTENDED_BY:
        if scores[extended] >= _ENOUGH:
            scores[extended] += scores[basic]
    best = max(scores, key=lambda language: scores[language])
    lead = scores[best] - max(score for language, score in scores.items() if language not in _kin(best))
    return best if scores[best] >= _ENOUGH and lead >= 1 else ""


def _kin(language: str) -> set[str]:
    return {language, *(other for pair in _EXTENDED_BY if language in pair for other in pair)}
