"""Any JSON as a command: it is refused with a reason, or it is sent; and it stops no other."""

import json
from random import Random
from types import SimpleNamespace

from hostile_commands import command
from hostile_meter import Meter

from core.clock import now_ms
from core.settings import WorkerSettings
from core.store.devices import DeviceStore
from local import snapshot
from tasks.agenda import tell_now

# Of `check_command`, of the check on its size, and of what is no JSON, or what Postgres cannot store: a number of
# 140,000 digits, and NUL.
REFUSALS = {"22023", "23514", "22P02", "22003", "22P05"}
AT_MOST = 2_000
# A device's parser gives up at this.
LONGEST = 5_000
SQL = """
create temp table given as
  select * from json_to_recordset('{given}') as g (number integer, type text, payload text);
create temp table refused (number integer, sqlstate text, reason text);
insert into public.devices (device_id, last_seen_at) select 'FUZZ' || number, now() from given;
do $$
declare
  v_given record;
begin
  for v_given in select * from given loop
    begin
      insert into public.device_commands (device_id, type, payload)
      values ('FUZZ' || v_given.number, v_given.type, v_given.payload::jsonb);
    exception when others then
      insert into refused values (v_given.number, sqlstate, sqlerrm);
    end;
  end loop;
end
$$;
select number, sqlstate, reason from refused;
select public.claim_commands(2 * {number}, '1 hour');
select device_id, status, reason from public.device_commands where device_id like 'FUZZ%';
"""


class Workers:
    """Stands for the worker's resources: what it publishes, and how it ends commands."""

    def __init__(self, redis, settings):
        self.settings = settings
        self.store = SimpleNamespace(devices=DeviceStore(redis), now=now_ms)
        self.publisher = self.supabase = self
        self.sent, self.ended = {}, []

    def send(self, device_id, kind, payload):
        """Publish."""
        assert kind == "cmd"
        self.sent[device_id] = payload

    def call(self, name, **arguments):
        """Ask the database."""
        self.ended.append((name, arguments))


def test_no_command_stops_another(database, stack, seed, fuzz_messages, show):
    rng, meter, number = Random(seed), Meter(), max(200, fuzz_messages // 100)
    settings = WorkerSettings(mqtt_host="x", supabase_url="http://x", supabase_service_role="x")
    reasons = set()
    for begin in range(0, number, AT_MOST):
        given = [command(rng) for _ in range(min(AT_MOST, number - begin))]
        rows = [{"number": n, "type": kind, "payload": text} for n, (kind, text) in enumerate(given)]
        answers = snapshot.query(
            stack.supabase, SQL.format(given=json.dumps(rows).replace("'", "''"), number=AT_MOST)
        )
        refused, claimed, states = (answer.rows for answer in answers[-3:])
        assert {state for _, state, _ in refused} <= REFUSALS, f"seed {seed}: {refused}"
        reasons |= {reason.partition(":")[2] for _, state, reason in refused if state == "22023"}
        assert len(refused) + len(states) == len(given)
        # Other tests of the session may have left commands that are due.
        mine = [each for each in claimed[0][0] if each["device_id"].startswith("FUZZ")]
        workers, commands = Workers(database, settings), mine
        meter.begin(len(given), sum(len(text) for _, text in given))
        tell_now(workers, commands)
        meter.end()
        assert workers.ended == [], f"seed {seed}"
        sent = {device for device, status, _ in states if status == "sent"}
        assert {reason for _, status, reason in states if status != "sent"} <= {
            "payload.next_wake has passed"
        }
        assert len(sent) == len(commands)
        for payload in workers.sent.values():
            assert len(payload) < LONGEST and json.loads(payload)
    assert len(reasons) > 5, f"seed {seed}: {reasons}"
    show(f"commands: {meter.figures()}")
