"""The console has words for everything that the database tells by a code, so that no language shows another's."""

import ast
import inspect
import re

from sql_backends import Backend

import operate.troubles
from local.part import REPOSITORY
from operate.field.rules import RULES

CONSOLE = REPOSITORY / "console" / "src"
SQL = REPOSITORY / "sql" / "repeatable"


def source(name: str) -> str:
    """The text of the console's file of this path or end of a path, in whichever room it is."""
    (found,) = CONSOLE.rglob(name)
    return found.read_text()


def names_within(text: str, opening: str, closing: str = "},") -> set[str]:
    """The names of an object or the texts of an array, from this opening to the next closing."""
    within = text.split(opening, 1)[1].split(closing, 1)[0]
    return set(re.findall(r"^\s*'?(\w+)'?(?:[:,]|$)", within, re.MULTILINE))


def checked(backend: Backend, table: str, column: str) -> set[str]:
    """The values that a check of the table allows for the column."""
    (found,) = backend.catalog(
        "select pg_get_constraintdef(oid) as told from pg_constraint"
        f" where conrelid = 'public.{table}'::regclass and contype = 'c'"
        f" and pg_get_constraintdef(oid) like '%({column} = ANY%'"
    )
    return set(re.findall(r"'(\w+)'", str(found[0])))


def test_every_kind_of_alert_has_words(backend: Backend) -> None:
    kinds = checked(backend, "alerts", "kind")
    assert len(kinds) > 5
    told = source("shared/alert_words.ts")
    assert names_within(told, "ALERT_KINDS = [", "] as const") == kinds


def test_every_state_of_a_command_has_words(backend: Backend) -> None:
    states = checked(backend, "device_commands", "status")
    assert len(states) > 3
    told = source("shared/commands.ts")
    listed = told.split("COMMAND_STATES = [", 1)[1].split("]", 1)[0]
    assert set(re.findall(r"'(\w+)'", listed)) == states


def test_every_health_of_a_picture_has_words(backend: Backend) -> None:
    words = source("messages/alert_words.ts")
    assert names_within(words, "health: {") == checked(backend, "captures", "health") - {"ok"}


def sentences_within(name: str) -> set[str]:
    """The English sentences of one of the console's modules of texts."""
    english = source(f"messages/{name}.ts").split("\n  {\n", 1)[1].split("\n  },\n", 1)[0]
    return {
        one or other
        for one, other in re.findall(r"""^    \w+:\s+(?:'(.*)'|"(.*)"),$""", english, re.MULTILINE)
    }


def test_every_reason_of_a_picture_s_health_has_words() -> None:
    told = (SQL / "048_picture_health.sql").read_text()
    reasons = re.findall(r"health_reason := (?:format\(\s*)?'(.*?)'[,;]", told)
    assert len(reasons) == told.count("health_reason := ") - 1  # none, to begin with
    # Times are told by UTC, and the console says it with the time.
    assert sentences_within("picture_health") == {reason.replace("%s UTC", "%s") for reason in reasons}


def test_every_trouble_of_the_service_has_words() -> None:
    said: list[ast.AST | None] = []
    for node in ast.walk(ast.parse(inspect.getsource(operate.troubles))):
        match node:
            case ast.Yield():
                said.append(node.value)
            case ast.GeneratorExp():
                said.append(node.elt)
            case ast.List():
                said.extend(node.elts)
    clauses = {node.value for node in said if isinstance(node, ast.Constant)}
    clauses |= {
        "".join(str(part.value) if isinstance(part, ast.Constant) else "%s" for part in node.values)
        for node in said
        if isinstance(node, ast.JoinedStr)
    }
    told = (SQL / "084_alerts.sql").read_text()
    clauses |= set(re.findall(r"v_troubles := v_troubles \|\| format\(\s*'(.*?)'", told))
    assert sentences_within("service_troubles") == clauses


def test_every_advice_on_a_link_has_words() -> None:
    codes = set(re.findall(r"fleet_private\.sentence\('(\w+)'", (SQL / "088_link_advice.sql").read_text()))
    assert len(codes) > 10
    words = source("messages/link_advice.ts")
    assert set(re.findall(r"^    (\w+): \(", words.split("\n  },\n", 1)[0], re.MULTILINE)) == codes


def test_every_reason_of_a_gap_has_words() -> None:
    told = (SQL / "088_gaps.sql").read_text()
    codes = set(re.findall(r"code := '(\w+)'", told))
    codes |= {f"{reason}_failed" for reason in ("camera", "transfer", "service")}
    codes |= {f"{reason}_errors" for reason in ("camera", "transfer")}
    codes |= set(re.findall(r"'(\w+)'", re.search(r"code := case (.*?) end;", told).group(1)))  # type: ignore[union-attr]
    words = source("gap_words.ts")
    assert names_within(words, "=> string>> = {", "\n  }\n") == codes


def test_every_rule_that_a_log_can_tell_has_words() -> None:
    words = source("messages/conformance.ts").split("\n  },\n", 1)[0]
    told = set(re.findall(r"^    '?([\w -]+?)'?:(?: |$)", words, re.MULTILINE))
    # A log has neither chunks nor answers, nor how a message was sent.
    of_chunks = {rule for rule in RULES if "chunk" in rule or "duplicate" in rule} - {
        "chunk size name",
        "chunk count name",
    }
    of_pictures = {
        "array",
        "from one",
        "size",
        "SHA-256",
        "no JPEG",
        "deaf to NACK",
        "deaf to ACK",
        "name reused",
    }
    assert told == set(RULES) - of_chunks - of_pictures - {"QoS 0", "retained"}


def test_everything_that_is_audited_has_words(backend: Backend) -> None:
    triggers = backend.catalog(
        "select tgrelid::regclass::text as audited, encode(tgargs, 'escape') as columns from pg_trigger"
        " where tgfoid = 'fleet_private.audit()'::regprocedure"
    )
    assert len(triggers) > 8
    words = source("messages/changes.ts")
    tables = {str(audited).removeprefix("public.") for audited, _ in triggers}
    assert tables <= names_within(words, "tables: {")
    columns = {name for _, told in triggers for name in str(told).split("\\000")[1:] if name}
    assert columns <= names_within(words, "columns: {")
