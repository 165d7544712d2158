"""Checks the Supabase project: its address, the key, the schema of `sql/`, access rights and the bucket."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

import httpx
import orjson

from core.settings import SupabaseSettings
from core.supabase import PASSING_STATUS, READ_ONLY, RESTRICTED_STATUS
from operate.checks import Check

# What `sql/repeatable/090_version.sql` sets; an older database lacks functions that this code calls.
SCHEMA_VERSION: Final = 2
FUNCTIONS: Final = frozenset(
    {
        "apply_keep_policies",
        "capture_story",
        "claim_commands",
        "claim_deliveries",
        "claim_removals",
        "claim_smaller_pictures",
        "claim_timelapse",
        "count_held",
        "count_removals",
        "create_company",
        "erase_rows",
        "evaluate_alerts",
        "export_rows",
        "fail_stale_captures",
        "finish_command",
        "finish_deliveries",
        "finish_removals",
        "finish_timelapse",
        "gaps_of_device",
        "give_up_timelapse",
        "held_tables",
        "home_assistant_devices",
        "invite_to_company",
        "keep_channels",
        "link_advice",
        "list_companies",
        "list_members",
        "maintain_tables",
        "messages_to_examine",
        "note_timelapse",
        "press_capture_button",
        "reconcile_objects",
        "record_assembling",
        "record_capture",
        "record_captures",
        "record_conformance",
        "record_hello",
        "record_log",
        "record_smaller_picture",
        "refresh_capture_days",
        "refresh_company_days",
        "refresh_picture_quarters",
        "set_device_codes",
        "set_storage_quota",
    }
)
BILLING: Final = "see Usage and Billing of the organisation, and the database's disk; workers wait for it"
APPLY: Final = "bring the database up to date with sql/ (docs/deployment.md)"
# Of databases that do not tell yet which bucket users may read.
_EARLIER_BUCKET: Final = "gxp-captures"


def check_supabase(settings: SupabaseSettings) -> Iterator[Check]:
    """Yield the checks of key, project, schema and bucket, without those that depend on a failed check."""
    key = settings.supabase_service_role.get_secret_value()
    role = role_of(key)
    if role not in ("service_role", None):
        yield Check(
            "SUPABASE_SERVICE_ROLE",
            "wrong",
            f"this is the key of `{role}`, which may neither read nor write",
            "take the secret key: Project Settings, API Keys, `sb_secret_…` or `service_role`",
        )
        return
    headers = {"apikey": key, "authorization": f"Bearer {key}"}
    with httpx.Client(
        base_url=settings.supabase_url, headers=headers, timeout=settings.supabase_timeout_s
    ) as http:
        try:
            answer = http.post("/rest/v1/rpc/inspect_schema", json={})
            bucket = http.get(f"/storage/v1/bucket/{settings.supabase_storage_bucket}")
        except httpx.HTTPError as error:
            remedy = "is SUPABASE_URL the address of the project, and is the project running (not paused)?"
            yield Check("SUPABASE_URL", "unreachable", f"{type(error).__name__}: {error}", remedy)
            return
    yield from _project(answer)
    if answer.is_success:
        found = answer.json()
        yield from _schema(found)
        yield _bucket(bucket, settings.supabase_storage_bucket, found.get("bucket", _EARLIER_BUCKET))


def role_of(key: str) -> str | None:
    """Return the role that the key belongs to, such as `service_role` or `anon`.

    It comes from the prefix of an `sb_…` key or the claim `role` of a JWT; None for any other text.
    """
    if key.startswith("sb_"):
        return "service_role" if key.startswith("sb_secret_") else "anon"
    try:
        payload = key.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["role"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None


def _project(answer: httpx.Response) -> Iterator[Check]:
    if answer.status_code in (401, 403):
        remedy = "take the secret key of this very project: Project Settings, API Keys"
        yield Check("SUPABASE_SERVICE_ROLE", "wrong", f"the project refuses it ({_said(answer)})", remedy)
    elif waiting := _waits(answer):
        yield Check("SUPABASE_URL", "unreachable", *waiting)
    elif _code(answer) == "PGRST202":
        yield Check("database schema", "wrong", "is not installed", APPLY)
    elif not answer.is_success:
        remedy = "is SUPABASE_URL the project's address, https://<project>.supabase.co, without a path?"
        yield Check("SUPABASE_URL", "wrong", f"this is no Supabase project ({_said(answer)})", remedy)
    else:
        yield Check("SUPABASE_URL", "ok", "reachable")
        yield Check("SUPABASE_SERVICE_ROLE", "ok", "a service key")


def _schema(found: dict[str, Any]) -> Iterator[Check]:
    version = found["version"]
    if version is None or version < SCHEMA_VERSION:
        yield Check("database schema", "wrong", f"version {version}, needed {SCHEMA_VERSION}", APPLY)
    else:
        yield Check("database schema", "ok", f"version {version}")
    missing = sorted(FUNCTIONS - set(found["functions"]))
    if missing:
        yield Check("database functions", "wrong", f"missing: {', '.join(missing)}", APPLY)
    else:
        yield Check("database functions", "ok", "all there")
    # The owner's other tables may be in the same schema; an open one does not stop this service.
    for name, what in (("row level security", "open_tables"), ("function rights", "open_functions")):
        names = found[what]
        if names:
            meaning = "without it" if what == "open_tables" else "open to users, and not meant to be"
            yield Check(name, "warning", f"{meaning}: {', '.join(names)}", APPLY)
        else:
            yield Check(name, "ok", "everywhere" if what == "open_tables" else "as they should be")


def _bucket(answer: httpx.Response, name: str, readable: str) -> Check:
    title = "storage bucket"
    use = f"run `fleet schema` with this setting, or in the SQL editor: select use_bucket('{name}')"
    if waiting := _waits(answer):
        return Check(title, "unreachable", *waiting)
    if not answer.is_success:
        return Check(title, "wrong", f"there is no bucket {name} ({_said(answer)})", use)
    if answer.json().get("public"):
        remedy = "make it private: Storage, Edit bucket"
        return Check(title, "wrong", f"{name} is public: everybody can read every image", remedy)
    if name != readable:
        said = f"it is {name}, and the database lets users read {readable}: they see no picture"
        return Check(title, "warning", said, use)
    return Check(title, "ok", f"{name} is private")


def _waits(answer: httpx.Response) -> tuple[str, str] | None:
    """Return details and remedy of an answer that no change of the settings would change."""
    if answer.status_code == RESTRICTED_STATUS or _code(answer) in READ_ONLY:
        return f"the project is over its quota, unpaid or read-only ({_said(answer)})", BILLING
    if answer.status_code in PASSING_STATUS:
        return f"the project answers {answer.status_code}", "try again"
    return None


def _code(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("code", "")) if isinstance(body, dict) else ""


def _said(answer: httpx.Response) -> str:
    code = _code(answer)
    return f"{answer.status_code} {code}".rstrip()
