"""The mutants of a Lua script: each operator changes one token or one statement, and all are valid Lua."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from mutation.mutant import Site, make_mutant

# What each token is replaced by.
TOKENS: Final[dict[str, tuple[str, ...]]] = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("~=",),
    "~=": ("==",),
    "and": ("or",),
    "or": ("and",),
    "not": ("",),
    "true": ("false",),
    "false": ("true",),
    "+": ("-",),
    "-": ("+",),
    "*": ("+",),
    "^": ("*",),
    "math.min": ("math.max",),
    "math.max": ("math.min",),
}
# Commands of the same arity; what only reads stands for a write that is left out.
COMMANDS: Final = {
    "HSET": "HSETNX",
    "HSETNX": "HSET",
    "HDEL": "HMGET",
    "DEL": "EXISTS",
    "EXISTS": "DEL",
    "ZREM": "ZSCORE",
    "ZADD": "ZREM",
    "ZREMRANGEBYSCORE": "ZCOUNT",
    "ZRANGEBYSCORE": "ZREVRANGEBYSCORE",
    "HGETALL": "HKEYS",
    "HKEYS": "HVALS",
    "LPOP": "RPOP",
    "HEXISTS": "HSTRLEN",
}
_TOKEN: Final = re.compile(
    r"(?P<skip>--[^\n]*)"
    r"|(?P<index>\b(?:KEYS|ARGV)\[\d+\])"
    r"|(?P<string>'(?:[^'\\\n]|\\.)*')"
    r"|(?P<number>\b\d+(?:\.\d+)?\b)"
    r"|(?P<word>math\.(?:min|max)\b|\b(?:and|or|not|true|false)\b)"
    r"|(?P<unary>-(?=\w))"
    r"|(?P<sign>\.\.|<=|>=|==|~=|[<>+*^]|-)"
)
_CONDITION: Final = re.compile(r"\b(if|elseif|while)\b(.+?)\b(then|do)\b")
# A call that is a statement of its own; a call that goes on in further lines ends where its bracket closes.
_CALL: Final = re.compile(r"^[ \t]*(?:redis\.call|[a-z_]+)\(", re.M)
_ONE_LINE_IF: Final = re.compile(r"^[ \t]*if .* end$", re.M)


def lua_sites(path: str, text: str) -> list[Site]:
    """Return all sites of a script."""
    return [partial(make_mutant, path, operator, text, mutated) for operator, mutated in mutations(text)]


def mutations(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name of the operator and the new text of each mutant."""
    for match in _TOKEN.finditer(text):
        for operator, replacement in _replacements(match):
            yield operator, text[: match.start()] + replacement + text[match.end() :]
    code = _without_comments(text)
    for match in _CONDITION.finditer(code):
        start, end = match.span(2)
        yield "negated condition", f"{text[:start]} not ({text[start:end].strip()}) {text[end:]}"
    for match in _ONE_LINE_IF.finditer(code):
        yield "removed if", text[: match.start()] + text[match.end() :]
    for match in _CALL.finditer(code):
        if after := _end_of_call(code, match.end()):
            yield "removed call", text[: match.start()] + text[after:]


def _replacements(match: re.Match[str]) -> Iterator[tuple[str, str]]:
    token = match[0]
    match match.lastgroup:
        case "word" | "sign":
            for replacement in TOKENS.get(token, ()):
                yield "replaced operator", replacement
        case "unary":
            yield "removed minus", ""
        case "number":
            yield "number + 1", f"{float(token) + 1:g}"
            yield "number - 1", f"{float(token) - 1:g}"
        case "index":
            name, number = token[:4], int(token[5:-1])
            for index in {max(1, number - 1), number + 1} - {number}:
                yield "swapped index", f"{name}[{index}]"
        case "string":
            word = token[1:-1]
            if word in COMMANDS:
                yield "replaced command", f"'{COMMANDS[word]}'"
            elif re.fullmatch("[a-z_]+", word):
                yield "changed word", f"'{word}_'"
            elif not word:
                yield "changed word", "'x'"


def _without_comments(text: str) -> str:
    """Return the text with spaces for comments, so that all positions stay."""
    return re.sub(r"--[^\n]*", lambda match: " " * len(match[0]), text)


def _end_of_call(code: str, after_bracket: int) -> int | None:
    """Return where the call ends, or None if something follows it in its line."""
    depth, position = 1, after_bracket
    while depth and position < len(code):
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        position += 1
    line_end = code.find("\n", position)
    rest = code[position : line_end if line_end >= 0 else len(code)]
    return None if rest.strip() else position
