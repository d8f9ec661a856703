"""Arithmetic, read from text and worked out within bounds: nothing in it can take long, or take much memory."""

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Final

from assistant.tools.numbers import with_points

Number = int | float

MAX_CHARS: Final = 200
MAX_DIGITS: Final = 400
MAX_EXPONENT: Final = 1000
MAX_FACTORIAL: Final = 150

_PERCENT_OF = re.compile(r"(\d[\d.]*)\s*(?:%|percent)\s+of\b\s*", re.IGNORECASE)
_MORE_OR_LESS = re.compile(r"([+-])\s*(\d[\d.]*)\s*(?:%|percent)\s*$", re.IGNORECASE)
_PERCENT = re.compile(r"(\d[\d.]*)\s*(?:%|percent)(?!\s*\d)", re.IGNORECASE)
_TAKES_SEVERAL = re.compile(r"\b(?:min|max|round)\(")
_WORDS: Final = (
    (re.compile(r"\b(?:multiplied by|times)\b", re.IGNORECASE), "*"),
    (re.compile(r"\bdivided by\b", re.IGNORECASE), "/"),
    (re.compile(r"\bplus\b", re.IGNORECASE), "+"),
    (re.compile(r"\bminus\b", re.IGNORECASE), "-"),
    (re.compile(r"\b(?:to the power of|raised to)\b", re.IGNORECASE), "**"),
    (re.compile(r"\bsquared\b", re.IGNORECASE), "**2"),
    (re.compile(r"\bcubed\b", re.IGNORECASE), "**3"),
    (re.compile(r"\b(?:the )?square root of (\d[\d.]*|\([^()]*\))", re.IGNORECASE), r"sqrt(\1)"),
    (re.compile(r"(?<=[\d)])\s*[x×·]\s*(?=[\d(])", re.IGNORECASE), "*"),
    (re.compile(r"÷"), "/"),
    (re.compile(r"[−–]"), "-"),
    (re.compile(r"√\s*(\d[\d.]*|\([^()]*\))"), r"sqrt(\1)"),
    (re.compile(r"\^"), "**"),
    (re.compile(r"²"), "**2"),
    (re.compile(r"³"), "**3"),
    (re.compile(r"π"), "pi"),
)


class NoArithmetic(ValueError):
    """It cannot be worked out. str(error) says why."""


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) > MAX_EXPONENT or abs(exponent) * math.log10(max(2, abs(base))) > MAX_DIGITS:
        raise NoArithmetic("the number would be too large")
    result = base**exponent
    if isinstance(result, complex):
        raise NoArithmetic("the result is not a real number")
    return result


def _factorial(number: Number) -> Number:
    if number != int(number) or not 0 <= number <= MAX_FACTORIAL:
        raise NoArithmetic(f"a factorial needs a whole number from 0 to {MAX_FACTORIAL}")
    return math.factorial(int(number))


def _round(number: Number, digits: Number = 0) -> Number:
    if digits != int(digits) or not 0 <= digits <= 20:
        raise NoArithmetic("rounding needs 0 to 20 digits")
    return round(number, int(digits)) if digits else round(number)


_OPERATORS: Final[dict[type[ast.operator], Callable[[Number, Number], Number]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_FUNCTIONS: Final[dict[str, Callable[..., Number]]] = {
    "sqrt": math.sqrt,
    "cbrt": math.cbrt,
    "abs": abs,
    "round": _round,
    "floor": math.floor,
    "ceil": math.ceil,
    "min": min,
    "max": max,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "degrees": math.degrees,
    "radians": math.radians,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log10,
    "log2": math.log2,
    "factorial": _factorial,
}
FUNCTIONS: Final = frozenset(_FUNCTIONS)
_CONSTANTS: Final = {"pi": math.pi, "e": math.e}


def as_expression(text: str) -> str:
    """`text` in the signs that `evaluate` knows: "17% of 2,340" is "17/100*2340". Words that it does not know stay."""
    text = with_points(text[:MAX_CHARS], has_lists=_TAKES_SEVERAL.search(text) is not None)
    text = re.sub(r"\b(\d+)!", r"factorial(\1)", text)
    for pattern, sign in _WORDS:
        text = pattern.sub(sign, text)
    text = _PERCENT_OF.sub(r"(\1/100)*", text)
    text = _MORE_OR_LESS.sub(lambda found: f"*(1{found[1]}{found[2]}/100)", text) if _is_sum(text) else text
    return _PERCENT.sub(r"(\1/100)", text)


def evaluate(expression: str) -> Number:
    """The value of an expression of numbers, + - * / // % **, brackets and functions. Raises NoArithmetic."""
    if len(expression) > 2 * MAX_CHARS:
        raise NoArithmetic("the expression is too long")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
        value = _value(tree.body)
        if isinstance(value, float) and not math.isfinite(value):
            raise NoArithmetic("the number would be too large")
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise NoArithmetic("this is not arithmetic") from error
    except ZeroDivisionError as error:
        raise NoArithmetic("nothing can be divided by zero") from error
    except OverflowError as error:
        raise NoArithmetic("the number would be too large") from error
    except ValueError as error:
        raise error if isinstance(error, NoArithmetic) else NoArithmetic("there is no such number") from error
    return value


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _bounded(_OPERATORS[type(sign)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*map(_value, arguments)))
    raise NoArithmetic("this is not arithmetic")


def _bounded(number: Number) -> Number:
    if isinstance(number, int) and number.bit_length() > MAX_DIGITS * 4:
        raise NoArithmetic("the number would be too large")
    return number


def _is_sum(text: str) -> bool:
    """ "200 + 15%" is meant as 230, as on a pocket calculator; "5% + 3%" is not."""
    head = _MORE_OR_LESS.sub("", text)
    return head != text and "%" not in head and bool(re.fullmatch(r"\s*\d[\d.]*\s*", head))
