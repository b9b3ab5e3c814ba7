"""The address of ripple and the app's own secret, from the environment or from the file of a running `ripple dev`.

RIPPLE_URL, RIPPLE_KEY    a ripple (API Gateway, the edge, a `ripple dev`) and a key with the scopes read and write
RIPPLE_DATA               the data folder of `ripple dev`, if those are not set [default: .ripple of the project]
FLASK_SECRET_KEY          signs the cookies; if it is not set, one is created and stored in that folder
FLASK_SESSION_COOKIE_SECURE=true   if the app is served over HTTPS; Flask's other settings work the same way
"""

import json
import os
import secrets
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


class SettingsError(Exception):
    """A missing or invalid setting, in a sentence for the person who starts the app."""


def data_folder():
    return Path(os.environ.get("RIPPLE_DATA") or PROJECT / ".ripple")


def ripple():
    """Returns URL and key. If `ripple dev` has an edge, the URL is the edge's."""
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
    """Returns the secret of the last start, so that open forms stay valid after a restart of the app."""
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
    """Creates a file atomically, readable only by its owner. If two processes start at once, the first file stays."""
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
