import pytest

from core.settings import Settings, SettingsError, WorkerSettings, load


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in WorkerSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MQTT_HOST", "broker.test")


def test_defaults_that_work():
    settings = load(Settings)
    assert settings.mqtt_tls
    assert settings.mqtt_port == 8883
    assert settings.broker_url == "redis://127.0.0.1:6379/1"


@pytest.mark.parametrize(
    ("redis", "broker"),
    [
        ("redis://h:1/4", "redis://h:1/5"),
        ("rediss://u:p@h:1", "rediss://u:p@h:1/1"),
        ("redis://h/0?ssl_cert_reqs=none", "redis://h/1?ssl_cert_reqs=none"),
    ],
)
def test_the_broker_is_the_next_database(monkeypatch, redis, broker):
    monkeypatch.setenv("REDIS_URL", redis)
    assert load(Settings).broker_url == broker


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MQTT_PORT", "99999"),
        ("MQTT_PORT", "secure"),
        ("MQTT_CA_CERT", "/nowhere/ca.pem"),
        ("REDIS_URL", "localhost:6379"),
        ("RETRANSMIT_MAX", "-1"),
        ("RETRANSMIT_DELAY_MS", "60000"),
        ("MQTT_NACK_TOPIC", "data"),
        ("MQTT_USERNAME", "fleet"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load(Settings)
    assert str(caught.value).count("\n") == 0
    assert name in str(caught.value)


def test_all_that_is_missing_is_named(monkeypatch):
    monkeypatch.delenv("MQTT_HOST")
    with pytest.raises(SettingsError) as caught:
        load(WorkerSettings)
    lines = str(caught.value).splitlines()
    assert lines == [
        f"settings: {name} is missing" for name in ("MQTT_HOST", "SUPABASE_URL", "SUPABASE_SERVICE_ROLE")
    ]


def test_secrets_are_never_shown(monkeypatch):
    monkeypatch.setenv("SUPABASE_URL", "https://project.test")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE", "sb_secret_abc")
    monkeypatch.setenv("MQTT_USERNAME", "fleet")
    monkeypatch.setenv("MQTT_PASSWORD", "hunter2")
    shown = repr(load(WorkerSettings))
    assert "sb_secret_abc" not in shown
    assert "hunter2" not in shown
    monkeypatch.setenv("MQTT_PASSWORD", "")
    with pytest.raises(SettingsError) as caught:
        load(WorkerSettings)
    assert "sb_secret_abc" not in str(caught.value)
