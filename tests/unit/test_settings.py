import re
import runpy

import pytest

from core.redis_url import node_urls
from core.settings import (
    EverySetting,
    ListenerSettings,
    LogSettings,
    RedisSettings,
    SettingsError,
    SupabaseSettings,
    WorkerSettings,
    load,
)
from local.part import REPOSITORY


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in EverySetting.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MQTT_HOST", "broker.test")


def test_defaults_that_work():
    settings = load(ListenerSettings)
    assert settings.mqtt_tls
    assert settings.mqtt_port == 8883
    assert settings.queue_url.get_secret_value() == "redis://127.0.0.1:6379/1"


@pytest.mark.parametrize(
    ("redis", "broker"),
    [
        ("redis://h:1/4", "redis://h:1/5"),
        ("rediss://u:p@h:1", "rediss://u:p@h:1/1"),
        ("rediss://h/0?ssl_cert_reqs=none", "rediss://h/1?ssl_cert_reqs=none"),
    ],
)
def test_the_broker_is_the_next_database(monkeypatch, redis, broker):
    monkeypatch.setenv("REDIS_URL", redis)
    assert load(ListenerSettings).queue_url.get_secret_value() == broker


@pytest.mark.parametrize("kind", [RedisSettings, ListenerSettings])
def test_a_broker_of_its_own_is_used_as_it_is_named(monkeypatch, kind):
    monkeypatch.setenv("REDIS_URL", "redis://chunks:1/4")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://queue:2/7")
    settings = load(kind)
    assert settings.queue_url.get_secret_value() == "redis://queue:2/7"
    assert settings.redis_url.get_secret_value() == "redis://chunks:1/4"


@pytest.mark.parametrize(
    ("url", "nodes"),
    [
        ("redis+cluster://h:1", ["redis://h:1"]),
        ("redis+cluster://h:1,k:2/0", ["redis://h:1/0", "redis://k:2/0"]),
        ("redis+cluster://u:a,b@h,[::1]:2", ["redis://u:a,b@h", "redis://u:a,b@[::1]:2"]),
        (
            "rediss+cluster://u:p@h:1,k:2?ssl_check_hostname=no",
            ["rediss://u:p@h:1?ssl_check_hostname=no", "rediss://u:p@k:2?ssl_check_hostname=no"],
        ),
    ],
)
def test_a_cluster_is_named_by_its_nodes(monkeypatch, url, nodes):
    monkeypatch.setenv("REDIS_URL", url)
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://queue:2/7")
    assert node_urls(load(RedisSettings).redis_url.get_secret_value()) == nodes
    monkeypatch.setenv("CELERY_BROKER_URL", "")
    with pytest.raises(SettingsError, match=r"^settings: CELERY_BROKER_URL is needed .*[^\n]$"):
        load(RedisSettings)


