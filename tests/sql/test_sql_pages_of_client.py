"""An index gives the pages that fleet.client asks for in their order, from where each begins."""

import pytest
from sql_backends import Native, PsqlSession

PAGES = {
    "captures": (
        "captured_at",
        "capture_id",
        "'00000000-0000-0000-0000-000000000000'",
        "captures_gallery_idx",
    ),
    "sensor_readings": ("measured_at", "reading_id", "5", "sensor_readings_company_id_measured_at_idx"),
}


@pytest.fixture(scope="module")
def user(native: Native) -> PsqlSession:
    """A user of one of two companies, each with 2,000 captures and readings."""
    for _ in range(2):
        company, user, device = native.company()
        native.database.run(
            "with made as (insert into public.captures"
            " (device_id, device_capture_id, captured_at, company_id, ingest_status)"
            f" select '{device}', 'i' || n, '2026-01-01Z'::timestamptz + n * interval '1 minute', '{company}', 'failed'"
            " from generate_series(1, 2000) as n returning *)"
            " insert into public.sensor_readings (capture_id, device_id, company_id, measured_at, temperature_c)"
            " select capture_id, device_id, company_id, captured_at, 20 from made"
        )
    native.database.run("analyze public.captures; analyze public.sensor_readings")
    session = user.session
    assert isinstance(session, PsqlSession)
    return session


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("table", PAGES)
def test_a_page_comes_from_an_index(native: Native, user: PsqlSession, table: str, direction: str) -> None:
    at, unique, value, index = PAGES[table]
    beyond = ">" if direction == "asc" else "<"
    place = "'2026-01-01T12:00:00+00:00'"
    # Of tables as small as here it might as well sort.
    by_index = "set local enable_sort = off; set local enable_bitmapscan = off;"
    plan = native.database.run(
        f"begin; {user.begin} {by_index} explain select * from public.{table}"
        f" where {at} {beyond}= {place}"
        f" and ({at} {beyond} {place} or ({at} = {place} and {unique} {beyond} {value}))"
        f" order by {at} {direction}, {unique} {direction} limit 1000; rollback;"
    )
    assert index in plan and "Sort" not in plan and "Seq Scan" not in plan, plan
    # Nothing before the place where the page begins is read, nor anything of the other company.
    assert f"Index Cond: ((company_id = $0) AND ({at} {beyond}= " in plan, plan
