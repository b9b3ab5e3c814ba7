"""The pages of a project: to read, to edit, to delete, and what others did to it meanwhile."""

from dataclasses import replace

from flask import abort, flash, redirect, render_template, request, session, url_for
from markupsafe import Markup
from ripple_client import Problem, Receipt, Record, Saved

from .. import history, losses, news, people, problems, record, sentences
from ..backend import prj
from ..forms import Form, whole
from ..record import FIELDS, UNITS
from ..rows import date_kind
from . import pages
from .answers import blame, form_key, log, new_form, page, sent_form


@pages.get("/projects/<id:prj_id>")
def project(prj_id):
    return _found(prj_id, "project.html")


@pages.get("/projects/<id:prj_id>/edit")
def edit(prj_id):
    return _found(prj_id, "edit.html")


@pages.post("/projects/<id:prj_id>")
def save(prj_id):
    form = sent_form()
    if form.version is None:
        abort(400, "This is not one of the app's forms.")
    if "arrange" in request.form:
        form.arrange(request.form["arrange"])
        return edit_page(prj_id, form)
    if not form.check():
        return edit_page(prj_id, form, words=problems.of_fields())
    try:
        if form.changed or "bring-back" in request.form:
            saved, came_back = _save(prj_id, form, "bring-back" in request.form)
            receipt, versions = news.beside(prj(), saved, form.version, form.changes)
            sentence = sentences.of_save(receipt, saved.record, versions, form.changes)
            sentence = Markup("The project is back. {}").format(sentence) if came_back else sentence
        else:
            found = prj().get(prj_id)
            unsent = Saved(found, Receipt("unchanged", found.version, form.version))
            receipt, versions = news.beside(prj(), unsent, form.version)
            sentence = sentences.of_nothing(receipt, found, versions)
    except Problem as problem:
        words = blame(form, problem)
        if problem.code == "stale" and problem.current:
            form.version = problem.current.version  # the edit says itself what its author saw
        return edit_page(prj_id, form, words=words, problem=problem)
    flash(sentence, "receipt")
    return redirect(url_for(".project", prj_id=prj_id), 303)


@pages.post("/projects/<id:prj_id>/delete")
def delete(prj_id):
    version = whole(request.form.get("version", ""))
    if version is None:
        abort(400, "The form does not say which state it is about.")
    try:
        prj().delete(Record(prj_id, {}, version), key=form_key("delete"))
    except Problem as problem:
        if problem.status != 412:
            raise
        return _read_page(prj_id, prj().get(prj_id), problems.words(problem), problem)
    name = record.shortened(request.form.get("name", ""), 80) or prj_id
    links = [
        Markup('<a href="{}">{}</a>').format(url_for(page, **about), text)
        for page, about, text in (
            (".deleted", {}, "Deleted projects"),
            (".versions", {"prj_id": prj_id}, "Its history"),
        )
    ]
    flash(Markup("“{}” was deleted. {} or {} can bring it back.").format(name, *links), "receipt")
    return redirect(url_for(".projects"), 303)


@pages.get("/projects/<id:prj_id>/news")
def news_of(prj_id):
    """Answers a page that is open: what others have saved since the version that it showed first. `page` says which
    page it is. The answer has its new content, for the script to fold in."""
    shown = whole(request.args.get("version", "")) or 0
    try:
        found = prj().get(prj_id)
    except Problem as problem:
        if problem.status != 410:
            return "", 204
        return render_template("_news.html", prj_id=prj_id, gone=True), {"X-Version": f"{problem.version} gone"}
    if found.version == shown:
        return "", 204
    told, lost = news.since(prj(), found, shown), news.lost(prj(), found)
    part = render_template(
        "_news.html",
        prj_id=prj_id,
        told=told,
        notes=news.notes(told),
        losses=lost,
        found=found,
        form=Form.of(found, session.get("name", "")),
        page=request.args.get("page"),
        name=record.name_of(found.value, prj_id),
        fields=FIELDS,
        units=UNITS,
        kind=date_kind,
        **_about(found),
    )
    # The tokens of its forms differ in each answer. So the version tells the page whether there is more to hear.
    return part, {"X-Version": str(found.version)}


