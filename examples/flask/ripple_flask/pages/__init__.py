"""The pages, a module for each kind."""

from flask import Blueprint

pages = Blueprint("pages", __name__)

from . import listing, live, project, registering, sheets, versions  # noqa: E402, F401: they add their pages
