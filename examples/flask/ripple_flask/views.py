"""The pages."""

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from markupsafe import Markup

from ripple_client import Problem

from . import forms, history, problems, sentences
from .forms import Form
from .record import FIELDS, SAVED_BY, TIMELINE, UNITS, others, tokens

pages = Blueprint("pages", __name__)

PAGE = 25
LISTED = ("name", "goal", "issue", "term", "term_unit", "create_date", "updated_at", SAVED_BY)
SORTS = {
    "-updated_at": "Saved last",
    "name": "Name",
    "-create_date": "Newest",
    "create_date": "Oldest",
    "prj_id": "Id",
}
# The number of pages of a history that are read for one sentence.
HISTORY_PAGES = 5


@pages.get("/")
def projects():
    asked = {name: request.args.get(name, "") for name in ("q", "term_unit", "cursor")}
    sort = request.args.get("sort") if request.args.get("sort") in SORTS else "-updated_at"
    page = g.ripple.list(**asked, sort=sort, limit=PAGE, fields=",".join(LISTED))
    rows = [(row, history.moment(row.get("updated_at")), history.saved_by(row)) for row in page.rows]
    following = page.cursor and url_for(".projects", **{**asked, "sort": sort, "cursor": page.cursor})
    units = [*UNITS, *({asked["term_unit"]} - {"", *UNITS})]
    return render_template(
        "projects.html", rows=rows, asked=asked, sort=sort, sorts=SORTS, units=units, following=following
    )


@pages.get("/new")
def new():
    return _new_page(_new_form())


@pages.post("/new")
def register():
    form = _sent_form()
    form.creating = True
    if "add-row" in request.form:
        form.add_row()
        return _new_page(form)
    try:
        answer = g.ripple.create(form.record(), form.number)
    except Problem as problem:
        words = _blame(form, problem)
        if problem.code == "idempotency_key_reused":
            form.renew()
        return _new_page(form, words, problem)
    flash(sentences.of_save(answer.receipt, answer.record, []), "receipt")
    return redirect(url_for(".project", prj_id=answer.record["prj_id"]), 303)


@pages.get("/projects/<prj_id>")
def project(prj_id):
    try:
        answer = g.ripple.get(prj_id)
    except Problem as problem:
        if problem.status != 410:
            raise
        return _deleted_page(prj_id, problem)
    return _project_page(prj_id, Form.of(answer.record, session.get("name", "")), answer)


@pages.post("/projects/<prj_id>")
def save(prj_id):
    form = _sent_form()
    if "add-row" in request.form:
        form.add_row()
        return _project_page(prj_id, form)
    try:
        answer, came_back = _save(prj_id, form, "bring-back" in request.form)
    except Problem as problem:
        words = _blame(form, problem)
        if problem.code == "stale":
            form.version = None  # no base: nothing is removed
        return _project_page(prj_id, form, words=words, problem=problem)
    sentence = sentences.of_save(answer.receipt, answer.record, _since(prj_id, answer), form.your_name)
    flash(Markup("The project is back. {}").format(sentence) if came_back else sentence, "receipt")
    return redirect(url_for(".project", prj_id=prj_id), 303)


@pages.post("/projects/<prj_id>/delete")
def delete(prj_id):
    etag = request.form.get("etag") or abort(400, "The form does not say which state it is about.")
    name = request.form.get("name", "")
    try:
        g.ripple.delete(prj_id, etag)
    except Problem as problem:
        if problem.status != 412:
            raise
        answer = g.ripple.get(prj_id)
        form = Form.of(answer.record, session.get("name", ""))
        return _project_page(prj_id, form, answer, problems.words(problem), problem)
    back = Markup('<a href="{}">Its history</a>').format(url_for(".versions", prj_id=prj_id))
    flash(Markup("“{}” was deleted. {} can bring it back.").format(name or prj_id, back), "receipt")
    return redirect(url_for(".projects"), 303)


@pages.get("/projects/<prj_id>/history")
def versions(prj_id):
    page = g.ripple.versions(prj_id, cursor=request.args.get("cursor"), limit=PAGE)
    told = history.told(page.rows, _state(prj_id, page.rows[0]["version"])) if page.rows else []
    newest = told[0].number if told and not request.args.get("cursor") else request.args.get("newest")
    following = page.cursor and url_for(".versions", prj_id=prj_id, cursor=page.cursor, newest=newest)
    return _made_anew(
        "history.html",
        prj_id=prj_id,
        versions=told,
        following=following,
        newest=newest,
        me=session.get("name", ""),
        form=_new_form(),
    )


@pages.get("/projects/<prj_id>/history/<int:number>")
def version(prj_id, number):
    record = g.ripple.version(prj_id, number).record
    timeline = record.get(TIMELINE)
    return _made_anew(
        "version.html",
        prj_id=prj_id,
        number=number,
        record=record,
        fields=FIELDS,
        others=others(record),
        timeline=timeline if isinstance(timeline, list) else [],
        by=history.saved_by(record),
        moment=history.moment(record.get("updated_at")),
        newest=request.args.get("newest", ""),
        form=_new_form(),
    )


