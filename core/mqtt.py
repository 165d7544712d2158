"""How every process of the service reaches the MQTT broker: one way to make a client."""

import ssl
from typing import Final

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from core.settings import Settings

SESSION_EXPIRY_S: Final = 24 * 3600


def make_client(settings: Settings, client_id: str, *, lasting: bool) -> Client:
    """Make a client that is not connected yet.

    A lasting one keeps its session at the broker, so that messages wait for it there, and acknowledges
    by hand; use it with `connect`.
    """
    version = MQTTv5 if settings.mqtt_version == "5" else MQTTv311
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=version,
        clean_session=None if version == MQTTv5 else not lasting,
        manual_ack=lasting,
    )
    if settings.mqtt_username and settings.mqtt_password:
        client.username_pw_set(settings.mqtt_username, settings.mqtt_password.get_secret_value())
    if settings.mqtt_tls:
        client.tls_set_context(ssl.create_default_context(cafile=settings.mqtt_ca_cert))
    client.reconnect_delay_set(1, 30)
    client.connect_timeout = 10
    return client


def connect(client: Client, settings: Settings, *, lasting: bool) -> None:
    """Connect to the broker of the settings, blocking; raise OSError where it cannot be reached."""
    if client.protocol != MQTTv5:
        client.connect(settings.mqtt_host, settings.mqtt_port, settings.mqtt_keepalive_s)
        return
    properties = Properties(PacketTypes.CONNECT)
    if lasting:
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = settings.mqtt_receive_maximum
    client.connect(
        settings.mqtt_host,
        settings.mqtt_port,
        settings.mqtt_keepalive_s,
        clean_start=not lasting,
        properties=properties,
    )
