"""Where ripple is, and the app's own secret: from the environment, or as `ripple dev` left word of itself.

RIPPLE_URL, RIPPLE_KEY    a ripple (API Gateway, the edge, a `ripple dev`) and a key with the scopes read and write
RIPPLE_DATA               where they are not set: the data folder of `ripple dev` [default: .ripple of the project]
FLASK_SECRET_KEY          signs the cookies; where it is not set, one is made and kept in that folder
FLASK_SESSION_COOKIE_SECURE=true   where the app is served over HTTPS; any other of Flask's settings likewise
"""

import json
import os
import secrets
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


class SettingsError(Exception):
    """What is missing, in a sentence for whoever starts the app."""


def data_folder():
    return Path(os.environ.get("RIPPLE_DATA") or PROJECT / ".ripple")


def ripple():
    """URL and key. The edge is asked where there is one: that is what it is for."""
    url, key = os.environ.get("RIPPLE_URL"), os.environ.get("RIPPLE_KEY")
    if url and key:
        return url, key
    if url or key:
        raise SettingsError("set both RIPPLE_URL and RIPPLE_KEY, or neither")
    file = data_folder() / "dev.json"
    try:
        found = json.loads(file.read_text())
        return found.get("edge_url") or found["url"], found["key"]
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(f"set RIPPLE_URL and RIPPLE_KEY, or start `cargo xtask dev` ({file}: {error})") from error


def secret_key():
    """The one of the last start, so that nobody's form is refused because the app was started anew."""
    file = data_folder() / "flask-secret"
    try:
        if not file.exists():
            _keep(file, secrets.token_hex(32))
        found = file.read_text().strip()
    except OSError as error:
        raise SettingsError(f"set FLASK_SECRET_KEY: one cannot be kept in {file.parent} ({error})") from error
    if len(found) < 32:
        raise SettingsError(f"{file} holds no secret: delete it, and a new one is made")
    return found


def _keep(file, text):
    """Puts a file in place whole, for its owner alone. Of two processes that start at once the first one's stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
    try:
        os.link(new, file)
    except FileExistsError:
        pass
    finally:
        new.unlink()
