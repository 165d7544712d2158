"""A company on the stack, whose people act as an app lets them: sign up, join, claim devices; all by HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any

import httpx

from local.stack import Stack
from operate import labels


@dataclass(frozen=True)
class Account:
    """Somebody on the stack's Supabase: requests have the rights of that user, or of the service's key.

    All methods raise httpx.HTTPError if the server refuses or cannot be reached.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    email: str = ""
    password: str = field(default="", repr=False)

    def call(self, function: str, **arguments: object) -> Any:
        """Call a function of the schema `public` and return its answer."""
        return self._ask("POST", f"rest/v1/rpc/{function}", json=arguments)

    def rows(self, table: str, **query: str) -> list[dict[str, Any]]:
        """Return rows of a table or view; `query` is in PostgREST's notation."""
        found: list[dict[str, Any]] = self._ask("GET", f"rest/v1/{table}", params=query)
        return found

    def sign_up(self, email: str) -> "Account":
        """Return an account with a password of its own; its token holds for an hour."""
        password = token_urlsafe(9)
        made = self._ask("POST", "auth/v1/signup", json={"email": email, "password": password})
        headers = {**self.headers, "authorization": f"Bearer {made['access_token']}"}
        return Account(self.url, headers, email, password)

    def sign_in(self, email: str, password: str) -> "Account":
        """Return somebody's account; its token holds for an hour."""
        login = {"email": email, "password": password}
        made = self._ask("POST", "auth/v1/token?grant_type=password", json=login)
        headers = {**self.headers, "authorization": f"Bearer {made['access_token']}"}
        return Account(self.url, headers, email, password)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        address = f"{self.url}/{path}"
        answer = httpx.request(method, address, headers=self.headers, timeout=30, trust_env=False, **content)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def visitor(stack: Stack) -> Account:
    """Return somebody who has not signed in."""
    return Account(stack.supabase_url, {"apikey": stack.supabase_publishable_key})


def service(stack: Stack) -> Account:
    """Return the account of the service, which may do what the workers may."""
    key = stack.supabase_secret_key
    return Account(stack.supabase_url, {"apikey": key, "authorization": f"Bearer {key}"})


def found_company(stack: Stack, name: str, admin: str) -> Account:
    """Make a company with this admin, who is given by an e-mail address."""
    made = service(stack).call("create_company", p_name=name, p_admin=admin)
    return enter(stack, admin, made["token"])


def enter(stack: Stack, email: str, token: str) -> Account:
    """Make somebody with this address, who was invited with this token, a member of a company."""
    member = visitor(stack).sign_up(email)
    member.call("accept_invitation", p_token=token)
    return member


def join(stack: Stack, admin: Account, email: str, role: str) -> Account:
    """Make somebody with this address a member of the admin's company."""
    token = admin.call("invite_member", p_email=email, p_role=role)
    return enter(stack, email, token)


def offer(stack: Stack, device_id: str) -> str:
    """Return a code by which any company may claim a device; older ones end."""
    code = labels.new_code()
    hashed = [{"device_id": device_id, "code_sha256": labels.hash_of(code)}]
    service(stack).call("set_device_codes", p_codes=hashed, p_replace=True)
    return labels.readable(code)


def claim(stack: Stack, account: Account, device_id: str, name: str | None = None) -> None:
    """Make a device one of the account's company, by a code, and give it a name if it is to have one."""
    account.call("claim_device", p_code=offer(stack, device_id))
    if name is not None:
        account.call("update_device", p_device=device_id, p_changes={"name": name})
