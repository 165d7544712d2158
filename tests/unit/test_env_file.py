"""The one reader of .env: what it takes, a shell reads as the same; the rest it refuses by name."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from core.settings import MqttSettings, SettingsError, SupabaseSettings, load
from operate import env_file

HARD = "p$ss w0rd&x#1"


def file(tmp_path, *lines):
    path = tmp_path / ".env"
    path.write_text("\n".join(lines))
    return path


def refused(path):
    with pytest.raises(SettingsError) as found:
        env_file.read(path)
    return str(found.value)


def test_a_password_of_all_signs_is_read_as_it_is(tmp_path):
    path = file(
        tmp_path,
        "# a comment",
        "",
        "MQTT_HOST=broker.example",
        f"MQTT_PASSWORD='{HARD}'",
        "EMPTY=",
        'ONE="it\'s"  ',
    )
    assert env_file.read(path) == {
        "MQTT_HOST": "broker.example",
        "MQTT_PASSWORD": HARD,
        "EMPTY": "",
        "ONE": "it's",
    }


@pytest.mark.parametrize(
    "value",
    [
        HARD,
        "a b",
        "a$b",
        "a#b",
        "a&b",
        '"$HOME"',
        "'a'b",
        "'a",
        "a;b",
        "ä'",
        "~",
        "~root/x",
        "a:~",
        "a:b~:~/c",
        "a\xa0",
    ],
)
def test_what_programs_read_differently_is_refused_by_name(tmp_path, value):
    said = refused(file(tmp_path, "MQTT_HOST=x", f"MQTT_PASSWORD={value}"))
    assert ":2: MQTT_PASSWORD: " in said
    assert value not in said, "it may be a secret"


def test_each_line_that_will_not_do_is_named(tmp_path):
    said = refused(file(tmp_path, "export A=1", "B=1", "B=2", "C=a b", "D='x\\'"))
    assert [line.partition(":")[2].split(" ")[0] for line in said.splitlines()] == ["1:", "3:", "4:", "5:"]
    assert "no form of this value" in said.splitlines()[3]


def test_a_tilde_that_no_shell_expands_is_taken(tmp_path):
    assert env_file.read(file(tmp_path, "A=a~", "B=a=~", "C=a:b~/c", "D='~'")) == {
        "A": "a~", "B": "a=~", "C": "a:b~/c", "D": "~",
    }  # fmt: skip


def test_lines_end_as_on_unix(tmp_path):
    path = file(tmp_path, "# a comment of a word processor\u2028A=1", "B=x\r", "C='x'\r")
    said = refused(path)
    assert [line.partition(":")[2].partition(" ")[0] for line in said.splitlines()] == ["2:", "3:"]


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes("A='ä'".encode("latin-1"))
    assert refused(path) == f"{path}: is not UTF-8"


def test_the_example_is_read(tmp_path):
    assert env_file.read(env_file.Path(".env.example"))["SUPABASE_URL"] == "https://<project>.supabase.co"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\0")) | st.text("~:/a=\r\xa0\u2028"),
       st.sampled_from(["{}", "'{}'", '"{}"']))  # fmt: skip
def test_what_is_taken_a_shell_reads_as_the_same(tmp_path_factory, text, form):
    path = tmp_path_factory.mktemp("env") / ".env"
    path.write_bytes(f"VALUE={form.format(text)}".encode())
    try:
        taken = env_file.read(path).get("VALUE")
    except SettingsError:
        return
    script = f'set -a; . {path}; printf %s "$VALUE"'
    shell = subprocess.run(
        ["/bin/sh", "-c", script], capture_output=True, check=True, env={"HOME": "/home/x"}
    )
    assert shell.stdout.decode() == taken


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MQTT_HOST", "<cluster>.hivemq.cloud"),
        ("MQTT_PASSWORD", "<its password>"),
        ("SUPABASE_URL", "https://<project>.supabase.co"),
        ("SUPABASE_SERVICE_ROLE", "<the secret key>"),
    ],
)
def test_placeholders_are_refused_by_name(monkeypatch, name, value):
    filled = {
        "MQTT_HOST": "h", "MQTT_USERNAME": "u", "MQTT_PASSWORD": "<3 coffee", "SUPABASE_URL": "https://x.supabase.co",
        "SUPABASE_SERVICE_ROLE": "sb_secret_x",
    }  # fmt: skip
    for each, said in filled.items():
        monkeypatch.setenv(each, said)
    assert load(MqttSettings).mqtt_password == SecretStr("<3 coffee")
    load(SupabaseSettings)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^settings: {name}: <.*> stands for a value of your own$"):
        load(MqttSettings if name.startswith("MQTT") else SupabaseSettings)