def test_celery_uses_the_broker_that_is_named(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://chunks:1/4")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://queue:2/7")
    assert runpy.run_path(str(REPOSITORY / "celeryconfig.py"))["broker_url"] == "redis://queue:2/7"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MQTT_PORT", "99999"),
        ("MQTT_PORT", "secure"),
        ("MQTT_CA_CERT", "/nowhere/ca.pem"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis:///0"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("REDIS_URL", "redis://h:port/0"),
        ("REDIS_URL", "redis://h:99999/0"),
        ("REDIS_URL", "redis://[::1/0"),
        ("REDIS_URL", "redis://h/0?colour=blue"),
        ("REDIS_URL", "redis://h/0?db=x"),
        ("REDIS_URL", "redis://h/٣"),
        ("REDIS_URL", "redis://h/0?socket_timeout=soon"),
        ("REDIS_URL", "redis://h/nought"),
        ("REDIS_URL", "redis://h/0?ssl_cert_reqs=none"),
        ("REDIS_URL", "rediss://h/0?ssl_cert_reqs=perhaps"),
        ("REDIS_URL", "rediss://h/0?ssl_ca_certs=/nowhere/ca.pem"),
        ("REDIS_URL", "redis+cluster://"),
        ("REDIS_URL", "redis+cluster://h:1,"),
        ("REDIS_URL", "redis+cluster://h:1,k:port"),
        ("REDIS_URL", "redis+cluster://h:1,k:2/1"),
        ("REDIS_URL", "redis+cluster://h:1,k:2/0?colour=blue"),
        ("REDIS_URL", "redis+sentinel://h:1"),
        ("CELERY_BROKER_URL", "redis+cluster://h:1,k:2"),
        ("CELERY_BROKER_URL", "redis://h/1?colour=blue"),
        ("CELERY_BROKER_URL", "sentinel://h:26379/0"),
        ("CELERY_BROKER_URL", "redis://h:0/0"),
        ("SUPABASE_URL", "https://project.test:port"),
        ("SUPABASE_URL", "https://project.test:99999"),
        ("SUPABASE_URL", "https://project.test/?a=b"),
        ("SUPABASE_URL", "https://project.test/#a"),
        ("SUPABASE_URL", "https://user:password@project.test"),
        ("SUPABASE_URL", "https://project.test/a b"),
        ("SUPABASE_SERVICE_ROLE", "sb_secret_abc…"),
        ("SUPABASE_SERVICE_ROLE", "sb_secret abc"),
        ("SUPABASE_SERVICE_ROLE", "sb_secret_abc\r\nx: y"),
        ("SUPABASE_SERVICE_ROLE", "sb_secret_abc\x7f"),
        ("ALERT_SMTP_URL", "smtp://h:port"),
        ("METRICS_PUSH_URL", "gateway.test:9091"),
        ("METRICS_PUSH_URL", "https://gateway.test/?token=x"),
        ("RETRANSMIT_MAX", "-1"),
        ("RETRANSMIT_DELAY_MS", "60000"),
        ("MQTT_NACK_TOPIC", "data"),
        ("MQTT_USERNAME", "fleet"),
        ("LOG_LEVEL", "loud"),
        ("HOME_ASSISTANT_PREFIX", "homeassistant/#"),
        ("HOME_ASSISTANT_PREFIX", "/homeassistant"),
        ("HOME_ASSISTANT_PREFIX", "ESP32CAM"),
        ("HOME_ASSISTANT_PREFIX", "fleet/homeassistant"),
        ("HOME_ASSISTANT_PICTURE_KB", "8193"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(monkeypatch, name, value):
    monkeypatch.setenv("SUPABASE_URL", "https://project.test")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE", "sb_secret_abc")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load(EverySetting)
    assert str(caught.value).count("\n") == 0
    assert name in str(caught.value)


def test_a_key_from_a_file_ends_where_its_line_does(monkeypatch):
    """As a header it would be refused, with the whole of it in the error."""
    monkeypatch.setenv("SUPABASE_URL", "https://[::1]:8443/base/")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE", " sb_secret_abc\n")
    settings = load(SupabaseSettings)
    assert settings.supabase_service_role.get_secret_value() == "sb_secret_abc"
    assert settings.supabase_url == "https://[::1]:8443/base"


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
    monkeypatch.setenv("REDIS_URL", "rediss://fleet:swordfish@redis.test/0")
    monkeypatch.setenv("CELERY_BROKER_URL", "rediss://fleet:sesame@queue.test/1")
    monkeypatch.setenv("METRICS_PUSH_URL", "https://fleet:mellon@gateway.test")
    settings = load(EverySetting)
    for shown in (repr(settings), str(settings), f"{settings.queue_url!r}", str(settings.model_dump())):
        for secret in ("sb_secret_abc", "hunter2", "swordfish", "sesame", "mellon"):
            assert secret not in shown
    monkeypatch.setenv("MQTT_PASSWORD", "")
    with pytest.raises(SettingsError) as caught:
        load(WorkerSettings)
    assert "sb_secret_abc" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["redis+cluster://fleet:swordfish@h:1,k:port", "redis+cluster://fleet:swordfish/1@h:1,k:2",
     "http://fleet:swordfish@redis.test/0", "redis://fleet:swordfish/1@redis.test/0", "redis://swordfish:x@h:swordfish/0",
     "redis://[swordfish/0"],
)  # fmt: skip
def test_a_wrong_redis_url_is_not_shown(monkeypatch, url):
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(SettingsError) as caught:
        load(RedisSettings)
    assert "REDIS_URL" in str(caught.value)
    assert "swordfish" not in str(caught.value)


def test_celery_alone_needs_redis_alone(monkeypatch):
    monkeypatch.delenv("MQTT_HOST")
    monkeypatch.setenv("RETRANSMIT_MAX", "nonsense")
    assert load(RedisSettings).queue_url.get_secret_value() == "redis://127.0.0.1:6379/1"
    assert load(LogSettings).log_level == "INFO"


USED_IN = {
    ListenerSettings: ("listener", "core", "operate"),
    WorkerSettings: ("tasks", "core", "operate"),
}


@pytest.mark.parametrize("kind", USED_IN)
def test_no_process_reads_a_setting_that_it_does_not_use(kind):
    source = "".join(
        path.read_text() for folder in USED_IN[kind] for path in (REPOSITORY / folder).rglob("*.py")
    )
    used = set(re.findall(r"settings\.(\w+)", source))
    own = {name for name in kind.model_fields if name not in ("redis_url", "celery_broker_url")}
    assert own - used == set()


def test_the_operators_addresses_are_split_where_the_next_one_begins():
    from core.settings import DeliverySettings, split_urls

    urls = "mailtos://a:b@mail.test?to=x@y.test,z@y.test,ntfys://host/topic\n  tgram://1:x/2"
    assert split_urls(DeliverySettings(alert_urls=urls).alert_urls) == [
        "mailtos://a:b@mail.test?to=x@y.test,z@y.test", "ntfys://host/topic", "tgram://1:x/2",
    ]  # fmt: skip
    assert split_urls(DeliverySettings().alert_urls) == []


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ALERT_URLS", "somewhere", "ALERT_URLS: must be addresses of apprise"),
        ("ALERT_SMTP_URL", "mail.test", "ALERT_SMTP_URL: must be smtp://"),
        ("ALERT_SMTP_URL", "smtp://user:s3cret@mail.test", "ALERT_SMTP_URL needs ALERT_FROM"),
        ("WEBHOOK_PRIVATE_NETWORKS", "10.0.0.0/8 10.0.0.1/8", "WEBHOOK_PRIVATE_NETWORKS"),
    ],
)
def test_settings_of_delivery_that_cannot_work_are_named_without_what_is_secret(
    monkeypatch, name, value, why
):
    from core.settings import DeliverySettings

    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=why) as refused:
        load(DeliverySettings)
    assert "s3cret" not in str(refused.value)
