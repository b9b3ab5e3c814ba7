"""A web app on ripple: the project list, a page for each project, and its history.

    browser ── HTML, a session cookie ──▶ this app ── x-api-key ──▶ ripple (the edge, or the API itself)

The key never leaves this process. `views` has the pages, `forms` the contents of forms, and `sentences` the reports of
saves.
"""

from flask import Flask, g, render_template, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from ripple_client import Client, Problem

from . import problems, record, sentences, settings, views

# Everything is a file of ours: no script, style or picture inside a page or from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app():
    app = Flask(__name__)
    app.config.update(
        SESSION_COOKIE_NAME="ripple_app",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        # A page may be open for days, so its token is valid as long as the browser's session.
        WTF_CSRF_TIME_LIMIT=None,
        # A project has up to 300 KB. Its form contains it twice, and a character may take nine bytes there.
        MAX_CONTENT_LENGTH=6 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=6 * 1024 * 1024,
    )
    app.config.from_prefixed_env()
    app.secret_key = app.secret_key or settings.secret_key()
    url, key = settings.ripple()
    CSRFProtect(app)
    app.register_blueprint(views.pages)
    app.jinja_env.filters.update(
        at=sentences.at, label=record.label, shortened=record.shortened, title_of=record.title, json=record.json
    )
    app.jinja_env.tests["missing"] = lambda value: value is record.MISSING
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.before_request
    def connect():
        g.ripple = Client(url, key, session.get("ripple"))

    @app.after_request
    def remember(response):
        # A user who has just saved reads the next page with the token of that save, on any host.
        client = g.get("ripple")
        if client is not None and client.session != session.get("ripple"):
            session["ripple"] = client.session
        return response

    @app.after_request
    def guard(response):
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    @app.errorhandler(Problem)
    def of_ripple(problem):
        views.log(problem)
        words = problems.words(problem)
        headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
        return render_template("problem.html", words=words, problem=problem), words.status, headers

    @app.errorhandler(CSRFError)
    def forged(_):
        return views.without_token()

    @app.errorhandler(HTTPException)
    def of_the_app(error):
        words = problems.Words(error.code, error.name, error.description)
        return render_template("problem.html", words=words), error.code

    return app
