"""What others did to a project: beside a save, since a page was shown, and to the visitor's own work."""

import hashlib
from dataclasses import replace

from flask import current_app, session
from ripple_client import Problem, Touched

from . import history, losses, people
from .record import tokens, top

# The number of versions that are looked through for what is new: one page of the history.
LOOKED_THROUGH = 100
# The number of pages of a history that are read for one sentence.
HISTORY_PAGES = 5
# The number of projects for which the visitor's "leave it as it is" is kept, in the cookie.
NOTED = 8


def since(prj, found, shown):
    """Returns the versions after the one that a page shows, newest first. `found` is the record now."""
    rows = next(prj.versions(found.id, limit=LOOKED_THROUGH).pages()).items
    # On a host with a snapshot, the record may be older than the newest row.
    rows = [row for row in rows if found.version < 0 or row.version <= found.version]
    seen = shown if shown > 0 else _numbered(rows, found.version)
    return [version for version in history.told(rows, found.value) if seen and version.number > seen]


def notes(told):
    """Returns the last version that changed each field, with its changes there. `told`: versions, newest first."""
    found = {}
    for version in told:
        for change in version.changes:
            by, changes = found.setdefault(tokens(change.pointer or "/")[0], (version, []))
            if by is version:
                changes.append(change)
    return found


def beside(prj, saved, shown, changed=()):
    """Returns the receipt of a save with everything that others changed beside it, and the versions since the one that
    the page had shown. `changed`: the fields that the visitor changed.

    ripple's receipt of an edit speaks of the edited fields. The visitor also wants to hear of the other ones.
    """
    receipt, alone = saved.receipt, saved.receipt.version - (saved.receipt.result != "unchanged")
    if shown == alone or alone < 0 or receipt.result == "created":
        return receipt, []
    rows, seen = [], shown
    try:
        for number, page in enumerate(prj.versions(saved.record.id, limit=LOOKED_THROUGH).pages(), 1):
            rows += page.items
            seen = shown if shown > 0 else _numbered(rows, alone)
            if number == HISTORY_PAGES or not rows or seen and rows[-1].version <= seen:
                break
    except Problem as problem:
        # The save succeeded, but its sentence cannot name the other authors.
        current_app.logger.info("ripple: %s", problem)
    if shown <= 0:
        seen = seen if seen > 0 else alone
        receipt = replace(receipt, base=seen)
    versions = history.told([row for row in rows if row.version <= receipt.version], saved.record.value)
    named = {top(touched.pointer) for touched in (*receipt.won, *receipt.taken, *receipt.merged, *receipt.kept)}
    others = [version for version in versions if seen < version.number <= alone and not version.deleted]
    fields = dict.fromkeys(top(change.pointer) for version in others for change in version.changes)
    kept = tuple(Touched(field) for field in fields if field and field not in named and field not in changed)
    return replace(receipt, kept=(*receipt.kept, *kept)), versions


def lost(prj, found):
    """Returns what others replaced of the visitor's work since the visitor saved last."""
    if people.me().name is None:
        return []
    try:
        known = session.get("noted", {}).get(_short(found.id), 0)
        return [losses.Loss.of(one) for one in prj.replaced(found, known=known)]
    except Problem:
        return []  # the page is worth more than the notice


def note(prj_id, version):
    """Keeps in the session that the visitor knows what others did up to a version."""
    kept = {name: number for name, number in session.get("noted", {}).items() if name != _short(prj_id)}
    session["noted"] = dict([*kept.items(), (_short(prj_id), version)][-NOTED:])


def _numbered(rows, until):
    """Returns the version of a state that a page showed under a number below zero, as the state of another program.

    Such numbers have no order, and the rows do not have them. So it is the newest state of another program up to the
    version `until`. Returns 0 if the rows have none."""
    return next((row.version for row in rows if row.external and not row.deleted and row.version <= until), 0)


def _short(prj_id):
    return hashlib.sha256(prj_id.encode()).hexdigest()[:8]
