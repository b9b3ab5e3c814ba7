"""Ids of records, the paths that name them, and the keys of repeated writes."""

import re
import secrets
import time
import uuid
from urllib.parse import quote

# docs/SAVING.md, "Sending a write again".
_KEY = re.compile(r"[!-~]{1,255}")


def new_id() -> str:
    """Returns a UUID of version 7 (RFC 9562): its order is that of creation."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def new_idempotency_key() -> str:
    """Returns 128 random bits as 22 characters."""
    return secrets.token_urlsafe(16)


def checked_idempotency_key(key: str) -> str:
    """Returns the key. Raises `ValueError` if the API does not accept it."""
    if not _KEY.fullmatch(key):
        raise ValueError("an Idempotency-Key has 1 to 255 visible ASCII characters")
    return key


def segment(record_id: str) -> str:
    """Returns the id as a segment of a path. Raises `ValueError` if no path can name it."""
    if record_id in ("", ".", ".."):
        raise ValueError(f"no path names a record {record_id!r}")
    encoded = quote(record_id, safe="")
    # A first underscore is encoded, because `_changes` without encoding is another resource.
    return "%5F" + encoded[1:] if encoded.startswith("_") else encoded
