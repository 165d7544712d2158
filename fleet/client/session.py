"""How the client asks: as somebody who is signed in, in pages, and again while Supabase is away."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from postgrest.exceptions import APIError
from supabase import AuthError, ClientOptions, SupabaseException, create_client
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from fleet.client.errors import Invalid, SignInFailed, Unavailable, judge, of_sign_in
from fleet.client.rows import columns, row_of

# PostgREST gives no more at once.
PAGE: Final = 1000

Row = TypeVar("Row")
Result = TypeVar("Result")


class Session:
    """A project, and who is signed in there; several threads may use it. All methods raise ClientError."""

    def __init__(
        self, url: str, key: str, *, token: str | None, bucket: str, timeout_s: float, tries: int
    ) -> None:
        key, token = _sign("publishable key", key), token if token is None else _sign("access token", token)
        self._http = httpx.Client(timeout=timeout_s, event_hooks={"response": [judge]})
        self._objects = f"{url.rstrip('/')}/storage/v1/object/{quote(bucket)}"
        self._key, self._token = key, token
        self._tries = tries
        self._refreshing = threading.Lock()
        options = ClientOptions(
            httpx_client=self._http,
            auto_refresh_token=False,
            persist_session=False,
            postgrest_client_retry=False,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        try:
            self.supabase = create_client(url, key, options)
        except (SupabaseException, ValueError) as error:
            self._http.close()
            raise Invalid(f"{url!r} is no URL of a Supabase project: {error}") from None

    def sign_in(self, email: str, password: str) -> None:
        """Sign in; raise SignInFailed or Unavailable."""
        try:
            self.supabase.auth.sign_in_with_password({"email": email, "password": password})
        except AuthError as error:
            raise of_sign_in(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def select(self, table: str, kind: type[Any]) -> Any:
        """Begin a query for rows of a kind."""
        return self.supabase.table(table).select(",".join(columns(kind)))

    def call(self, function: str, **arguments: Any) -> Any:
        """Call a function that only reads."""
        return self.patiently(lambda: self.answer(lambda: self.supabase.rpc(function, arguments))).data

    def rows(self, kind: type[Row], asked: Callable[[], Any]) -> list[Row]:
        """Ask for rows, as a query that is built when it is asked gives them."""
        return [row_of(kind, told) for told in self.patiently(lambda: self.answer(asked)).data]

    def paged(
        self, kind: type[Row], asked: Callable[[], Any], key: tuple[str, ...], *, descending: bool
    ) -> Iterator[Row]:
        """Yield rows in the order of a key of one column, or of a time and a column that is unique."""
        last: Row | None = None
        while True:

            def page_after(last: Row | None = last) -> Any:
                query = asked() if last is None else _after(asked(), last, key, descending=descending)
                for column in key:
                    query = query.order(column, desc=descending)
                return query.limit(PAGE)

            page = self.rows(kind, page_after)
            yield from page
            # A project may give fewer at once than are asked for: the end is where there are none.
            if not page:
                return
            last = page[-1]

    def answer(self, asked: Callable[[], Any]) -> Any:
        """Ask with a session that holds: so the query is built when it does."""
        self._access_token()
        with _told():
            answer = asked().execute()
        # What is no JSON is given as text: a page of something between here and there.
        if answer.data and isinstance(answer.data, str):
            raise Unavailable("no answer of a database")
        return answer

    def parts(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object as they come; also raises NotFound."""
        login = {"apikey": self._key, "authorization": f"Bearer {self._access_token()}"}
        with (
            _told(),
            self._http.stream("GET", f"{self._objects}/{quote(name)}", headers=login) as response,
        ):
            # What comes with a good status all the same: a page of something between here and there.
            if response.headers.get("content-type", "").startswith("text/html"):
                raise Unavailable("no answer of Storage")
            yield from response.iter_bytes()

    def _access_token(self) -> str:
        """Return the access token, after renewing the session if it is over."""
        if self._token is not None:
            return self._token
        with self._refreshing:
            try:
                session = self.supabase.auth.get_session()
            except AuthError as error:
                raise of_sign_in(error) from error
        if session is None:
            raise SignInFailed("nobody is signed in: see Client.sign_in")
        return session.access_token

    def signed_in(self, act: Callable[[], Result]) -> Result:
        """Do something, and again with a new session if this one is over, whatever the clock here says."""
        used = self._access_token()
        try:
            return act()
        except SignInFailed:
            if self._token is not None:
                raise
            self._renew(used)
            return act()

    def _renew(self, used: str) -> None:
        """Renew the session, unless another thread has done so."""
        with self._refreshing:
            try:
                session = self.supabase.auth.get_session()
                if session is None or session.access_token == used:
                    self.supabase.auth.refresh_session()
            except AuthError as error:
                raise of_sign_in(error) from error

    def patiently(self, act: Callable[[], Result]) -> Result:
        """Do what may be done twice, and again while Supabase is away."""
        return Retrying(
            retry=retry_if_exception_type(Unavailable), stop=stop_after_attempt(self._tries),
            wait=wait_random_exponential(multiplier=0.5, max=20), reraise=True,
        )(lambda: self.signed_in(act))  # fmt: skip


def _sign(what: str, text: str) -> str:
    """Return a key or token as a header takes it; as another one it would be told in an error of that."""
    stripped = text.strip()
    if not re.fullmatch("[!-~]+", stripped):
        raise Invalid(f"the {what} is empty, or has spaces or other signs than ASCII: copy the whole of it")
    return stripped


@contextmanager
def _told() -> Iterator[None]:
    """Turn what httpx and supabase-py raise into errors of the client."""
    try:
        yield
    except httpx.RequestError as error:
        raise Unavailable(f"Supabase cannot be reached: {error or type(error).__name__}") from error
    except APIError as error:
        # Refusals were judged by their status: this is no answer of PostgREST.
        raise Unavailable(f"no answer of a database: {error.message}") from error


def _after(query: Any, last: Any, key: tuple[str, ...], *, descending: bool) -> Any:
    """Narrow a query to what comes after a row, by an index too: rows cannot be compared in PostgREST."""
    beyond = "lt" if descending else "gt"
    first, *rest = key
    if not rest:
        return query.filter(first, beyond, getattr(last, first))
    (unique,) = rest
    place, within = iso(getattr(last, first)), f"{unique}.{beyond}.{getattr(last, unique)}"
    beside = f'{first}.{beyond}."{place}",and({first}.eq."{place}",{within})'
    return query.filter(first, f"{beyond}e", place).or_(beside)


def iso(at: datetime) -> str:
    """Return a time as PostgREST takes it; raise Invalid if it has no zone."""
    if at.tzinfo is None:
        raise Invalid(f"this time has no zone: {at}")
    return at.astimezone(UTC).isoformat()
