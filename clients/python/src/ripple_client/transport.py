"""What both clients tell httpx, and what its failures mean."""

from importlib.metadata import PackageNotFoundError, version

import httpx

from .exchange import NoAnswer

# A host that is there accepts a connection within this time, in seconds.
_CONNECT = 3.0
# The longest wait for a free connection of the client's own pool, in seconds.
_POOL = 5.0
# With these, no byte of the request has left.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def timeouts(seconds: float) -> httpx.Timeout:
    """Returns the limits of each operation on a socket. The clients limit the request as a whole."""
    return httpx.Timeout(seconds, connect=min(_CONNECT, seconds), pool=min(_POOL, seconds))


def no_answer(error: httpx.RequestError) -> NoAnswer:
    """Returns what a failure of httpx means for the request.

    `RequestError` is the base of all of them. `RemoteProtocolError`, a closed connection, is not a `NetworkError`.
    """
    return NoAnswer(f"{type(error).__name__}: {error}", left=not isinstance(error, _NOT_SENT))


def late(seconds: float) -> NoAnswer:
    return NoAnswer(f"the answer was not complete after {seconds:.0f} s")


def user_agent() -> dict[str, str]:
    try:
        own = version("ripple-client")
    except PackageNotFoundError:  # run from its source
        own = "0"
    return {"user-agent": f"ripple-client/{own} httpx/{httpx.__version__}"}
