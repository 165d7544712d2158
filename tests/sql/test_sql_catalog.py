"""Rules for whatever stands in the schema, found by walking the catalog: nothing new can be forgotten."""

from sql_backends import Backend, Native

# Those of the ledger are called by whoever owns the schema, and by nobody else.
OWNERS = {
    "fleet_private.adopt(jsonb)",
    "fleet_private.close_tables(regclass[])",
    "fleet_private.is_pending(text,text)",
    "fleet_private.record_file(text,text)",
    "fleet_private.set_callers(text,text[])",
}
# What users may call has the rights of the owner, and looks at who calls. So do triggers on what users may write, and on
# what needs the accounts.
DEFINERS = {
    "fleet_private.add_stored_bytes",
    "fleet_private.end_alerts",
    "fleet_private.tell_of_channel",
    "fleet_private.audit",
    "fleet_private.audit_owner",
    "fleet_private.bound_command",
    "fleet_private.check_command",
    "fleet_private.emit",
    "fleet_private.emit_capture",
    "fleet_private.emit_command",
    "fleet_private.emit_device",
    "fleet_private.fill_member",
    "fleet_private.film_changed",
    "fleet_private.keep_former_config",
    "fleet_private.keep_former_device",
    "fleet_private.log_command",
    # The service's key reaches no table of fleet_private: not the targets, the events and the deliveries.
    "public.claim_deliveries",
    "public.finish_deliveries",
    "public.keep_channels",
    # The service's key reaches neither accounts nor most of fleet_private, and deletes no entry of the audit log.
    "public.count_held",
    "public.erase_rows",
    "public.export_rows",
    # Only the owner of a table adds and drops partitions.
    "public.maintain_tables",
    # Objects are not read with SQL by anybody else.
    "public.reconcile_objects",
    # The service's key reaches no table of fleet_private.
    "public.set_device_codes",
    "public.use_bucket",
}
# These have the rights of the user: they look at nothing but their arguments, or read what the user may read.
INVOKERS = {
    "fleet_private.is_timezone", "public.capture_story", "public.console_device",
    "public.console_device_checks", "public.console_device_history", "public.console_devices", "public.console_overview",
    "public.link_advice", "public.console_arrivals", "public.console_gallery", "public.console_picture", "public.console_pictures",
    "public.sensor_trend", "public.update_devices",
} | {
    f"fleet_private.{name}"
    for name in ("as_integer", "as_time", "seconds_text", "sentence", "story_events", "story_gaps", "story_loss",
                 "story_sentences", "story_time", "story_timeline", "times_text", "zone_of", "gallery_condition",
                 "gallery_filter", "gallery_picture",
                 "asked_again", "is_asked_again")
}  # fmt: skip
INVOKERS |= {
    f"public.console_{name}" for name in ("alert_settings", "alerts", "keeping", "pins", "timelapses")
} | {"fleet_private.alert_defaults", "fleet_private.event_types"}
# What the trends and the report ask, and what that calls.
INVOKERS |= {
    f"public.console_{name}" for name in ("trends", "trend_sensor", "report", "report_gaps")
} | {
    f"fleet_private.{name}"
    for name in ("most_device_days", "devices_asked", "check_days", "errors_by_hour", "storage_by_day", "report_devices")
}  # fmt: skip
# What leads a device through its wakes.
INVOKERS |= {"public.console_wakes"} | {
    f"fleet_private.{name}" for name in ("wake_grace", "wake_offset", "wake_times", "wakes_within")
}


def functions_for_users(backend: Backend) -> set[str]:
    """The one list of what users may call, by name."""
    return {name for (name,) in backend.catalog("select unnest(fleet_private.functions_for_users()) as name")}


def test_every_table_has_row_level_security_and_a_policy(backend: Backend) -> None:
    tables = backend.catalog(
        "select c.relname, c.relrowsecurity,"
        " exists (select from pg_policy p where p.polrelid = c.oid)"
        " from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
    )
    assert len(tables) >= 12
    assert [name for name, secured, _ in tables if not secured] == []
    # Nobody but the service reads the version.
    assert [name for name, _, policy in tables if not policy] == ["schema_version"]


