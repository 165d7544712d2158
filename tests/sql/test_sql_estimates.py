"""What `Prefer: count=planned` tells: PostgREST asks for the plan of the query, and that has an estimate of rows."""

import pytest
from sql_backends import INSUFFICIENT_PRIVILEGE, Native, PsqlSession, Session
from sql_postgres import SqlError


def estimate(native: Native, session: Session) -> int:
    """The estimate that a session gets for all captures that it may see."""
    assert isinstance(session, PsqlSession)
    [line] = [
        line
        for line in native.database.run(
            f"begin; {session.begin} explain select * from public.captures; rollback;"
        ).splitlines()
        if " on captures " in line
    ]
    return int(line.partition("rows=")[2].split()[0])


def test_an_estimate_is_the_mean_of_all_companies_and_of_no_single_one(native: Native) -> None:
    users = []
    for number in (10, 5_000):
        company, user, device = native.company()
        users.append(user)
        native.database.run(
            "insert into public.captures (device_id, device_capture_id, captured_at, company_id)"
            f" select '{device}', 'i' || n, now() - n * interval '1 minute', '{company}'"
            f" from generate_series(1, {number}) as n"
        )
    native.database.run("analyze public.captures")
    few, many = (estimate(native, user.session) for user in users)
    assert few == many, "it does not depend on who asks"
    assert 10 < few < 5_000


def test_who_is_not_signed_in_gets_no_estimate(native: Native) -> None:
    with pytest.raises(SqlError) as caught:
        estimate(native, native.anonymous)
    assert INSUFFICIENT_PRIVILEGE in str(caught.value)
