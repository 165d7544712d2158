"""Links to objects of the embedded Supabase: signed as hosted Storage does it, for whoever may see them."""

import uuid

import httpx
import pytest
from supabase import AuthApiError, ClientOptions, create_client

from local.company import Account, claim, found_company, service
from local.stack import BUCKET

ODD = 'thumbnails/{device}/a "b", ü\\(c).jpg'


def post(account: Account, path: str, **content) -> httpx.Response:
    headers = {**account.headers, **content.pop("headers", {})}
    return httpx.post(f"{account.url}/{path}", headers=headers, trust_env=False, timeout=30, **content)


@pytest.fixture(scope="module")
def pictures(stack):
    """A company's admin, and the keys of two thumbnails of its device."""
    owner = found_company(stack, "Signers", f"{uuid.uuid4().hex[:12]}@fleet.test")
    device = uuid.uuid4().hex[:12].upper()
    claim(stack, owner, device, "Signed")
    keys = [f"thumbnails/{device}/{name}.jpg" for name in ("one", "two")]
    for key in keys:
        jpeg = {"content-type": "image/jpeg"}
        post(
            service(stack), f"storage/v1/object/{BUCKET}/{key}", content=key.encode(), headers=jpeg
        ).raise_for_status()
        row = {"device_id": device, "device_capture_id": key, "captured_at": "2026-01-01T00:00:00Z"}
        paths = {"ingest_status": "stored", "storage_path": f"captures/{key}", "thumbnail_path": key}
        post(service(stack), "rest/v1/captures", json=row | paths).raise_for_status()
    return owner, keys


def sign(account: Account, *paths: str, seconds: int = 60):
    answer = post(account, f"storage/v1/object/sign/{BUCKET}", json={"expiresIn": seconds, "paths": paths})
    answer.raise_for_status()
    return {each["path"]: each["signedURL"] for each in answer.json()}


def test_links_of_many_open_what_each_is_for(stack, pictures):
    owner, keys = pictures
    missing = ["thumbnails/none.jpg", ODD]
    links = sign(owner, *keys, *missing)
    assert [links[path] for path in missing] == [None, None]
    for key in keys:
        answer = httpx.get(f"{owner.url}/storage/v1{links[key]}", trust_env=False)
        assert answer.content == key.encode()
    # A link is for one object alone.
    token = links[keys[0]].partition("?")[2]
    other = httpx.get(f"{owner.url}/storage/v1/object/sign/{BUCKET}/{keys[1]}?{token}", trust_env=False)
    assert other.status_code >= 400


def test_a_link_holds_as_long_as_it_says_and_its_object_is_there(stack, pictures):
    owner, [key, _] = pictures
    admin, brief = service(stack), key.replace("one.jpg", "brief.jpg")

    def opens(link: str) -> bool:
        return httpx.get(f"{owner.url}/storage/v1{link}", trust_env=False).status_code == 200

    link, ended = sign(owner, key)[key], sign(owner, key, seconds=0)[key]
    claims, _, signature = link.rpartition(".")
    forged = f"{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    assert [opens(one) for one in (link, ended, forged, link + "x")] == [True, False, False, False]
    jpeg = {"content-type": "image/jpeg"}
    post(admin, f"storage/v1/object/{BUCKET}/{brief}", content=b"brief", headers=jpeg).raise_for_status()
    gone = sign(admin, brief)[brief]
    assert opens(gone)
    bucket = f"{admin.url}/storage/v1/object/{BUCKET}"
    told = {"headers": admin.headers, "json": {"prefixes": [brief]}}
    httpx.request("DELETE", bucket, **told, trust_env=False).raise_for_status()
    assert not opens(gone)


def test_nobody_gets_a_link_to_what_others_have(stack, pictures):
    _, keys = pictures
    other = found_company(stack, "Others", f"{uuid.uuid4().hex[:12]}@fleet.test")
    nobody = Account(stack.supabase_url, {"apikey": stack.supabase_publishable_key})
    for account in (other, nobody):
        assert set(sign(account, *keys).values()) == {None}
    assert None not in sign(service(stack), *keys).values()


@pytest.mark.parametrize("header", ["accept-profile", "content-profile"])
def test_the_schema_of_storage_has_no_api(stack, pictures, header):
    owner, _ = pictures
    for account in (owner, service(stack)):
        answer = httpx.get(
            f"{account.url}/rest/v1/objects",
            headers={**account.headers, header: "storage", "x-inner": "guessed"},
            trust_env=False,
        )
        assert answer.status_code == 406 if header == "accept-profile" else answer.status_code >= 400


def test_supabase_py_signs_in_and_renews_its_session(stack):
    """It takes the times of an account as RFC 3339 has them, and no others."""
    login = {"email": f"{uuid.uuid4().hex[:12]}@fleet.test", "password": uuid.uuid4().hex}
    with httpx.Client(trust_env=False) as http:
        client = create_client(
            stack.supabase_url, stack.supabase_publishable_key, ClientOptions(httpx_client=http)
        )
        made = client.auth.sign_up(login)
        entered = client.auth.sign_in_with_password(login)
        assert entered.user.id == made.user.id
        assert client.auth.refresh_session().session.access_token
        assert client.auth.get_user().user.email == login["email"]
        with pytest.raises(AuthApiError, match="Invalid login credentials"):
            client.auth.sign_in_with_password(login | {"password": "wrong"})
