"""Error messages in plain words, selected by ripple's code, otherwise by the status."""

from dataclasses import dataclass

from ripple_client.problem import NOT_RIPPLE


@dataclass(frozen=True)
class Words:
    """An error message. `status` is that of the app's answer: ripple's error status, or 502 if there was none."""

    status: int
    title: str
    text: str


_WORDS = {
    "forbidden": (
        "This app has no access to ripple",
        "ripple refuses the app's key. Please tell the person who runs this app.",
    ),
    "insufficient_scope": (
        "This app may only read",
        "Its key does not allow changes. Please tell the person who runs this app.",
    ),
    "author_not_allowed": (
        "This app may not write in your name",
        "Its key is for one author only. Please tell the person who runs this app.",
    ),
    "missing_authentication_token": (
        "ripple was not found",
        "The server at the app's address has no projects. Please tell the person who runs this app.",
    ),
    NOT_RIPPLE: (
        "ripple was not found",
        "Another server answered in its place, such as a proxy. Please tell the person who runs this app.",
    ),
    "not_found": ("This project does not exist", "No project has this id."),
    "no_such_version": ("This version does not exist", "The history goes back 90 days."),
    "exists": (
        "This id is taken",
        "Another project has it, and that project was not changed. Choose another id, or leave the field empty.",
    ),
    "deleted": ("This project was deleted", "You can bring it back with what you typed."),
    "gone": ("This project was deleted", "You can bring it back."),
    "stale": (
        "This project was set back to an earlier state",
        "Your page is newer than the project. If you save again, your changes are added to the earlier state.",
    ),
    "precondition_failed": (
        "This project was changed since you opened the page",
        "So it was not deleted. The page now shows the newer state.",
    ),
    "idempotency_key_reused": (
        "This form was sent before",
        "It registered a project with other contents. Send it again to register another project.",
    ),
    "record_too_large": ("This is too much for one project", "A project holds about 400 KB of text in all."),
    "body_too_large": ("This is too much for one project", "A project holds about 400 KB of text in all."),
    "invalid_body": ("Some fields need attention", "They are listed below and marked in the form."),
    "invalid_request": ("This address is not valid", "It may have been cut off, or it leads to a page of an old list."),
    "too_many_requests": ("There were too many requests", "ripple limits how often this app may ask."),
    "outcome_unknown": ("ripple is busy", "The database did not confirm the change."),
    "unavailable": ("ripple is busy", "The database does not answer, or too many people save this project at once."),
}
_BY_STATUS = {
    429: "too_many_requests",
    503: "unavailable",
    403: "forbidden",
    404: "not_found",
    410: "gone",
    412: "precondition_failed",
}
_NOT_SENT = ("ripple cannot be reached", "There was no connection, so nothing was sent.")
_NO_ANSWER = ("ripple did not answer", "The connection broke, or the answer took too long.")

_KEPT = "Nothing was saved. Your text is still here."


def words(problem):
    no_answer = _NOT_SENT if problem.status == 0 and was_not_sent(problem) else _NO_ANSWER
    title, text = _WORDS.get(problem.code) or _WORDS.get(_BY_STATUS.get(problem.status)) or no_answer
    status = problem.status if problem.status >= 400 else 502
    return Words(status, title, f"{text}{_again(problem)}")


def words_of_save(problem):
    """Returns the message for a visitor with text in a form, or with a sheet."""
    found = words(problem)
    if problem.rows:
        kept = _saved_before(problem)
    elif problem.outcome == "unknown":
        kept = "Your changes may have been saved, or not. Save again: nothing is saved twice."
    else:
        kept = _KEPT
    return Words(found.status, found.title, f"{found.text} {kept}")


def _saved_before(problem):
    """Reports the rows of a sheet that came before the problem."""
    count = len(problem.rows)
    first = "The first row was" if count == 1 else f"The first {count} rows were"
    done = "saved" if all(row.problem is None for row in problem.rows) else "tried, as listed below"
    then = " The next ones may have been saved, or not." if problem.outcome == "unknown" else ""
    return f"{first} {done}.{then} Save again for the rest: nothing is saved twice."


def of_fields():
    """Returns the message for a form whose fields break their rules."""
    title, text = _WORDS["invalid_body"]
    return Words(400, title, f"{text} {_KEPT}")


def was_not_sent(problem):
    """Reports whether no byte of the request has left. A read tells by its failure, a write also by its outcome."""
    return problem.outcome == "not_made" and problem.detail.startswith(("ConnectError", "ConnectTimeout"))


def is_temporary(problem):
    """Reports whether the same request may succeed later."""
    return problem.status in (0, 408, 429, 500, 502, 503, 504)


def _again(problem):
    if problem.retry_after is None:
        return ""
    seconds = problem.retry_after
    return f" Try again in {seconds} second{'' if seconds == 1 else 's'}."
