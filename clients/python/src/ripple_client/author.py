"""The header Ripple-Author: the person for whom a program writes."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import http_sf

_ID = re.compile(r"[A-Za-z0-9._~@:-]{1,64}")
_LONGEST_NAME = 60
# Unicode's categories Cc and Cf: controls, and formats, which include those of direction.
_UNSEEN = ("Cc", "Cf")


@dataclass(frozen=True)
class Author:
    """A person, by name, and by an id if the program knows one."""

    name: str
    id: str | None = None

    @classmethod
    def of(cls, author: "Author | tuple[str, str | None] | str | None") -> "Author | None":
        """Returns the author that a caller names in any of these forms."""
        if author is None or isinstance(author, Author):
            return author
        name, author_id = (author, None) if isinstance(author, str) else author
        return cls(name, author_id)

    def is_same(self, other: "Author | None") -> bool:
        """Reports whether both are the same person. Without two ids, the names decide."""
        if other is None:
            return False
        return self.id == other.id if self.id and other.id else self.name == other.name

    def header(self) -> str:
        """Returns the value of the header. Raises `ValueError` if the API does not accept the name or the id."""
        if not 1 <= len(self.name) <= _LONGEST_NAME or self.name != self.name.strip():
            raise ValueError(f"an author's name has 1 to {_LONGEST_NAME} characters and no blank at its ends")
        if any(unicodedata.category(character) in _UNSEEN for character in self.name):
            raise ValueError("an author's name has no control or format character")
        if not unicodedata.is_normalized("NFC", self.name):
            raise ValueError("an author's name is in Unicode's normal form C")
        if self.id is not None and not _ID.fullmatch(self.id):
            raise ValueError("an author's id has 1 to 64 of A-Z a-z 0-9 . _ ~ @ : -")
        name = self.name if self.name.isascii() else http_sf.DisplayString(self.name)
        item: Any = (name, {} if self.id is None else {"id": self.id})
        return http_sf.ser(item)
