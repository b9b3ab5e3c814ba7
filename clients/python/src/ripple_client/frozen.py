"""JSON values that cannot be changed.

An edit sends what its author saw. So the value of a record must stay as the server sent it. The types below are a
`dict` and a `list` to every reader, and refuse changes. `thaw` returns a copy to change.
"""

from collections.abc import Mapping
from typing import Any, NoReturn


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise TypeError("the value of a record is read-only: edit() gives a copy to change")


class FrozenDict(dict[str, Any]):
    """An object of a record. Its copies are plain dictionaries."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return thaw(self)

    def __reduce__(self) -> Any:
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """An array of a record. Its copies are plain lists."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return thaw(self)

    def __reduce__(self) -> Any:
        return FrozenList, (list(self),)


def freeze(value: Any) -> Any:
    """Returns the same JSON value, read-only at every level."""
    if isinstance(value, dict):
        return FrozenDict({name: freeze(member) for name, member in value.items()})
    if isinstance(value, list):
        return FrozenList([freeze(entry) for entry in value])
    return value


def thaw(value: Any) -> Any:
    """Returns a copy of a JSON value that can be changed at every level."""
    if isinstance(value, Mapping):
        return {name: thaw(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [thaw(entry) for entry in value]
    return value
