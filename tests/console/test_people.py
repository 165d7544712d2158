"""People and devices: invitations and roles, sites, claiming and giving up, the log; and what roles may do."""

import re
import uuid

import httpx
import pytest
from pages import address
from playwright.sync_api import expect

from local.company import claim, service
from operate import labels


def user_id(admin, account) -> str:
    (user,) = admin.rows("users", email=f"eq.{account.email}", select="user_id")
    return str(user["user_id"])


def test_an_invitation_is_made_and_accepted_and_the_member_gets_a_role_and_leaves(visit, admin):
    email = address()
    visitor = visit()
    page = visitor.sign_in(admin, "/people")
    page.get_by_role("button", name="Invite somebody").click()
    dialog = page.get_by_role("dialog", name="Invite somebody")
    dialog.get_by_label("E-mail address").fill(email)
    dialog.get_by_role("button", name="Invite somebody").click()
    shown = page.get_by_role("dialog", name="The link of this invitation")
    expect(shown).to_contain_text("/join#invitation=")
    # It is shown once: it closes by its button alone.
    page.keyboard.press("Escape")
    link = shown.locator("code").inner_text()
    token = link.split("=")[1]
    shown.get_by_role("button", name="Close").click()
    expect(page.get_by_role("list", name="Open invitations")).to_contain_text(email)
    assert token not in page.evaluate("JSON.stringify([localStorage, sessionStorage, location.href])")

    newcomer = visit().page
    newcomer.goto(link)
    newcomer.get_by_label("E-mail address").fill(email)
    newcomer.get_by_label("Password", exact=True).fill("a password of today")
    newcomer.get_by_role("button", name="Join").click()
    expect(newcomer.get_by_text("Greenhouse Ltd")).to_be_visible()

    page.reload()
    row = page.get_by_role("list", name="Members").get_by_role("listitem").filter(has_text=email)
    row.get_by_label(f"Role of {email}").select_option("operator")
    expect(row.get_by_label(f"Role of {email}")).to_be_enabled()
    newcomer.goto("/people")
    expect(newcomer.get_by_text("Operator ·").first).to_be_visible()
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert admin.rows("users", email=f"eq.{email}") == []


def test_an_invitation_is_taken_back(visit, admin):
    email = address()
    admin.call("invite_member", p_email=email, p_role="viewer")
    page = visit().sign_in(admin, "/people")
    row = page.get_by_role("list", name="Open invitations").get_by_role("listitem").filter(has_text=email)
    row.get_by_role("button", name="Take back").click()
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    expect(row).to_have_count(0)
    assert admin.rows("invitations", email=f"eq.{email}") == []


def test_a_site_is_added_changed_and_deleted(visit, admin, operator):
    page = visit().sign_in(operator, "/people/sites")
    page.get_by_role("button", name="Add a site").click()
    dialog = page.get_by_role("dialog", name="Add a site")
    dialog.get_by_label("Name").fill("South field")
    dialog.get_by_label("Time zone").select_option("America/Sao_Paulo")
    dialog.get_by_role("button", name="Add a site").click()
    row = page.get_by_role("listitem").filter(has_text="South field")
    expect(row).to_contain_text("America/Sao_Paulo")
    row.get_by_role("button", name="Change").click()
    page.get_by_label("Name").fill("South field, below")
    page.get_by_role("dialog").get_by_role("button", name="Change the site").click()
    expect(row).to_contain_text("South field, below")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No site yet")).to_be_visible()
    assert admin.rows("sites") == []


