"""Reports of saves in a sentence. The receipt names the fields, and the history has the authors and times."""

from markupsafe import Markup, escape
from ripple_client import Touched

from . import people
from .history import savers
from .record import FIELDS, MISSING, TIMELINE, known_by, label, shortened, title, tokens

# The longest sentence that users read to its end. It is stored in a cookie.
MOST_CLAUSES = 8
MOST_FIELDS = 4


def of_save(receipt, record, versions, changed=()):
    """Reports a save. `record` is the answer's. `versions` (see `history`) go back at least to the base, if known.
    `changed`: the fields that the visitor changed."""
    story = _Story(receipt, record, versions)
    match receipt.result:
        case "created":
            return story.told([Markup("The project was registered")])
        case "unchanged":
            clauses = story.kept_clauses() or story.same_clauses(changed)
            return story.told([Markup("Your save changed nothing"), *clauses])
    clauses = [*story.taken_clauses(), *story.merged_clauses(), *story.back_clauses()]
    clauses += [*story.kept_clauses(), *story.won_clauses()]
    if not (story.taken or story.merged or story.won):
        clauses = [Markup("Your save changed nothing"), *(clauses or story.same_clauses(changed))]
    return story.told(clauses)


def of_nothing(receipt, record, versions):
    """Reports a form that was sent as it was shown. The receipt says what others have changed since."""
    story = _Story(receipt, record, versions)
    return story.told([Markup("You had changed nothing, so nothing was saved"), *story.kept_clauses()])


def of_restore(receipt, record, versions, number):
    story = _Story(receipt, record, versions)
    if receipt.result == "unchanged":
        return story.told([Markup("Nothing changed: the project already is as it was in version {}").format(number)])
    clauses = [Markup("The project is back as it was in version {}").format(number)]
    return story.told([*clauses, *story.kept_clauses(), *story.won_clauses()])


def who(person, own_key=None):
    """Returns a person's name for a sentence. The app's own key names no person, since all visitors share it."""
    if person.name:
        return Markup("you") if person.is_same(people.me()) else escape(person.name)
    if person.key and own_key and person.key != own_key:
        return Markup("“{}”").format(person.key)
    return Markup("somebody else")


def at(moment):
    """Returns a time that the script converts to the reader's time zone. Without JavaScript it is in UTC, and always
    with its date: the server does not know the reader's date."""
    if moment is None:
        return Markup("")
    text = f"on {moment.day} {moment:%B %Y} at {moment:%H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{moment:%Y-%m-%dT%H:%M:%SZ}", text)


