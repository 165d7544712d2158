"""The people of a company: how they come in, what their roles are, and how they leave."""

import hashlib
import uuid
from functools import partial

import pytest
from sql_backends import Backend, Native, User, refused
from sql_postgres import Connection, Database, literal
from upgrades import upgrade

from operate.schema.files import read

ADMINS_ONLY = "this needs the role admin in a company"
NO_INVITATION = "the invitation is unknown, used, out of date, or for another e-mail address"
LAST_ADMIN = "a company keeps at least one admin"


def roles(user: User) -> dict[str, str]:
    """The members of a user's company with their roles, as the user sees them."""
    return {row["user_id"]: row["role"] for row in user.session.rows("users")}


def test_the_first_user_of_a_company_is_its_admin_and_later_ones_see_only(backend: Backend) -> None:
    company_id, first, _ = backend.company()
    second = backend.sign_up()
    backend.service.insert("users", {"user_id": second.user_id, "company_id": company_id})
    assert roles(first) == roles(second) == {first.user_id: "admin", second.user_id: "viewer"}


def test_members_see_each_other_with_their_addresses(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    viewer, (_, other, _) = backend.member(company_id, "viewer"), backend.company()
    for user in (admin, viewer):
        assert {row["email"] for row in user.session.rows("users")} == {admin.email, viewer.email}
    assert roles(other) == {other.user_id: "admin"}


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_who_is_invited_becomes_a_member(backend: Backend, role: str) -> None:
    company_id, admin, _ = backend.company()
    guest = backend.sign_up()
    token = admin.session.rpc("invite_member", p_email=f" {guest.email.upper()} ", p_role=role)
    [invitation] = admin.session.rows("invitations")
    assert (invitation["email"], invitation["role"], invitation["accepted_at"]) == (guest.email, role, None)
    assert invitation["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()

    assert guest.session.rpc("accept_invitation", p_token=token) == company_id
    assert roles(guest) == {admin.user_id: "admin", guest.user_id: role}
    assert guest.session.row("users", user_id=guest.user_id)["email"] == guest.email
    with refused("42501", NO_INVITATION):
        guest.session.rpc("accept_invitation", p_token=token)


def test_an_invitation_is_accepted_on_a_plain_postgresql(plain_database: Database) -> None:
    """Its gateway gives the claims of the token as one, and its accounts may have no addresses."""
    upgrade(plain_database, read())
    made = plain_database.value(
        "public.create_company('Greenhouse Ltd', 'Guest@fleet.test')", before="set local role service_role;"
    )
    account = plain_database.value("gen_random_uuid()")
    plain_database.run(f"insert into auth.users (id) values ('{account}')")
    claims = literal({"sub": account, "email": "guest@fleet.test"})
    as_guest = f"set local role authenticated; set local request.jwt.claims = {claims};"
    accept = f"public.accept_invitation({literal(made['token'])})"
    assert plain_database.value(accept, before=as_guest) == made["company_id"]
    assert plain_database.value("fleet_private.user_may('admin')", before=as_guest) is True


def test_a_token_is_for_one_address_and_a_week(backend: Backend) -> None:
    _, admin, _ = backend.company()
    guest, thief = backend.sign_up(), backend.sign_up()
    token = admin.session.rpc("invite_member", p_email=guest.email, p_role="viewer")
    for user, given in ((thief, token), (guest, token[:-1]), (guest, "")):
        with refused("42501", NO_INVITATION):
            user.session.rpc("accept_invitation", p_token=given)
    assert backend.refuses(partial(backend.anonymous.rpc, "accept_invitation", p_token=token))
    backend.service.update("invitations", {"expires_at": "2026-01-01T00:00:00Z"}, email=guest.email)
    with refused("42501", NO_INVITATION):
        guest.session.rpc("accept_invitation", p_token=token)
    assert guest.session.rows("companies") == []


def test_a_second_invitation_ends_the_first(backend: Backend) -> None:
    _, admin, _ = backend.company()
    guest = backend.sign_up()
    older = admin.session.rpc("invite_member", p_email=guest.email, p_role="admin")
    newer = admin.session.rpc("invite_member", p_email=guest.email, p_role="viewer")
    with refused("42501", NO_INVITATION):
        guest.session.rpc("accept_invitation", p_token=older)
    guest.session.rpc("accept_invitation", p_token=newer)
    assert roles(guest)[guest.user_id] == "viewer"
    with refused("22023", "this e-mail address is a member's already"):
        admin.session.rpc("invite_member", p_email=guest.email, p_role="admin")


def test_an_invitation_can_be_taken_back(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    guest, operator = backend.sign_up(), backend.member(company_id, "operator")
    token = admin.session.rpc("invite_member", p_email=guest.email, p_role="viewer")
    for user in (operator, guest):
        assert user.session.rows("invitations") == []
        user.session.delete("invitations", email=guest.email)  # no policy lets it see the row
    assert len(admin.session.rows("invitations")) == 1
    admin.session.delete("invitations", email=guest.email)
    with refused("42501", NO_INVITATION):
        guest.session.rpc("accept_invitation", p_token=token)


@pytest.mark.parametrize(
    ("email", "role", "reason"),
    [
        ("nobody", "viewer", "this is no e-mail address"),
        ("a b@fleet.test", "viewer", "this is no e-mail address"),
        ("a" * 250 + "@fleet.test", "viewer", "this is no e-mail address"),
        (None, "viewer", "this is no e-mail address"),
        ("a@fleet.test", "owner", "role is neither viewer, operator nor admin"),
        ("a@fleet.test", None, "role is neither viewer, operator nor admin"),
    ],
)
def test_what_cannot_be_invited_is_refused(
    backend: Backend, email: str | None, role: str | None, reason: str
) -> None:
    _, admin, _ = backend.company()
    with refused("22023", reason):
        admin.session.rpc("invite_member", p_email=email, p_role=role)


def test_a_company_has_a_hundred_open_invitations_at_most(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    open_ones = [
        {"company_id": company_id, "email": f"{n}@fleet.test", "role": "viewer",
         "token_sha256": hashlib.sha256(f"{company_id}{n}".encode()).hexdigest()}
        for n in range(100)
    ]  # fmt: skip
    backend.service.insert("invitations", *open_ones)
    with refused("22023", "the company has 100 open invitations"):
        admin.session.rpc("invite_member", p_email="more@fleet.test", p_role="viewer")
    admin.session.rpc("invite_member", p_email="7@fleet.test", p_role="viewer")


def test_a_member_of_one_company_cannot_join_another(backend: Backend) -> None:
    (_, admin, _), (_, member, _) = backend.company(), backend.company()
    token = admin.session.rpc("invite_member", p_email=member.email, p_role="viewer")
    with refused("22023", "you are a member of a company already"):
        member.session.rpc("accept_invitation", p_token=token)
    # The token was not used up by that.
    assert admin.session.row("invitations")["accepted_at"] is None


def test_only_admins_invite_and_change_members(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    others = [backend.member(company_id, role) for role in ("viewer", "operator")]
    stranger = backend.sign_up()
    for user in (*others, stranger):
        for function, arguments in (
            ("invite_member", {"p_email": "a@fleet.test", "p_role": "viewer"}),
            ("set_member_role", {"p_user": user.user_id, "p_role": "admin"}),
            ("remove_member", {"p_user": admin.user_id}),
        ):
            with refused("42501", ADMINS_ONLY):
                user.session.rpc(function, **arguments)
    assert len(roles(admin)) == 3


def test_an_admin_changes_roles_and_removes_members(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    member = backend.member(company_id, "viewer")
    admin.session.rpc("set_member_role", p_user=member.user_id, p_role="operator")
    assert roles(member)[member.user_id] == "operator"
    admin.session.rpc("remove_member", p_user=member.user_id)
    assert roles(member) == {}
    assert member.session.rows("companies") == member.session.rows("devices") == []


def test_nobody_reaches_the_members_of_another_company(backend: Backend) -> None:
    (_, admin, _), (_, other, _) = backend.company(), backend.company()
    for function, arguments in (("set_member_role", {"p_role": "viewer"}), ("remove_member", {})):
        with refused("PT404", "the company has no such member"):
            admin.session.rpc(function, p_user=other.user_id, **arguments)
    assert roles(other) == {other.user_id: "admin"}


def test_the_last_admin_stays_until_there_is_another(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    heir = backend.member(company_id, "viewer")
    for function, arguments in (("set_member_role", {"p_role": "operator"}), ("remove_member", {})):
        with refused("22023", LAST_ADMIN):
            admin.session.rpc(function, p_user=admin.user_id, **arguments)
    admin.session.rpc("set_member_role", p_user=heir.user_id, p_role="admin")
    admin.session.rpc("remove_member", p_user=admin.user_id)
    assert roles(heir) == {heir.user_id: "admin"}


def test_members_may_leave(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    viewer = backend.member(company_id, "viewer")
    viewer.session.rpc("remove_member", p_user=viewer.user_id)
    assert set(roles(admin)) == {admin.user_id}


@pytest.mark.parametrize(
    ("function", "arguments"), [("set_member_role", {"p_role": "viewer"}), ("remove_member", {})]
)
def test_the_invitations_of_who_is_no_admin_any_more_end(
    backend: Backend, function: str, arguments: dict[str, str]
) -> None:
    company_id, admin, _ = backend.company()
    leaving, friend = backend.member(company_id, "admin"), backend.sign_up()
    token = leaving.session.rpc("invite_member", p_email=friend.email, p_role="admin")
    admin.session.rpc(function, p_user=leaving.user_id, **arguments)
    with refused("42501", NO_INVITATION):
        friend.session.rpc("accept_invitation", p_token=token)


def test_two_admins_that_take_the_role_from_each_other_leave_one(native: Native) -> None:
    company_id, one, _ = native.company()
    other = native.member(company_id, "admin")
    connections = [Connection(native.database), Connection(native.database)]
    try:
        for connection, actor, victim in zip(connections, (one, other), (other, one), strict=True):
            connection.ask(
                f"begin; set local role authenticated; set local request.jwt.claim.sub = {literal(actor.user_id)};"
            )
            # The second waits for the first.
            connection.send(f"select public.set_member_role('{victim.user_id}', 'viewer');")
            if actor is one:
                connection.receive()
        connections[0].ask("commit;")
        connections[1].receive()
    finally:
        for connection in connections:
            connection.close()
    members = native.service.rows("users", company_id=company_id)
    assert {row["user_id"]: row["role"] for row in members} == {
        one.user_id: "admin",
        other.user_id: "viewer",
    }


@pytest.mark.parametrize(
    ("call", "least"),
    [
        ("public.invite_member('friend@fleet.test', 'admin')", "admin"),
        ("public.set_member_role('{victim}', 'operator')", "admin"),
        ("public.remove_member('{victim}')", "admin"),
        ("public.claim_device('{code}')", "operator"),
    ],
)
@pytest.mark.parametrize("then", ["gone", "viewer", "admin of another company"])
def test_who_loses_the_role_while_waiting_changes_nothing(
    native: Native, device: str, call: str, least: str, then: str
) -> None:
    """Another admin removes the caller, or takes the role, in the very instant; then the caller may be elsewhere."""
    company_id, _, _ = native.company()
    other_id, _, _ = native.company()
    caller, victim = native.member(company_id, "admin"), native.member(company_id, "viewer")
    code = uuid.uuid4().hex.upper().translate(str.maketrans("OIL", "011"))
    native.service.rpc(
        "set_device_codes",
        p_codes=[{"device_id": device, "code_sha256": hashlib.sha256(code.encode()).hexdigest()}],
    )
    change = {
        "gone": f"delete from public.users where user_id = '{caller.user_id}';",
        "viewer": f"update public.users set role = 'viewer' where user_id = '{caller.user_id}';",
        "admin of another company": f"update public.users set company_id = '{other_id}' where user_id = '{caller.user_id}';",
    }[then]
    one, two = Connection(native.database), Connection(native.database)
    try:
        one.ask(
            f"begin; select from public.companies where company_id = '{company_id}' for no key update; {change}"
        )
        two.ask(f"set role authenticated; set request.jwt.claim.sub = '{caller.user_id}';")
        two.send(f"select {call.format(victim=victim.user_id, code=code)};")
        native.waits_for_a_lock()
        one.ask("commit;")
        two.receive()
    finally:
        one.close()
        two.close()
    assert native.service.rows("invitations", company_id=company_id) == []
    assert native.service.row("users", user_id=victim.user_id)["role"] == "viewer"
    owner = [row["company_id"] for row in native.service.rows("devices", device_id=device)]
    # Who is an admin elsewhere claims it for that company.
    assert owner == ([other_id] if least == "operator" and then.startswith("admin") else [])


def test_one_token_used_twice_at_once_makes_one_member(native: Native) -> None:
    """Of one address, two accounts may exist where an identity provider of one's own signs the tokens."""
    _, admin, _ = native.company()
    guests = [native.sign_up(), native.sign_up()]
    token = admin.session.rpc("invite_member", p_email="guest@fleet.test", p_role="viewer")
    native.database.as_superuser().run("update auth.users set email = null where id in ("
        + ", ".join(literal(guest.user_id) for guest in guests) + ")")  # fmt: skip
    connections = [Connection(native.database), Connection(native.database)]
    try:
        for number, (connection, guest) in enumerate(zip(connections, guests, strict=True)):
            claims = literal({"sub": guest.user_id, "email": "Guest@fleet.test"})
            connection.ask(
                f"begin; set local role authenticated; set local request.jwt.claim.sub = {literal(guest.user_id)};"
                f" set local request.jwt.claims = {claims};"
            )
            connection.send(f"select public.accept_invitation({literal(token)});")
            if number == 0:
                connection.receive()
        connections[0].ask("commit;")
        connections[1].receive()
    finally:
        for connection in connections:
            connection.close()
    assert set(roles(admin)) == {admin.user_id, guests[0].user_id}


def test_a_company_is_made_with_an_invitation_for_its_admin(backend: Backend) -> None:
    guest = backend.sign_up()
    made = backend.service.rpc("create_company", p_name=" Greenhouse Ltd ", p_admin=guest.email)
    guest.session.rpc("accept_invitation", p_token=made["token"])
    company = guest.session.row("companies")
    assert (company["company_id"], company["name"]) == (made["company_id"], "Greenhouse Ltd")
    assert roles(guest) == {guest.user_id: "admin"}
    with refused("22023", "a company's name has 1 to 120 characters"):
        backend.service.rpc("create_company", p_name=" ", p_admin=guest.email)


def test_the_service_invites_to_a_company(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    guest = backend.sign_up()
    invited = {"p_email": guest.email, "p_role": "operator"}
    token = backend.service.rpc("invite_to_company", p_company=company_id, **invited)
    guest.session.rpc("accept_invitation", p_token=token)
    assert roles(admin)[guest.user_id] == "operator"
    with refused("PT404", "there is no such company"):
        backend.service.rpc("invite_to_company", p_company=guest.user_id, **invited)
