"""API keys that a client without a key could make up."""

import secrets
import string
import zlib

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def unknown_key():
    """Returns a well-formed key with a valid check that was never issued."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(30))
    rest, check = zlib.crc32(letters.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        check = ALPHABET[digit] + check
    return f"rpl_{letters}{check}"


def damaged(key):
    """Returns the same key with another last letter."""
    return key[:-1] + ("0" if key[-1] != "0" else "1")
