import io
import json
import urllib.request

import pytest
from rich.console import Console

from local import snapshot, verification
from local.ports import StackError


def insert(stack, device_id):
    request = urllib.request.Request(
        f"{stack.supabase_url}/rest/v1/devices",
        data=json.dumps({"device_id": device_id}).encode(),
        headers={"apikey": stack.supabase_secret_key, "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def test_sql_text_sees_what_the_running_server_has_committed(stack):
    insert(stack, "SNAPSHOT1")
    question = "select device_id from public.devices where device_id like 'SNAPSHOT%' order by 1;"

    first, second = snapshot.query(stack.supabase, f"{question} select 1 as a, 'x' as a;")
    assert first.rows == [["SNAPSHOT1"]]
    assert (second.columns, second.rows) == (["a", "a"], [[1, "x"]])

    insert(stack, "SNAPSHOT2")
    snapshot.query(stack.supabase, "delete from public.devices where device_id like 'SNAPSHOT%';")
    assert snapshot.query(stack.supabase, question)[0].rows == [["SNAPSHOT1"], ["SNAPSHOT2"]]


def test_sql_that_fails_is_an_error_with_the_reason(stack):
    with pytest.raises(StackError, match=r'relation "public\.devises" does not exist'):
        snapshot.query(stack.supabase, "select 1; select * from public.devises;")


def test_every_verification_query_runs_and_has_a_title(stack):
    verifications = verification.run(stack.supabase)
    assert len(verifications) >= 5
    assert all(each.title for each in verifications)
    assert verifications[1].answer.columns[:2] == ["device_id", "device_capture_id"]


def test_titles_are_the_questions_above_the_statements():
    text = """-- About the file; nothing more.

-- Who?
-- In detail.
select 1
  from a;

select 2;
-- What?
select 3; select_no_more;
"""
    assert verification.titles(text) == ["Who?", "Who?", "What?"]


def test_an_answer_too_wide_for_the_terminal_is_shown_as_records():
    file = io.StringIO()
    columns = [f"column_{number}" for number in range(9)]
    rows = [[f"value {row}.{number}" for number in range(8)] + [None] for row in range(5)]
    verification.show(
        [verification.Verification("What?", snapshot.Answer(columns, rows))], Console(file=file, width=80)
    )
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines if "value 2." in line][7] == ["column_7", "value", "2.7"]
    assert "value 3.0" not in file.getvalue()
    assert "and 2 rows more; no value in column_8" in file.getvalue()