def test_a_device_is_claimed_by_its_code_and_given_up(visit, stack, admin):
    device, code = uuid.uuid4().hex[:12].upper(), labels.new_code()
    hashed = [{"device_id": device, "code_sha256": labels.hash_of(code)}]
    service(stack).call("set_device_codes", p_codes=hashed, p_replace=True)
    page = visit(phone=True).sign_in(admin, "/people/devices")
    page.goto(f"/people/devices#code={code}")
    expect(page.get_by_label("Code", exact=True)).to_have_value(code)
    assert code not in page.url
    page.get_by_label("Code", exact=True).fill("0000-0000-0000-0000")
    page.get_by_role("button", name="Claim a device").click()
    expect(page.get_by_role("alert")).to_contain_text("No device has this code")
    page.get_by_label("Code", exact=True).fill(labels.readable(code).lower())
    page.get_by_role("button", name="Claim a device").click()
    expect(page.get_by_text(f"{device} is yours.")).to_be_visible()
    assert len(admin.rows("devices", device_id=f"eq.{device}")) == 1

    page.get_by_role("combobox", name="A device").fill(device)
    page.get_by_role("option", name=device).click()
    page.get_by_role("button", name="Give a device up").click()
    page.get_by_role("dialog").get_by_role("button", name="Give a device up").click()
    expect(page.get_by_text("can be claimed by whoever holds its label")).to_be_visible()
    assert admin.rows("devices", device_id=f"eq.{device}") == []


def test_the_code_of_a_label_comes_along_over_signing_in_and_stands_in_no_address(visit, admin):
    code = labels.new_code()
    page = visit().page
    seen: list[str] = []
    page.on("framenavigated", lambda frame: seen.append(frame.url))
    page.on("request", lambda request: seen.append(request.url))
    page.goto(f"/people/devices#code={code}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert code not in page.url
    del seen[:]
    # What somebody does who wonders why nothing happens.
    page.reload()
    page.get_by_label("E-mail address").fill(admin.email)
    page.get_by_label("Password", exact=True).fill(admin.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Code", exact=True)).to_have_value(code)
    assert code not in page.url
    assert not [url for url in seen if code in url.partition("#")[0]]
    assert code not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")


def test_the_log_is_told_by_key_and_its_filter_stands_in_the_address(visit, stack, admin):
    device = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, device, "Name 0")
    for number in range(1, 55):
        admin.call("update_device", p_device=device, p_changes={"name": f"Name {number}"})
    someone = visit()
    page = someone.sign_in(admin, "/people/log")
    page.get_by_label("About what").select_option("devices")
    expect(page).to_have_url(re.compile("about=devices"))
    rows = page.get_by_role("listitem")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("name: Name 53 → Name 54")
    expect(rows.first).to_contain_text(admin.email)
    older = page.get_by_role("button", name="Show older ones")
    someone.expected = ("400",)
    page.route("**/rest/v1/audit_log*", lambda route: route.fulfill(status=400, json={"message": "not now"}))
    older.click()
    expect(page.get_by_role("alert")).to_contain_text("not now")
    expect(rows).to_have_count(50)
    page.unroute("**/rest/v1/audit_log*")
    older.click()
    expect(page.get_by_text("name: Name 0 → Name 1", exact=True)).to_be_visible()


def test_what_a_role_may_not_do_is_not_offered_and_is_refused(visit, stack, admin, operator, viewer):
    device = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, device, "Pond")
    admin.call("invite_member", p_email=address(), p_role="viewer")
    of_admins = {
        "invite_member": {"p_email": address(), "p_role": "viewer"},
        "set_member_role": {"p_user": user_id(admin, viewer), "p_role": "admin"},
        "remove_member": {"p_user": user_id(admin, admin)},
        "release_device": {"p_device": device},
    }
    tried = [(viewer, "claim_device", {"p_code": "x"})]
    tried += [(account, name, more) for account in (viewer, operator) for name, more in of_admins.items()]
    for account, function, arguments in tried:
        with pytest.raises(httpx.HTTPStatusError) as refused:
            account.call(function, **arguments)
        assert refused.value.response.status_code == 403, function
    for account in (viewer, operator):
        assert account.rows("audit_log") == []
        assert account.rows("invitations") == []
    site = httpx.post(
        f"{stack.supabase_url}/rest/v1/sites", headers=viewer.headers, json={"name": "x"}, trust_env=False
    )
    assert site.status_code == 403
    page = visit().sign_in(operator, "/people")
    expect(page.get_by_role("button", name="Leave the company")).to_be_visible()
    assert page.locator("#content").get_by_role("button").count() == 1
    page.goto("/people/log")
    expect(page.get_by_role("heading", name="Only admins see this")).to_be_visible()
    page = visit().sign_in(viewer, "/people/devices")
    expect(page.get_by_text("Operators and admins claim devices.")).to_be_visible()
    assert page.locator("#content").get_by_role("button").count() == 0