@pages.post("/projects/<prj_id>/history/<int:number>")
def restore(prj_id, number):
    # Saves after the page was shown are merged, and not undone.
    base = forms.whole(request.form.get("newest", ""))
    # The page has a form for each version, and all of these share one number.
    form = request.form.get("form")
    answer = g.ripple.restore(prj_id, number, base, f"{form}-{number}" if form else None)
    sentence = sentences.of_restore(
        answer.receipt, answer.record, _since(prj_id, answer), number, session.get("name", "")
    )
    flash(sentence, "receipt")
    return redirect(url_for(".project", prj_id=prj_id), 303)


def _made_anew(template, **values):
    """Returns a page whose forms are for one use, so that Back does not show an old copy."""
    return render_template(template, **values), {"Cache-Control": "no-store"}


def without_token():
    """Answers a form without the session's token. If it came from a page of this app, its content must not be lost. So
    the form is shown again, for the user to check and send."""
    words = problems.Words(400, "Please send this again", "Your browser's session had ended, so nothing was saved.")
    own = urlsplit(request.headers.get("Origin", request.host_url)).netloc == request.host
    if own and request.endpoint == "pages.save":
        return _project_page(request.view_args["prj_id"], _sent_form(remember=False), words=words)
    if own and request.endpoint == "pages.register":
        return _new_page(_sent_form(remember=False), words)
    return render_template("problem.html", words=words), words.status


def log(problem):
    """Logs a problem for the operator of the app. The request id finds the request in ripple's own log."""
    cause = f" ({problem.__cause__})" if problem.__cause__ else ""
    level = (
        current_app.logger.warning if problem.maybe_done or problem.status in (403, 503) else current_app.logger.info
    )
    level("ripple: %s [%s]%s", problem, problem.request_id, cause)


def _new_form():
    return Form(values={f.name: "" for f in FIELDS}, creating=True, your_name=session.get("name", ""))


def _sent_form(remember=True):
    form = Form.sent(request.form)
    if remember and form.your_name != session.get("name", ""):
        session["name"] = form.your_name
    return form


def _blame(form, problem):
    """Returns the message for a refused save, and adds the faults of fields to those fields."""
    log(problem)
    rules = {f.name: f.rule for f in FIELDS if f.rule}
    for pointer, detail in problem.fields.items():
        name = (tokens(pointer) or [""])[0]
        form.errors[name] = rules.get(name, detail)
    if problem.code == "exists":
        form.errors["prj_id"] = "is taken"
    return problems.words_of_save(problem)


def _save(prj_id, form, bring_back):
    """Saves. Returns the answer, and whether a deleted project was restored first, for the save to be merged into."""
    try:
        return g.ripple.save(prj_id, form.record(), form.save_key()), False
    except Problem as problem:
        if not bring_back or problem.code not in ("gone", "deleted"):
            raise
        g.ripple.restore(prj_id, _last_before(problem), idempotency_key=f"{form.number}-back")
        return g.ripple.save(prj_id, form.record(), form.save_key()), True


def _last_before(problem):
    tombstone = problem.body.get("version")
    return tombstone - 1 if isinstance(tombstone, int) and tombstone > 0 else 0


def _since(prj_id, answer):
    """Returns the versions between a save and its base, if its sentence needs them."""
    receipt = answer.receipt
    if not (receipt.kept or receipt.merged or receipt.won):
        return []
    rows, cursor = [], None
    try:
        for _ in range(HISTORY_PAGES):
            page = g.ripple.versions(prj_id, cursor=cursor)
            rows += page.rows
            cursor = page.cursor
            if cursor is None or rows[-1]["version"] <= (receipt.base or 0):
                break
    except Problem as problem:
        log(problem)  # The save succeeded, but its sentence cannot name the other authors.
    return history.told([row for row in rows if row["version"] <= receipt.version], answer.record)


def _state(prj_id, number):
    try:
        return g.ripple.version(prj_id, number).record
    except Problem as problem:
        if problem.status not in (404, 410):
            raise
        return {}


def _new_page(form, words=None, problem=None):
    return _page("new.html", words, problem, form=form, prj_id=None)


def _project_page(prj_id, form, answer=None, words=None, problem=None):
    record = answer.record if answer else {}
    return _page(
        "project.html",
        words,
        problem,
        form=form,
        prj_id=prj_id,
        record=record,
        etag=answer and answer.etag,
        others=others(record),
        moment=history.moment(record.get("updated_at")),
        by=history.saved_by(record),
    )


def _deleted_page(prj_id, problem):
    words = problems.words(problem)
    deleted, name = None, None
    try:
        told = history.told(g.ripple.versions(prj_id, limit=2).rows, {})
        deleted = next((version for version in told if version.deleted), None)
        name = next((c.before for c in deleted.changes if c.pointer == "/name"), None) if deleted else None
    except Problem as other:
        log(other)
    return render_template(
        "deleted.html",
        words=words,
        problem=problem,
        prj_id=prj_id,
        deleted=deleted,
        name=name,
        form=_new_form(),
        last=_last_before(problem),
    ), words.status


def _page(template, words, problem, **context):
    headers = {} if problem is None or problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    status = words.status if words else 200
    page = render_template(
        template, words=words, problem=problem, fields=FIELDS, units=UNITS, kind=forms.date_kind, **context
    )
    return page, status, headers
