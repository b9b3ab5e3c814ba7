"""A web app on ripple: the project list, a page for each project, and its history.

    browser ── HTML, a session cookie ──▶ this app ── x-api-key ──▶ ripple (the edge, or the API itself)

The key never leaves this process.

    pages        the pages, a module for each kind
    forms, rows  the form of a project, and what a save sends of it
    people       the visitor, and the authors of versions
    history, losses, news, difference    what others did, and how a page shows it
    sentences, problems                  saves and errors in words
"""

from datetime import timedelta
from urllib.parse import quote, unquote, urlsplit

from flask import Flask, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from ripple_client import Problem
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, ValidationError

from . import backend, difference, people, problems, record, sentences, settings
from .pages import answers, pages, project, registering

# Everything is a file of ours: no script, style or picture inside a page or from elsewhere. A page may open sockets of
# ripple's live channel.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {live}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Id(BaseConverter):
    """Any id of a project as one segment of a path. It is encoded twice, because WSGI decodes a path once."""

    regex = "[^/]+"

    def to_python(self, value):
        prj_id = unquote(value)
        if prj_id in ("", ".", ".."):
            raise ValidationError
        return prj_id

    def to_url(self, value):
        return quote(quote(value, safe=""), safe="")


def create_app():
    app = Flask(__name__)
    app.config.update(
        SESSION_COOKIE_NAME="ripple_app",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        # The cookie says who the visitor is, for a year. A page that only reads must not send it again: its answer may
        # overtake that of a save.
        PERMANENT_SESSION_LIFETIME=timedelta(days=365),
        SESSION_REFRESH_EACH_REQUEST=False,
        # A page may be open for days, so its token is valid as long as the browser's session.
        WTF_CSRF_TIME_LIMIT=None,
        # A project has up to 400 KB. Its form contains it twice, and a character may take nine bytes there.
        MAX_CONTENT_LENGTH=8 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=8 * 1024 * 1024,
    )
    app.config.from_prefixed_env()
    app.secret_key = app.secret_key or settings.secret_key()
    app.url_map.converters["id"] = Id
    CSRFProtect(app)
    url, key = settings.ripple()
    backend.connect(app, url, key)
    policy = POLICY.format(live=urlsplit(url)._replace(path="", query="").geturl().replace("http", "ws", 1))
    app.register_blueprint(pages)
    app.jinja_env.globals.update(difference=difference, who=sentences.who, me=people.me)
    app.jinja_env.filters.update(
        at=sentences.at, label=record.label, shortened=record.shortened, title_of=record.title, json=record.json
    )
    app.jinja_env.tests["missing"] = lambda value: value is record.MISSING
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.after_request
    def guard(response):
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    @app.errorhandler(Problem)
    def of_ripple(problem):
        answers.log(problem)
        words = problems.words(problem)
        headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
        temporary = request.method == "GET" and problems.is_temporary(problem)
        return render_template("problem.html", words=words, problem=problem, again=temporary), words.status, headers

    @app.errorhandler(CSRFError)
    def without_token(_):
        return _without_token()

    @app.errorhandler(HTTPException)
    def of_the_app(error):
        words = problems.Words(error.code, error.name, error.description)
        return render_template("problem.html", words=words), error.code

    return app


def _without_token():
    """Answers a form without the session's token. If it came from a page of this app, its content must not be lost. So
    the form is shown again, for the visitor to check and send."""
    words = problems.Words(400, "Please send this again", "Your browser's session had ended, so nothing was saved.")
    own = urlsplit(request.headers.get("Origin", request.host_url)).netloc == request.host
    if own and request.endpoint == "pages.save":
        return project.edit_page(request.view_args["prj_id"], answers.sent_form(remember=False), words=words)
    if own and request.endpoint == "pages.register":
        return registering.new_page(answers.sent_form(remember=False), words)
    return render_template("problem.html", words=words), words.status
