"""The form of a new project."""

from flask import flash, redirect, request, url_for
from ripple_client import Problem

from .. import problems, sentences
from ..backend import prj
from . import pages
from .answers import blame, new_form, page, sent_form


@pages.get("/new")
def new():
    return new_page(new_form())


@pages.post("/new")
def register():
    form = sent_form()
    form.creating = True
    if "arrange" in request.form:
        form.arrange(request.form["arrange"])
        return new_page(form)
    if not form.check():
        return new_page(form, problems.of_fields())
    try:
        saved = _create(form)
    except Problem as problem:
        words = blame(form, problem)
        if problem.code == "idempotency_key_reused":
            form.renew()
        return new_page(form, words, problem)
    flash(sentences.of_save(saved.receipt, saved.record, []), "receipt")
    return redirect(url_for(".project", prj_id=saved.record.id), 303)


def new_page(form, words=None, problem=None):
    form.creating = True
    return page("new.html", words, problem, form=form, prj_id=None)


def _create(form):
    def create():
        return prj().create(form.value(), id=form.prj_id or form.number, key=form.number)

    try:
        return create()
    except Problem as problem:
        # The form's own id exists: the form was sent twice at once. The key now finds the answer to the first.
        if problem.code != "exists" or form.prj_id:
            raise
        return create()
