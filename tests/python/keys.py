"""API keys as a stranger could make them up."""

import secrets
import string
import zlib

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def unknown_key():
    """Well formed, its check included, and nobody's."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(30))
    rest, check = zlib.crc32(letters.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        check = ALPHABET[digit] + check
    return f"rpl_{letters}{check}"


def damaged(key):
    """The same but for its last letter."""
    return key[:-1] + ("0" if key[-1] != "0" else "1")
