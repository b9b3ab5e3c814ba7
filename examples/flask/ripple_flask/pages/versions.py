"""The history of a project."""

from flask import flash, redirect, request, url_for
from ripple_client import Problem

from .. import history, news, people, record, sentences
from ..backend import prj
from ..forms import whole
from ..record import FIELDS, TIMELINE
from . import pages
from .answers import for_one_use, form_key, new_form
from .listing import PAGE


@pages.get("/projects/<id:prj_id>/history")
def versions(prj_id):
    cursor = request.args.get("cursor")
    page = next(prj().versions(prj_id, cursor=cursor, limit=PAGE).pages())
    state = _state(prj_id, page.items[0].version) if page.items else {}
    told = history.told(page.items, state)
    shown = {"deleted" if told[0].deleted else "newest": told[0].number} if told and not cursor else _named()
    name = request.args.get("name") or record.name_of(state, "")
    name = name or next((c.before for v in told for c in v.changes if c.pointer == "/name" and c.before), prj_id)
    following = page.cursor and url_for(".versions", prj_id=prj_id, cursor=page.cursor, **shown)
    return for_one_use(
        "history.html",
        prj_id=prj_id,
        name=name,
        versions=told,
        following=following,
        cursor=cursor,
        shown=shown,
        form=new_form(),
    )


@pages.get("/projects/<id:prj_id>/history/<int:number>")
def version(prj_id, number):
    found = prj().version(prj_id, number)
    timeline = found.value.get(TIMELINE)
    return for_one_use(
        "version.html",
        prj_id=prj_id,
        number=number,
        name=record.name_of(found.value, prj_id),
        found=found,
        fields=FIELDS,
        others=record.others(found.value),
        timeline=timeline if isinstance(timeline, list) else [],
        moment=history.moment(found.updated),
        by=people.writer(found),
        shown=_named() or _newest(prj_id),
        form=new_form(),
    )


@pages.post("/projects/<id:prj_id>/history/<int:number>")
def restore(prj_id, number):
    base, deleted = whole(request.form.get("newest", "")), whole(request.form.get("deleted", ""))
    if deleted is not None:
        meanwhile = _meanwhile(prj_id, deleted)
        if meanwhile:
            flash(f"The project was {meanwhile}, so nothing was changed.", "receipt")
            return redirect(url_for(".project", prj_id=prj_id), 303)
        base = deleted
    # Saves after the page was shown are merged, and not undone.
    # The page has a form for each version, and all of these share one number.
    saved = prj().restore(prj_id, number, base=base, key=form_key(number))
    receipt, versions = news.beside(prj(), saved, base if base is not None else saved.receipt.version)
    flash(sentences.of_restore(receipt, saved.record, versions, number), "receipt")
    return redirect(url_for(".project", prj_id=prj_id), 303)


def _named():
    """Returns the state that the address names as the newest one: the record's, or that of its deletion."""
    return {name: request.args[name] for name in ("newest", "deleted") if name in request.args}


def _newest(prj_id):
    """Returns the version of the record now, or of its deletion, under the same names."""
    try:
        return {"newest": prj().get(prj_id).version}
    except Problem as problem:
        if problem.status not in (404, 410):
            raise
        return {} if problem.version is None else {"deleted": problem.version}


def _meanwhile(prj_id, deleted):
    """Returns what others did to a project since a page showed its deletion. Returns `None` if it is still deleted."""
    try:
        version = prj().get(prj_id).version
    except Problem as problem:
        if problem.code != "gone":
            raise
        return "brought back and deleted again" if (problem.version or 0) > deleted else None
    # On a host with a snapshot, the record may be older than the page.
    return None if 0 < version < deleted else "brought back already"


def _state(prj_id, number):
    try:
        return prj().version(prj_id, number).value
    except Problem as problem:
        if problem.status not in (404, 410):
            raise
        return {}
