"""The tool that asks whether tests notice a change: its mutants, its table of judges, its sample and its verdicts."""

import ast
from pathlib import Path

import pytest
from lupa import lua51

from mutation import judges
from mutation.__main__ import draw, sites_of
from mutation.lua_mutants import lua_sites, mutations
from mutation.mutant import make_mutant
from mutation.python_mutants import python_sites
from mutation.trial import BaselineError, Court, Verdict

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = [path for path in judges.mutated_files() if path.endswith(".lua")]


def changes(make, text):
    return {(mutant.was, mutant.now) for mutant in (site() for site in make("f", f"{text}\n"))}


@pytest.mark.parametrize(
    ("code", "mutants"),
    [
        ("local x = a < b", {"local x = a <= b", "local x = a >= b"}),
        ("local x = a ~= b and c", {"local x = a == b and c", "local x = a ~= b or c"}),
        ("local x = KEYS[2]", {"local x = KEYS[1]", "local x = KEYS[3]"}),
        ("local x = ARGV[1]", {"local x = ARGV[2]"}),
        ("local x = y + 10 -- a < b", {"local x = y - 10 -- a < b", "local x = y + 11 -- a < b", "local x = y + 9 -- a < b"}),
        ("return {'wait', ''}", {"return {'wait_', ''}", "return {'wait', 'x'}"}),
        ("  redis.call('DEL', k)", {"", "redis.call('EXISTS', k)"}),
        ("if a then return b end", {"", "if not (a) then return b end"}),
        ("return s:sub(-N)", {"return s:sub(N)"}),
        ("local x = math.max(a, b)", {"local x = math.min(a, b)"}),
    ],
)  # fmt: skip
def test_lua_is_changed_in_one_place(code, mutants):
    assert {now for _, now in changes(lua_sites, code)} == mutants


def test_a_call_over_several_lines_is_removed_whole():
    code = "redis.call('HSET', k,\n  'a', f(1))\nseal()\n"
    assert "\nseal()\n" in {text for operator, text in mutations(code) if operator == "removed call"}


@pytest.mark.parametrize("path", SCRIPTS)
def test_every_mutant_of_a_script_is_valid_lua(path):
    lua = lua51.LuaRuntime()
    for operator, text in mutations((REPOSITORY / path).read_text()):
        try:
            lua.compile(text)
        except lua51.LuaError as error:
            raise AssertionError(f"{operator}: {error}") from None


@pytest.mark.parametrize(
    ("code", "mutants"),
    [
        ("x = a < b", {"x = a <= b", "x = a >= b"}),
        ("x: int | None = 3", {"x: int | None = 4", "x: int | None = 2"}),
        ("def f(x: int | str) -> int | None:\n    return x\n", {"return None"}),
        ("self.close()", {"pass"}),
        ("log.info('x')", set()),
        ("self._a = b", {"pass"}),
        ("f(timeout=t)", {"f(timeout=None)", "pass"}),
        ("x = frozenset({'a'})", {"x = frozenset({'a_'})"}),
        ("x = y['a']", {"x = y['a_']"}),
        ("x = f('a')", set()),
        ("try:\n    f()\nexcept httpx.Error as e:\n    raise\n", {"pass", "except ZeroDivisionError as e:"}),
        ("x = not a", {"x = a"}),
    ],
)  # fmt: skip
def test_python_is_changed_in_one_place(code, mutants):
    assert {now for _, now in changes(python_sites, code)} == mutants


def test_every_mutant_of_a_module_is_valid_python():
    for site in sites_of("core/store/memory.py"):
        ast.parse(site().text)


def test_every_file_in_scope_has_judges_that_exist():
    files = judges.mutated_files()
    assert {"core/wire.py", "core/store/lua/review.lua", "tasks/pipeline.py"} <= set(files)
    stages = {stage for path in files for stage in judges.stages_of(path)}
    tests = {test for stage in stages for test in stage if not test.startswith("-")}
    assert [test for test in tests if not (REPOSITORY / test).exists()] == []
    with pytest.raises(LookupError):
        judges.stages_of("core/store/__init__.py")


def test_a_sample_is_drawn_by_its_seed():
    sites = sites_of("core/store/lua/claim.lua")
    assert draw(sites, 5, 7) == draw(sites, 5, 7) != draw(sites, 5, 8)
    assert len(draw(sites, 10**6, 7)) == len(sites)


def test_what_is_known_to_be_equivalent_is_not_drawn(tmp_path, monkeypatch):
    [one, *_] = draw(sites_of("core/store/lua/drop.lua"), 10**6, 1)
    known = tmp_path / "equivalent.toml"
    entry = f"[[equivalent]]\npath = '{one.path}'\nwas = '''{one.was}'''\nnow = '''{one.now}'''\nwhy = 'x'\n"
    known.write_text(entry)
    monkeypatch.setattr("mutation.__main__.EQUIVALENT", known)
    assert one not in draw(sites_of("core/store/lua/drop.lua"), 10**6, 1)


def test_a_mutant_that_a_test_sees_is_killed_and_another_survives(monkeypatch):
    stages = (("tests/unit/test_receive.py::test_a_ref_reads_itself_back",),)
    monkeypatch.setattr("mutation.trial.stages_of", lambda _path: stages)
    path = "core/store/keys.py"
    text = (REPOSITORY / path).read_text()
    with Court() as court:
        for change, verdict in (
            (('decode().split("/")', 'decode().split("-")'), Verdict.KILLED),
            (("SHARDS: Final = 16", "SHARDS: Final = 17"), Verdict.SURVIVED),
            (("SHARDS: Final = 16", "SHARDS: Final = x"), Verdict.STILLBORN),
            (("SHARDS: Final = 16", "SHARDS: Final = 16"), None),
        ):
            if verdict:
                mutant = make_mutant(path, "by hand", text, text.replace(*change))
                assert court.judge(mutant) is verdict
        monkeypatch.setattr("mutation.trial.stages_of", lambda _path: (("tests/unit/no_such_test.py",),))
        with pytest.raises(BaselineError):
            court.judge(mutant)
