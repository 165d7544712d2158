"""What is asked for often reads what it answers, and not what others have, however much that is."""

import re

from sql_backends import Native, PsqlSession, Session, new_device

MANY = 3_000


def pages(native: Native, session: Session, query: str) -> int:
    """How many pages a query reads once its plan and the catalogue are known to the connection."""
    assert isinstance(session, PsqlSession)
    told = native.database.run(
        f"begin; {session.begin} {query};"
        f" explain (analyze, buffers, costs off, timing off) {query}; rollback;"
    )
    (hit, read), *_ = re.findall(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", told)
    return int(hit or 0) + int(read or 0)


def test_the_log_of_a_small_company_is_found_among_those_of_many(native: Native) -> None:
    company, user, _ = native.company()
    other, _, _ = native.company()
    for of, number in ((company, 60), (other, MANY), (company, 60), (other, MANY)):
        native.database.run(
            "insert into public.audit_log (company_id, action, table_name, subject)"
            f" select '{of}', 'update', 'devices', 'x' from generate_series(1, {number})"
        )
    native.database.run("analyze public.audit_log")
    query = "select * from public.audit_log order by audit_id desc limit 50"
    assert pages(native, user.session, query) < 30


def test_commands_that_wait_for_sleeping_devices_are_not_read_every_second(native: Native) -> None:
    company, _, _ = native.company()
    names = [new_device() for _ in range(MANY)]
    native.database.run(
        "insert into public.devices (device_id, company_id, last_seen_at)"
        f" select device_id, '{company}', now() - interval '1 hour' from unnest(array{names}) as device_id;"
        "insert into public.device_commands (device_id, type)"
        f" select device_id, 'capture_image' from unnest(array{names}) as device_id;"
        # Nothing is read of the rows that other tests have changed and deleted.
        "vacuum analyze public.devices; vacuum analyze public.device_commands"
    )
    assert pages(native, native.service, "select public.claim_commands(200)") < 60
