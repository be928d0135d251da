"""What leaves this process as text: one filter before every terminal, page, mail and log.

A character that steers a terminal, or that nobody sees, is written as an escape: ``\\x1b``, ``\\u202e``. An
escape rather than ``?``, because it says which character was there, two different texts stay different, and a
filtered text is not changed by being filtered again. Line breaks and tabs stay where a text may have several
lines. Data that is exported to a file does not come here: a file holds what the data holds.
"""

from __future__ import annotations

import re

from kronkers_batch.redaction import redact

# Controls (C0, DEL, C1), format characters (soft hyphen, bidi marks, zero width, tags), line and paragraph
# separators, lone surrogates, and what Unicode calls ignorable by default: fillers and variation selectors.
# A test compares these ranges with Python's tables of Unicode.
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_IN_LINES = re.compile(f"[{_UNSEEN}]")
_IN_ONE_LINE = re.compile(f"[{_UNSEEN}\t\n]")
_BREAKS = re.compile(r"\r\n|[\r\n\t]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def visible(text: str, *, lines: bool = True) -> str:
    """The text with every character that is not seen as an escape.

    Args:
        text: Any text, also with lone surrogates.
        lines: Whether line breaks and tabs stay as they are.
    """
    return (_IN_LINES if lines else _IN_ONE_LINE).sub(_escape, text)


def one_line(text: str, limit: int = 0) -> str:
    """The text in one line, with spaces for line breaks and tabs; cut to ``limit`` characters, if given."""
    flat = visible(_BREAKS.sub(" ", text))
    return flat if not limit or len(flat) <= limit else flat[: limit - 1] + "…"


def in_json(text: str) -> str:
    """The same for the text of JSON values, which stay valid and mean what they meant."""
    if text.isascii() and "\x7f" not in text:
        return text  # in JSON all other controls are escapes already
    return _IN_LINES.sub(_json_escape, text)


def without_colours(text: str) -> str:
    """The text without the sequences that set a terminal's colours: they say nothing in a log."""
    return _COLOUR.sub("", text)


def leaving(text: str) -> str:
    """A text of one or more lines as it may leave this process: printed, on a page, in a log.

    What must not leave is taken out here, for all exits at once: values of the environment are shown by name.
    """
    return visible(redact(text))


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x100:
        return {"\n": r"\n", "\t": r"\t"}.get(found[0], f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _json_escape(found: re.Match[str]) -> str:
    raw = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{raw[i : i + 2].hex()}" for i in range(0, len(raw), 2))
