"""Error messages in plain words, selected by ripple's code, otherwise by the status."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """An error message. `status` is that of the app's answer: ripple's error status, or 502 if there was none."""

    status: int
    title: str
    text: str


_WORDS = {
    "forbidden": (
        "This app is not let in",
        "ripple does not take the key that this app has. Whoever runs the app must give it a valid one.",
    ),
    "insufficient_scope": (
        "This app may only read",
        "Its key does not let it change anything. Whoever runs the app must give it one that does.",
    ),
    "missing_authentication_token": (
        "This is no ripple",
        "What this app asks does not know projects. Whoever runs the app must set its address right.",
    ),
    "not_found": (
        "There is no such project",
        "Nobody has registered one with this id, or its record was taken away altogether.",
    ),
    "no_such_version": ("There is no such version", "The history goes back 90 days."),
    "exists": (
        "This id is taken",
        "There is a project with this id already, and it was left as it is. Choose another, or none to be given one.",
    ),
    "deleted": (
        "This project was deleted",
        "Nothing was saved. You can bring the project back with what you have typed.",
    ),
    "gone": ("This project was deleted", "You can bring it back as it was."),
    "stale": (
        "This project was set back to an earlier state",
        "What you had in front of you is newer than what is there now. If you save again, your text is put on top "
        "of it and nothing is removed.",
    ),
    "precondition_failed": (
        "This project was changed since you looked at it",
        "So it was not deleted. This is what it looks like now.",
    ),
    "idempotency_key_reused": (
        "This form has made a project already",
        "It was sent before with other contents, and that project is registered. To register one more with what "
        "stands here, send it again.",
    ),
    "record_too_large": ("This is too much for one project", "A project holds about 300 KB of text in all."),
    "body_too_large": ("This is too much for one project", "A project holds about 300 KB of text in all."),
    "invalid_body": ("Something is not filled in right", "See the marked fields."),
    "invalid_request": (
        "This address has a mistake in it",
        "Perhaps it was cut short, or a page of the list has gone out of date.",
    ),
    "too_many_requests": ("Too many requests at once", "There is a limit on how often this app may ask."),
    "outcome_unknown": (
        "ripple is busy",
        "The database does not say what became of it.",
    ),
    "unavailable": (
        "ripple is busy",
        "The database does not answer just now, or too many are saving this project at once.",
    ),
}
_BY_STATUS = {
    429: "too_many_requests",
    503: "unavailable",
    403: "forbidden",
    404: "not_found",
    410: "gone",
    412: "precondition_failed",
}
_NO_ANSWER = ("ripple does not answer", "Either it or the way to it is out of order.")


def words(problem):
    title, text = _WORDS.get(problem.code) or _WORDS.get(_BY_STATUS.get(problem.status)) or _NO_ANSWER
    status = problem.status if problem.status >= 400 else 502
    return Words(status, title, f"{text}{_again(problem)}")


def words_of_save(problem):
    """Returns the message for a user with text in a form."""
    found = words(problem)
    if problem.maybe_done:
        kept = "Whether it was saved is not known. Save again: if it was, nothing is done twice."
    else:
        kept = "Nothing was saved. What you typed is still here."
    return Words(found.status, found.title, f"{found.text} {kept}")


def _again(problem):
    if problem.retry_after is None:
        return ""
    seconds = problem.retry_after
    return f" Try again in {seconds} second{'' if seconds == 1 else 's'}."