class _Story:
    def __init__(self, receipt, record, versions):
        # The version that the save made. An unchanged save made none.
        mine = [version for version in versions if version.number == receipt.version and receipt.result != "unchanged"]
        self.mine = mine[0] if mine else None
        self.others = [version for version in versions if version not in mine]
        if receipt.base is not None and not receipt.base_missing:
            self.others = [version for version in self.others if version.number > receipt.base]
        self.receipt, self.record = receipt, record.value
        # The key of this save, which is the app's own.
        self.own_key = record.updated.by if record.updated and receipt.result != "unchanged" else None
        self.taken, self.merged = _shown(receipt.taken), _shown(receipt.merged)
        self.kept, self.won = _shown(receipt.kept), _shown(receipt.won)

    def told(self, clauses):
        if self.receipt.base_missing:
            clauses.append(
                Markup(
                    "the history no longer has the version you began with, so lists were joined and nothing was removed"
                )
            )
        if self.receipt.omitted or len(clauses) > MOST_CLAUSES:
            clauses[MOST_CLAUSES:] = [Markup("and more, which the history has")]
        sentence = Markup("; ").join(clauses)
        return Markup(sentence[:1].upper()) + sentence[1:] + Markup(".")

    def taken_clauses(self):
        plain = [field.pointer for field in self.taken if not _is_timeline(field.pointer)]
        clauses = [_entries(field) for field in self.taken if _is_timeline(field.pointer)]
        if plain:
            clauses.append(Markup("your {} {} saved").format(names(plain), were(plain)))
        return clauses

    def merged_clauses(self):
        clauses = []
        for field in self.merged:
            others = self._distinct(self._savers(field.pointer))
            beside = _and([Markup("what {} changed there {}").format(self._who(v), at(v.at)) for v in others])
            what = (
                _entries(field)
                if _is_timeline(field.pointer)
                else Markup("your {} was saved").format(label(field.pointer))
            )
            clauses.append(Markup("{}, beside {}").format(what, beside or Markup("what somebody else changed there")))
        return clauses

    def kept_clauses(self):
        clauses = []
        for version, pointers in self._by_saver(self.kept, whole_lists=False):
            clauses.append(
                Markup("the {} that {} saved {} {} kept").format(
                    names(pointers), self._who(version), _when(version), were(pointers)
                )
            )
        entries = any(self._entry(field.pointer) is not None for field in self.kept)
        for field in self.kept:
            entry = self._entry(field.pointer)
            if entry is not None:
                [version] = self._savers(field.pointer)[:1] or [None]
                clauses.append(
                    Markup("the timeline entry “{}” that you removed stays, because {} changed it {}").format(
                        title(entry), self._who(version), _when(version)
                    )
                )
            elif _is_timeline(field.pointer) and not entries:
                changed = self._distinct(self._savers(field.pointer)) or [None]
                told = [Markup("{} changed in the timeline {}").format(self._who(v), _when(v)) for v in changed]
                clauses.append(Markup("what {} was kept").format(_and(told)))
        return [Markup(" ".join(clause.split())) for clause in clauses]

    def same_clauses(self, changed):
        """Reports who had saved what the visitor sent."""
        clauses = []
        for version, pointers in self._by_saver([Touched(pointer) for pointer in changed], whole_lists=True):
            if version is not None:
                clauses.append(Markup("{} had already saved the same {}").format(self._who(version), names(pointers)))
        return clauses or [Markup("the project already was as you sent it")]

    def back_clauses(self):
        """Reports entries that others removed and that are back, because the visitor changed them."""
        clauses = []
        for change in self.mine.changes if self.mine else ():
            removed = [v for v in self.others for other in v.changes if other.removed and other.is_of(change)]
            if change.entry is not MISSING and change.added and removed:
                clauses.append(
                    Markup("the timeline entry “{}” that {} removed {} is back, because you changed it").format(
                        title(change.after), self._who(removed[0]), _when(removed[0])
                    )
                )
        return [Markup(" ".join(clause.split())) for clause in clauses]

    def won_clauses(self):
        clauses = []
        for version, pointers in self._by_saver(self.won, whole_lists=True):
            yours = Markup("your {}").format(names(pointers, self._entry_name))
            ones = "ones" if len(pointers) > 1 else "one"
            clause = Markup("{} replaced the {} that {} saved {}").format(
                yours, ones, self._who(version), _when(version)
            )
            before = self._before(pointers[0]) if len(pointers) == 1 else ""
            clauses.append(Markup("{} (“{}”)").format(clause.rstrip(), before) if before else clause)
        return [Markup(" ".join(clause.split())) for clause in clauses]

    def _by_saver(self, fields, whole_lists):
        """Groups the fields by the version that saved them, which is the last one by another author."""
        found = {}
        for field in fields:
            if not whole_lists and _is_timeline(field.pointer):
                continue
            [version] = self._savers(field.pointer)[:1] or [None]
            found.setdefault(version and version.number, (version, []))[1].append(field.pointer)
        return found.values()

    def _savers(self, pointer):
        """Returns the versions by others that changed what a pointer leads to, newest first."""
        value, names = self.record, tokens(pointer)
        for place, name in enumerate(names):
            if isinstance(value, list) and name.isdigit() and int(name) < len(value):
                entries = "/".join(pointer.split("/")[: place + 1])
                return savers(self.others, entries, known_by(value[int(name)]), names[place + 1 :])
            value = value.get(name) if isinstance(value, dict) else None
        return savers(self.others, pointer)

    def _who(self, version):
        return who(version.by, self.own_key) if version else Markup("somebody else")

    def _distinct(self, versions):
        """Returns the last version of each author."""
        found = {}
        for version in versions:
            found.setdefault(self._who(version), version)
        return list(found.values())[:MOST_FIELDS]

    def _entry(self, pointer):
        """Returns the timeline's entry that a pointer leads to or into."""
        name, *rest = tokens(pointer) or [""]
        entries = self.record.get(TIMELINE)
        if name != TIMELINE or not rest or not isinstance(entries, list):
            return None
        return entries[int(rest[0])] if rest[0].isdigit() and int(rest[0]) < len(entries) else None

    def _entry_name(self, pointer):
        entry = self._entry(pointer)
        if entry is None:
            return escape(label(pointer))
        member = (tokens(pointer)[2:] or ["text"])[0]
        return Markup("{} of the timeline entry “{}”").format(member, title(entry))

    def _before(self, pointer):
        """Returns the replaced value, shortened for a sentence. Returns an empty text if it is not a text."""
        if self.mine is None:
            return ""
        entry = self._entry(pointer)
        for change in self.mine.changes:
            if entry is not None and change.pointer == f"/{TIMELINE}" and change.entry == known_by(entry):
                found = change.before
                for name in tokens(pointer)[2:]:
                    found = found.get(name) if isinstance(found, dict) else None
                return _quoted(found)
            if entry is None and change.pointer == pointer:
                return _quoted(change.before)
        return ""


def _shown(fields):
    """Returns the fields to report, in the order of the page."""
    order = [f.name for f in FIELDS]

    def place(field):
        name = _first(field.pointer)
        return order.index(name) if name in order else len(order)

    return sorted(fields, key=place)


def _first(pointer):
    return (tokens(pointer) or [""])[0]


def _is_timeline(pointer):
    return _first(pointer) == TIMELINE


def _entries(field):
    """Reports the changes to the timeline's entries."""
    done = [(field.added, "added"), (field.changed, "changed"), (field.removed, "removed")]
    done = [(count, what) for count, what in done if count]
    if not done:
        return Markup("the timeline is in the order that you gave it")
    (count, what), *more = done
    first = f"your timeline entry was {what}" if count == 1 else f"your {count} timeline entries were {what}"
    return _and([Markup(first), *(Markup(f"{'one' if count == 1 else count} {what}") for count, what in more)])


def names(pointers, name=lambda pointer: escape(label(pointer))):
    """Returns the names of fields in a list."""
    listed = [name(pointer) for pointer in pointers[:MOST_FIELDS]]
    if len(pointers) > MOST_FIELDS:
        listed.append(Markup(f"{len(pointers) - MOST_FIELDS} more"))
    return _and(listed)


def were(pointers):
    return "were" if len(pointers) > 1 else "was"


def _when(version):
    return at(version.at) if version else Markup("")


def _and(parts):
    *first, last = parts or [Markup("")]
    return Markup("{} and {}").format(Markup(", ").join(first), last) if first else last


def _quoted(value):
    return shortened(value, 60) if isinstance(value, str) and value is not MISSING else ""