def test_every_table_is_granted_by_name(native: Native) -> None:
    grants = native.catalog(
        "select c.relname, r.rolname, string_agg(a.privilege_type, ' ' order by a.privilege_type)"
        " from pg_class c cross join lateral aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
        " and a.grantee <> c.relowner group by 1, 2"
    )
    tables = {row[0] for row in native.catalog("select tablename from pg_tables where schemaname = 'public'")}
    by_role = {
        role: {table: what for table, grantee, what in grants if grantee == role}
        for role in ("anon", "authenticated", "service_role")
    }
    everything = "DELETE INSERT SELECT UPDATE"
    assert by_role["service_role"] == dict.fromkeys(tables, everything) | dict.fromkeys(
        ("schema_version", "audit_log"), "SELECT"
    )
    reads = dict.fromkeys(tables - {"schema_version"}, "SELECT")
    assert by_role["authenticated"] == reads | dict.fromkeys(("invitations", "sites"), "DELETE SELECT")
    assert by_role["anon"] == {}
    columns = native.catalog(
        "select a.attrelid::regclass::text as of_table, r.rolname,"
        " string_agg(a.attname || ' ' || p.privilege_type, ', ' order by a.attname, p.privilege_type) as what"
        " from pg_attribute a cross join lateral aclexplode(a.attacl) p join pg_roles r on r.oid = p.grantee"
        " join pg_class c on c.oid = a.attrelid where c.relnamespace = 'public'::regnamespace group by 1, 2"
    )
    may_queue = "deadline INSERT, device_id INSERT, payload INSERT, type INSERT"
    of_sites = "name INSERT, name UPDATE, timezone INSERT, timezone UPDATE"
    assert sorted(columns) == [
        ["device_commands", "authenticated", may_queue],
        ["sites", "authenticated", of_sites],
    ]
    counters = native.catalog(
        "select c.relname, r.rolname from pg_class c cross join lateral aclexplode(c.relacl) a"
        " join pg_roles r on r.oid = a.grantee"
        " where c.relnamespace = 'public'::regnamespace and c.relkind = 'S' and a.grantee <> c.relowner"
    )
    assert counters == [], "a counter tells how much others have"
    public = native.catalog(
        "select c.relname from pg_class c cross join lateral aclexplode(c.relacl) a"
        " where c.relnamespace in ('public'::regnamespace, 'fleet_private'::regnamespace) and a.grantee = 0"
    )
    assert public == []


def qualified(signature: str) -> str:
    """The name of a function with its schema, without its arguments."""
    name, _, _ = signature.partition("(")
    return name if "." in name else f"public.{name}"


def test_no_function_is_open_but_those_of_the_list(backend: Backend) -> None:
    functions = backend.catalog(
        "select p.oid::regprocedure::text, n.nspname,"
        " has_function_privilege('anon', p.oid, 'execute') as anon,"
        " has_function_privilege('authenticated', p.oid, 'execute') as authenticated,"
        " has_function_privilege('service_role', p.oid, 'execute') as service"
        " from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'fleet_private')"
    )
    assert len(functions) > 10
    assert {name for name, *_, anon, _, _ in functions if anon} == set()
    assert {qualified(name) for name, *_, user, _ in functions if user} == functions_for_users(backend)
    assert {name for name, *_, service in functions if not service} == OWNERS


def test_every_function_fixes_its_search_path_and_few_have_the_rights_of_their_owner(
    backend: Backend,
) -> None:
    functions = backend.catalog(
        "select p.oid::regprocedure::text, coalesce(p.proconfig::text, ''), p.prosecdef from pg_proc p"
        " where p.pronamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)"
    )
    assert [name for name, config, _ in functions if "search_path=" not in config] == []
    definers = {qualified(name) for name, _, definer in functions if definer}
    assert definers == DEFINERS | functions_for_users(backend) - INVOKERS


def test_nothing_of_ours_is_open_to_anon(backend: Backend) -> None:
    (row,) = backend.catalog(
        "select has_schema_privilege('anon', 'fleet_private', 'usage') as use,"
        " has_schema_privilege('authenticated', 'fleet_private', 'create') as extend"
    )
    assert row == [False, False]


def test_the_bucket_is_private(backend: Backend) -> None:
    assert backend.catalog("select id, public from storage.buckets where id = 'gxp-captures'") == [
        ["gxp-captures", False]
    ]


def test_no_index_repeats_another(backend: Backend) -> None:
    indexes = backend.catalog(
        "select i.indrelid::regclass::text, i.indexrelid::regclass::text, i.indkey::text, i.indisunique,"
        " i.indpred is null as whole"
        " from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace = 'public'::regnamespace"
    )
    repeats = [
        (short, long)
        for table, short, key, unique, whole in indexes
        for other, long, longer, _, whole_too in indexes
        if table == other and short != long and whole and whole_too and not unique
        if f"{longer} ".startswith(f"{key} ")
    ]
    assert repeats == []


def test_every_policy_asks_once_per_query(backend: Backend) -> None:
    policies = backend.catalog("select policyname, coalesce(qual, with_check) as qual from pg_policies")
    for name, qual in policies:
        for helper in ("company_of_user()", "uid()"):
            assert qual.count(helper) == qual.count(f"SELECT fleet_private.{helper}") + qual.count(
                f"SELECT auth.{helper}"
            ), name
