"""The difference of two values, word by word, as marks that a page shows and a screen reader reads."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from . import record
from .record import MISSING

# A line end, a word or another character, with the blanks that follow it.
_TOKEN = re.compile(r"\r\n|\r|\n|(?:\w+|[^\w\s])[^\S\r\n]*|[^\S\r\n]+")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
# difflib needs time in the square of the number of tokens. So longer texts are compared by lines, and still longer
# ones as a whole. Its `autojunk` bounds the time for tokens that are repeated.
MOST_TOKENS = 3_000
# An unchanged stretch is shown with so many characters on either side of a change.
CONTEXT = 60
# The longest stretch that is shown whole.
LONGEST = 2_000

_LINE_ENDS = {"\n": "line end", "\r\n": "line end of Windows", "\r": "line end of old Macs"}


@dataclass(frozen=True)
class Part:
    """A stretch of text. `kind` is same, removed or added. A stretch that was shortened is `cut`."""

    kind: str
    text: str
    cut: bool = False

    @property
    def shown(self):
        """Returns the text with visible line ends, where line ends are what changed."""
        return self.text if self.kind == "same" else re.sub(r"\r\n|\r|\n", lambda end: f"↵{end[0]}", self.text)

    @property
    def spoken(self):
        """Returns what a screen reader should say of a stretch without any visible character."""
        if self.text.strip():
            return ""
        ends = re.findall(r"\r\n|\r|\n", self.text)
        return ", ".join(_LINE_ENDS[end] for end in ends) if ends else "blank"


def parts(before, after):
    """Returns the stretches of two texts in order, with the unchanged ones shortened."""
    return [part for part in _shortened(_compared(before, after)) if part.text]


def only_line_ends(before, after):
    """Reports whether two texts differ in their line ends alone."""
    return before != after and before.splitlines() == after.splitlines()


def members(before, after):
    """Returns the members of two objects that differ, as (name, before, after)."""
    names = [*before, *(name for name in after if name not in before)]
    pairs = ((name, before.get(name, MISSING), after.get(name, MISSING)) for name in names)
    return [(name, was, now) for name, was, now in pairs if not record.same(was, now)]


def text_of(value):
    """Returns a value as text to compare."""
    return value if isinstance(value, str) else record.json(value)


def _compared(before, after):
    for split in (_TOKEN, _LINE):
        old, new = split.findall(before), split.findall(after)
        # What both begin and end with needs no search.
        start = _common(old, new)
        end = _common(old[start:][::-1], new[start:][::-1])
        changed = len(old) - start - end, len(new) - start - end
        if max(changed) <= MOST_TOKENS:
            yield Part("same", "".join(old[:start]))
            yield from _matched(old[start : len(old) - end], new[start : len(new) - end])
            yield Part("same", "".join(old[len(old) - end :]))
            return
    yield Part("removed", before)
    yield Part("added", after)


def _matched(old, new):
    for kind, i, j, k, m in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            yield Part("same", "".join(old[i:j]))
        else:
            yield Part("removed", "".join(old[i:j]))
            yield Part("added", "".join(new[k:m]))


def _common(one, other):
    count = 0
    for a, b in zip(one, other):
        if a != b:
            break
        count += 1
    return count


def _shortened(stretches):
    stretches = [part for part in stretches if part.text]
    for place, part in enumerate(stretches):
        head, tail = place > 0, place < len(stretches) - 1
        kept = CONTEXT * (head + tail)
        if part.kind != "same":
            cut = len(part.text) > LONGEST
            yield Part(part.kind, f"{part.text[:LONGEST]}…" if cut else part.text, cut)
        elif len(part.text) <= kept + 20:
            yield part
        else:
            start = f"{part.text[:CONTEXT]} " if head else ""
            yield Part("same", f"{start}… {part.text[-CONTEXT:] if tail else ''}", True)
