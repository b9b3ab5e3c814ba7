"""What pages have in common: rendering, and problems in words."""

import hashlib

from flask import current_app, render_template, request, session

from .. import backend, people, problems
from ..forms import Form, is_number
from ..record import FIELDS, UNITS, tokens
from ..rows import date_kind


def page(template, words=None, problem=None, **context):
    """Returns a page with a form, and the error that it reports."""
    headers = {} if problem is None or problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    status = words.status if words else 200
    people.meet()
    text = render_template(
        template, words=words, problem=problem, fields=FIELDS, units=UNITS, kind=date_kind, **context
    )
    return text, status, headers


def for_one_use(template, **context):
    """Returns a page whose forms are for one use, so that Back does not show an old copy."""
    return render_template(template, **context), {"Cache-Control": "no-store"}


def sent_form(remember=True):
    """Returns the form of this request. The name in it becomes the visitor's."""
    form = Form.sent(request.form)
    if remember:
        backend.rename(form.your_name)
    return form


def new_form():
    return Form.new(session.get("name", ""))


def form_key(what):
    """Returns an `Idempotency-Key` for what a form without fields asks of a project. Returns `None` if the form has no
    number. All forms of a page share one."""
    number, prj_id = request.form.get("form", ""), request.view_args["prj_id"]
    of_project = hashlib.sha256(prj_id.encode()).hexdigest()[:12]
    return f"{number}-{what}-{of_project}" if is_number(number) else None


def blame(form, problem):
    """Returns the message for a refused save, and marks the fields at fault."""
    log(problem)
    rules = {f.name: f.rule for f in FIELDS if f.rule}
    for pointer, detail in problem.fields.items():
        name = (tokens(pointer) or [""])[0]
        form.errors[name] = rules.get(name, detail)
    if problem.code == "exists":
        form.errors["prj_id"] = "is taken"
    return problems.words_of_save(problem)


def log(problem):
    """Logs a problem for the operator of the app. The request id finds the request in ripple's own log."""
    severe = problem.outcome == "unknown" or problem.status in (0, 403, 500, 502, 503, 504)
    level = current_app.logger.warning if severe else current_app.logger.info
    level("ripple: %s [%s]", problem, problem.request_id)
