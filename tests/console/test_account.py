"""Ways in and out: signing in, a new password, an invitation, a session that ends, signing out."""

import re

import pytest
from pages import address
from playwright.sync_api import expect
from tenacity import Retrying, stop_after_delay, wait_fixed

from local.company import Account, found_company, join, service, visitor


def test_who_is_not_signed_in_signs_in_and_gets_where_they_wanted(visit, admin):
    someone = visit()
    page = someone.page
    page.goto("/devices?search=north")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    someone.expected = ("400",)  # Chromium's own word on the refused password
    page.get_by_label("E-mail address").fill(admin.email)
    page.get_by_label("Password", exact=True).fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("E-mail address and password do not fit.")
    page.get_by_label("Password", exact=True).fill(admin.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    assert page.url.endswith("/devices?search=north")
    expect(page.get_by_text("Greenhouse Ltd")).to_be_visible()


@pytest.mark.parametrize("elsewhere", ["//evil.example/", "/%5Cevil.example/", "/%09/evil.example/"])
def test_an_address_that_leads_elsewhere_is_not_followed(visit, admin, elsewhere):
    page = visit().sign_in(admin, f"/sign-in?next={elsewhere}")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert "evil" not in page.url


def test_signing_out_leaves_nothing_behind_also_in_another_tab(visit, admin):
    someone = visit()
    page = someone.sign_in(admin)
    other = someone.context.new_page()
    other.goto("/devices")
    expect(other.get_by_role("heading", name="Devices")).to_be_visible()
    page.get_by_role("button", name="You:").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("localStorage.getItem('fleet-session')") is None
    page.goto("/devices")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_signing_out_everywhere_ends_the_session_of_another_browser(visit, admin):
    here, there = visit(), visit()
    page = here.sign_in(admin)
    elsewhere = there.sign_in(admin)
    there.expected = ("400", "401", "403")
    page.get_by_role("button", name="You:").click()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    # The other's token holds for up to an hour; it is the next renewal that is refused.
    session = "JSON.parse(localStorage.getItem('fleet-session'))"
    elsewhere.evaluate(
        f"localStorage.setItem('fleet-session', JSON.stringify({{ ...{session}, expires_at: 1 }}))"
    )
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_session_that_ends_asks_for_the_password_and_the_page_stays(visit, admin):
    someone = visit()
    page = someone.sign_in(admin)
    page.evaluate("document.querySelector('#content').dataset.mark = 'the same'")
    someone.end_session()
    page.get_by_role("link", name="Devices").click()
    expect(page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    assert someone.violations() == []
    someone.sign_in_again(admin)
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    assert page.evaluate("document.querySelector('#content').dataset.mark") == "the same"


def reset_codes(stack) -> list[str]:
    """The codes of all mails so far: Supabase Lite writes its mails to its log."""
    return re.findall(r"Reset your password with this code: (\d+)", stack.supabase.log.read_text())


def test_a_new_password_by_the_code_of_a_mail(visit, stack):
    person = found_company(stack, "Orchard Ltd", address())
    page, before = visit().page, len(reset_codes(stack))
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgotten your password?").click()
    # Both pages have a field for the address.
    expect(page.get_by_role("heading", name="A new password")).to_be_visible()
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_role("button", name="Send the code").click()
    expect(page.get_by_text("a code is on its way")).to_be_visible()
    for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.2)):
        with attempt:
            [code] = reset_codes(stack)[before:]
    page.get_by_label("Code from the mail").fill(code)
    page.get_by_label("New password").fill("a password of today")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Orchard Ltd")).to_be_visible()
    assert code not in page.url
    changed = Account(person.url, person.headers, person.email, "a password of today")
    visit().sign_in(changed)


def test_an_invitation_makes_a_member(visit, stack, admin):
    email = address()
    token = admin.call("invite_member", p_email=email, p_role="viewer")
    page = visit().page
    page.goto(f"/join#invitation={token}")
    expect(page.get_by_label("Invitation code")).to_have_value(token)
    assert token not in page.url
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill("a password of today")
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Greenhouse Ltd")).to_be_visible()
    (company,) = admin.rows("companies", select="company_id")
    members = service(stack).call("list_members", p_company=company["company_id"])
    assert (email, "viewer") in {(member["email"], member["role"]) for member in members}


def test_who_has_no_company_is_told_what_to_do_and_joins(visit, stack, admin):
    person = visitor(stack).sign_up(address())
    someone = visit()
    someone.expected = ("403",)
    page = someone.page
    page.goto("/")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("belongs to no company yet")).to_be_visible()
    expect(page.get_by_text(f"--admin {person.email}")).to_be_visible()
    page.get_by_label("Invitation code").fill("made up")
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("alert")).to_contain_text("This invitation is unknown")
    token = admin.call("invite_member", p_email=person.email, p_role="operator")
    page.get_by_label("Invitation code").fill(token)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Greenhouse Ltd")).to_be_visible()


def test_language_and_clock_are_chosen_and_kept(visit, stack, admin):
    person = join(stack, admin, address(), "viewer")
    page = visit().sign_in(person)
    page.get_by_role("button", name="You:").click()
    page.get_by_role("radiogroup", name="Language").get_by_text("Deutsch").click()
    expect(page.get_by_role("radiogroup", name="Zeiten")).to_be_visible()
    page.get_by_role("radiogroup", name="Zeiten").get_by_text("Uhr des Orts").click()
    page.reload()
    expect(page.get_by_role("heading", name="Überblick")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "de"
    page.get_by_role("button", name="Sie:").click()
    expect(page.get_by_role("radio", name="Uhr des Orts")).to_be_checked()


def test_an_unknown_address_says_so(visit, admin):
    page = visit().sign_in(admin)
    page.goto("/no/such/page")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
