"""The app's way to ripple: one set of connections, and a client for each visitor."""

from flask import current_app, g, session
from ripple_client import Client

from . import people

# A visitor waits for a page. ripple answers a save within 29 s, or says that it cannot.
TIMEOUT = 30.0


def connect(app, url, key):
    """Lets the app use the ripple at the URL."""
    app.extensions["ripple"] = Client(url, key, timeout=TIMEOUT)

    @app.after_request
    def remember(response):
        # A visitor who has just saved reads the next page with the token of that save, on any host.
        client = g.get("ripple")
        if client is not None and client.session != session.get("ripple"):
            session["ripple"] = client.session
        return response


def prj():
    """Returns the projects, as the visitor of this request reads and writes them."""
    if "ripple" not in g:
        shared = current_app.extensions["ripple"]
        g.ripple = shared.for_author(people.author(), session=session.get("ripple"))
    return g.ripple.prj


def rename(name):
    """Makes the name that the visitor typed the author of what follows."""
    if name != session.get("name", ""):
        session.permanent = True
        session["name"] = name
        if "ripple" in g:
            session["ripple"] = g.pop("ripple").session
