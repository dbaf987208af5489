"""An address → an answer, one request at a time: the one file that knows httpx2.

Source: RFC 9110 (redirects, ranges, status codes); httpx2's documentation.

Nothing is taken from the environment (proxies, certificates): the caller passes what it wants.  Redirects are followed
here, because httpx2 would follow one from https to http.

Folklore: symbol servers behind storage services redirect to a signed address of another host; Mozilla's stores its
files gzip-encoded and says so in Content-Encoding even when asked for identity.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from bugcheck.errors import BugcheckError, UsageError
from bugcheck.records import dataclass

if TYPE_CHECKING:
    import httpx2

_ERROR_NUMBER = re.compile(r"^\[Errno -?\d+\] ")
_REDIRECTS = (301, 302, 303, 307, 308)


class HttpFault(BugcheckError):
    """A request came to nothing.

    Attributes:
        passing: True when trying again may help (time-outs, broken connections).
        unreachable: True when not even a connection came about.
    """

    def __init__(self, reason: str, *, passing: bool, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How servers are spoken to.

    Attributes:
        proxy: "http://host:port", "socks5://…"; "" for none.
        connect_timeout, read_timeout: seconds for a connection, and for each piece of an answer.
        redirects: how many are followed.
        certificates: file of certificates to trust instead of the system's; "" for those.
        user_agent: what to call oneself.
    """

    proxy: str = ""
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    redirects: int = 5
    certificates: str = ""
    user_agent: str = "bugcheck (Microsoft-Symbol-Server compatible)"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body has not been read yet.

    Attributes:
        status: HTTP status. headers: names in lower case. url: after redirects.
        chunks: yields the body's pieces, decoded when the server had encoded them.
        encoded: True when it had, so that sizes and ranges do not count bytes of the file.
    """

    status: int
    headers: dict[str, str]
    url: str
    chunks: Callable[[], Iterator[bytes]]
    encoded: bool

    def number(self, name: str) -> int | None:
        """Read a header as a whole number; None when it is none."""
        text = self.headers.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


class HttpClient:
    """A pool of connections; may be used from several threads."""

    def __init__(self, settings: HttpSettings) -> None:
        """Make the pool; nothing is sent. Raises UsageError for a proxy or certificate file that is none."""
        import ssl

        import httpx2

        self.settings = settings
        self._sockets: dict[int, socket.socket] = {}
        self._lock = Lock()
        try:
            own = ssl.create_default_context(cafile=settings.certificates) if settings.certificates else None
            self._client = httpx2.Client(
                verify=own or True,  # True: the system's, through truststore
                proxy=settings.proxy or None,
                trust_env=False,
                timeout=httpx2.Timeout(settings.read_timeout, connect=settings.connect_timeout),
                headers={"User-Agent": settings.user_agent, "Accept-Encoding": "identity"},
            )
        except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:
            raise UsageError(f"the proxy or certificates cannot be used: {error}") from error

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def abort(self) -> None:
        """Break off every answer being read, from another thread; its reader gets an HttpFault."""
        with self._lock:
            for connection in self._sockets.values():
                try:
                    socket.socket.shutdown(
                        connection, socket.SHUT_RDWR
                    )  # TLS sockets' own shutdown changes their state
                except OSError:
                    continue

    @contextmanager
    def get(self, url: str, start: int = 0) -> Generator[Answer]:
        """Ask for a file, from byte `start` on. Raises HttpFault, also while the body is read."""
        import httpx2

        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            for _ in range(self.settings.redirects + 1):
                with self._client.stream("GET", url, headers=headers) as response, self._breakable(response):
                    if response.status_code not in _REDIRECTS:
                        yield _answer(response)
                        return
                    url = redirected(str(response.url), response.headers.get("location", ""))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise HttpFault(_words(error), passing=True, unreachable=True) from error
        except httpx2.TransportError as error:
            passing = not isinstance(error, httpx2.UnsupportedProtocol)
            raise HttpFault(_words(error), passing=passing) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, UnicodeError) as error:
            raise HttpFault(_words(error), passing=False) from error
        raise HttpFault(f"more than {self.settings.redirects} redirects", passing=False)

    @contextmanager
    def _breakable(self, response: httpx2.Response) -> Generator[None]:
        stream = response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(connection, socket.socket):
            with self._lock:
                self._sockets[id(response)] = connection
        try:
            yield
        finally:
            with self._lock:
                self._sockets.pop(id(response), None)


def redirected(url: str, location: str) -> str:
    """Resolve a redirect. Raises HttpFault when it leads nowhere or from https to something else."""
    from urllib.parse import urljoin, urlsplit

    try:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        host = new.hostname
    except ValueError:
        raise HttpFault("a redirect to no address", passing=False) from None
    if not location or not host or new.scheme not in ("http", "https"):
        raise HttpFault("a redirect to no address", passing=False)
    if old.scheme == "https" and new.scheme != "https":
        raise HttpFault(f"a redirect from https to http ({host}) is not followed", passing=False)
    return target


def _answer(response: httpx2.Response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    encoded = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    chunks = response.iter_bytes if encoded else response.iter_raw
    return Answer(response.status_code, headers, str(response.url), chunks, encoded)


def _words(error: Exception) -> str:
    return _ERROR_NUMBER.sub("", str(error).partition("\n")[0])[:200] or type(error).__name__