@pages.post("/projects/<id:prj_id>/mine")
def mine(prj_id):
    """Brings back what others replaced of the visitor's."""
    version, mine = whole(request.form.get("version", "")), whole(request.form.get("mine", ""))
    if version is None or mine is None:
        abort(400, "The form does not say which state it is about.")
    current = prj().get(prj_id)
    seen = current if current.version == version else prj().version(prj_id, version)
    old = prj().version(prj_id, mine).value
    # An edit of what the page had shown. ripple merges it with what others have saved since, and the receipt says so.
    with prj().edit(seen, key=form_key("mine")) as edit:
        for place in request.form.getlist("place"):
            _place(place).put(edit.value, old)
    saved = edit.saved
    if saved.receipt.result == "unchanged":
        saved = replace(saved, record=current)
    receipt, versions = news.beside(prj(), saved, version)
    flash(sentences.of_save(receipt, saved.record, versions), "receipt")
    return redirect(url_for(".project", prj_id=prj_id), 303)


@pages.post("/projects/<id:prj_id>/noted")
def noted(prj_id):
    """Takes note that the visitor leaves the project as others have changed it."""
    news.note(prj_id, whole(request.form.get("version", "")) or 0)
    return redirect(url_for(".project", prj_id=prj_id), 303)


def edit_page(prj_id, form, found=None, words=None, problem=None, losses=()):
    """Returns the page with the form of a project."""
    return page(
        "edit.html",
        words,
        problem,
        form=form,
        prj_id=prj_id,
        name=record.name_of(found.value if found else {"name": form.seen.get("name")}, prj_id),
        found=found,
        losses=losses,
        **_about(found),
    )


def _found(prj_id, template):
    try:
        found = prj().get(prj_id)
    except Problem as problem:
        if problem.status != 410:
            raise
        return _deleted_page(prj_id, problem)
    if template == "edit.html":
        lost = news.lost(prj(), found)
        return edit_page(prj_id, Form.of(found, session.get("name", "")), found, losses=lost)
    return _read_page(prj_id, found)


def _read_page(prj_id, found, words=None, problem=None):
    return page(
        "project.html",
        words,
        problem,
        prj_id=prj_id,
        name=record.name_of(found.value, prj_id),
        found=found,
        form=new_form(),
        losses=news.lost(prj(), found),
        **_about(found),
    )


def _about(found):
    if found is None:
        return {"others": {}, "moment": None, "by": None}
    return {
        "others": record.others(found.value),
        "moment": history.moment(found.updated),
        "by": people.writer(found),
    }


def _save(prj_id, form, bring_back):
    """Saves. Returns the outcome, and whether a deleted project was restored first, for the save to be merged into."""
    try:
        if not form.changed:
            prj().get(prj_id)  # an edit of nothing asks nothing
        return _edit(prj_id, form), False
    except Problem as problem:
        if not bring_back or problem.code not in ("gone", "deleted"):
            raise
        deleted = problem.version or 1
        # If another person brings it back at the same time, the edits since then are merged, and not undone.
        prj().restore(prj_id, deleted - 1, base=deleted, key=f"{form.number}-back-{deleted}")
        return _edit(prj_id, form), True


def _edit(prj_id, form):
    with prj().edit(replace(form.record(), id=prj_id), key=form.save_key()) as edit:
        edit.value.clear()
        edit.value.update(form.value())
    return edit.saved


def _place(text):
    try:
        return losses.place(text)
    except ValueError:
        abort(400, "This is not one of the app's forms.")


def _deleted_page(prj_id, problem):
    words = problems.words(problem)
    deleted, name = None, None
    try:
        told = history.told(next(prj().versions(prj_id, limit=2).pages()).items, {})
        deleted = next((version for version in told if version.deleted), None)
        name = next((c.before for c in deleted.changes if c.pointer == "/name"), None) if deleted else None
    except Problem as other:
        log(other)
    last = (problem.version or 1) - 1
    return page(
        "deleted.html", words, problem, prj_id=prj_id, deleted=deleted, name=name, form=new_form(), last=last
    )
