"""How every process of the service connects to the MQTT broker."""

import hmac
import socket
import ssl
from hashlib import sha256
from typing import Final, TypeVar

from paho.mqtt.client import Client, MQTTMessageInfo, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core import home_assistant
from core.errors import Transient
from core.settings import MqttSettings, SubscriberSettings
from core.wire import TOPIC_ROOT

SESSION_EXPIRY_S: Final = 24 * 3600
MAX_PACKET_BYTES: Final = 8 * 2**20
# Hexadecimal digits: too many to be guessed by trying at the broker.
SECRET_DIGITS: Final = 12
# CONNACK reasons that a retry does not cure. Server unavailable, busy, quota and rate exceeded may pass.
_REFUSALS: Final = frozenset(
    {
        "Unsupported protocol version",
        "Client identifier not valid",
        "Bad user name or password",
        "Not authorized",
        "Banned",
        "Bad authentication method",
    }
)
RIGHTS: Final = (
    f"give this user the right to subscribe and publish below {TOPIC_ROOT}/#, or what MQTT_TOPIC_ROOT is"
    f" (and, with HOME_ASSISTANT_PREFIX, below that prefix and {home_assistant.ROOT}/#)"
)
# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_OTHER_NAME: Final = (62, 64)


Kind = TypeVar("Kind", bound=Client)


def secret_name(settings: MqttSettings, name: str) -> str:
    """Return `name` with an ending that only who has the password can tell; the same each time.

    Whoever connects with the client id of a listener throws it out, and whoever joins its group takes a share
    of what devices send. With another root the name is another: the session of before would bring what was
    sent below the first.
    """
    if settings.mqtt_topic_root != TOPIC_ROOT:
        name += settings.mqtt_topic_root
    return "".join(filter(str.isalnum, name)) + _secret(settings, name)


def topic(settings: MqttSettings, device_id: str, kind: str) -> str:
    """Return the topic of a device at this broker: `{MQTT_TOPIC_ROOT}/{device}/{kind}`.

    Everywhere else its topics are those of `core.wire`, whatever the root: only what goes to the broker or
    comes from there has another.
    """
    return f"{settings.mqtt_topic_root}/{device_id}/{kind}"


def as_known(settings: MqttSettings, at_broker: str) -> str:
    """Return the topic of a message from the broker as the rest of the service knows it."""
    own = settings.mqtt_topic_root
    if own == TOPIC_ROOT:
        return at_broker
    root, slash, rest = at_broker.partition("/")
    if root == own:
        return f"{TOPIC_ROOT}{slash}{rest}"
    # Below the other root it is no device of this fleet.
    return f"other/{at_broker}" if root == TOPIC_ROOT else at_broker


def ping_topic(settings: MqttSettings, client_id: str) -> str:
    """Return the topic on which a process pings itself; it tells nobody the client id."""
    secret = _secret(settings, f"ping {client_id}")
    return topic(settings, f"ping{secret}" if secret else client_id, "ping")


def _secret(settings: MqttSettings, name: str) -> str:
    """Return digits that depend on the password; none without one, as such a broker is open to all anyway."""
    if settings.mqtt_password is None:
        return ""
    password = settings.mqtt_password.get_secret_value().encode()
    return hmac.digest(password, name.encode(), sha256).hex()[:SECRET_DIGITS]


def make_client(
    kind: type[Kind], settings: MqttSettings, client_id: str, *, lasting: bool, manual_ack: bool = False
) -> Kind:
    """Make a client of class `kind`, not yet connected; give `connect` the same `lasting`.

    A lasting session stays at the broker after a disconnect, and the broker keeps messages for it.
    """
    version = MQTTv5 if settings.mqtt_version == "5" else MQTTv311
    client = kind(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=version,
        clean_session=None if version == MQTTv5 else not lasting,
        manual_ack=manual_ack,
    )
    if settings.mqtt_username and settings.mqtt_password:
        client.username_pw_set(settings.mqtt_username, settings.mqtt_password.get_secret_value())
    if settings.mqtt_tls:
        client.tls_set_context(ssl.create_default_context(cafile=settings.mqtt_ca_cert))
    client.reconnect_delay_set(1, 10)
    client.connect_timeout = 10
    return client


def connect(
    client: Client, settings: MqttSettings, *, lasting: bool, receive_maximum: int | None = None
) -> None:
    """Connect to the broker of the settings, blocking; raise OSError if it cannot be reached.

    A lasting MQTT 5 session expires SESSION_EXPIRY_S after a disconnect.
    """
    if client.protocol != MQTTv5:
        client.connect(settings.mqtt_host, settings.mqtt_port, settings.mqtt_keepalive_s)
        return
    properties = Properties(PacketTypes.CONNECT)
    if receive_maximum is not None:
        properties.ReceiveMaximum = receive_maximum
    # Above the limit for a device's message, so that a message over that limit is still reported.
    # MQTT allows 256 MB.
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    if lasting:
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
    client.connect(
        settings.mqtt_host,
        settings.mqtt_port,
        settings.mqtt_keepalive_s,
        clean_start=not lasting,
        properties=properties,
    )


def end_session(settings: MqttSettings, client_id: str) -> None:
    """End a lasting session with all that it holds; raise OSError if the broker cannot be reached."""
    client = make_client(Client, settings, client_id, lasting=False)
    connect(client, settings, lasting=False)
    client.disconnect()


def wait_for_puback(message: MQTTMessageInfo, seconds: float) -> None:
    """Wait until the broker has a message; raise Transient if it does not say so in time."""
    try:
        message.wait_for_publish(seconds)
    except (RuntimeError, ValueError) as error:
        raise Transient(f"not published: {error}") from error
    if not message.is_published():
        raise Transient("the broker does not acknowledge")


def subscriptions(settings: SubscriberSettings, *, reader: str = "") -> list[str]:
    """Return the topic filters of the service.

    `reader` is a suffix that makes another shared group, which receives the same messages.
    """
    group = settings.mqtt_shared_group
    if group:
        group = f"$share/{secret_name(settings, group + reader)}/"
    topics = [topic(settings, "+", kind) for kind in ("status", "data")]
    if settings.home_assistant_prefix:
        topics.append(home_assistant.BUTTONS)
    return [f"{group}{name}" for name in topics]


def refuses(answer: OSError | ValueError | ReasonCode) -> bool:
    """Whether a retry is useless: the broker refuses the settings, or its certificate is not trusted."""
    if isinstance(answer, ReasonCode):
        return answer.getName() in _REFUSALS
    return isinstance(answer, ssl.SSLCertVerificationError)


def remedy(error: OSError | ValueError | ReasonCode) -> str:
    """Say how to cure a connection that failed or that the broker refused."""
    if isinstance(error, ReasonCode):
        return "check MQTT_USERNAME, MQTT_PASSWORD and what the broker lets this user do"
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return "MQTT_HOST must be a name in the broker's certificate"
        return "set MQTT_CA_CERT to the file of the CA that has signed the broker's certificate"
    if isinstance(error, ssl.SSLError):
        return "check MQTT_PORT and MQTT_TLS: TLS is usually on 8883, and 1883 is without"
    if isinstance(error, socket.gaierror):
        return "check MQTT_HOST: there is no such name"
    return "is the broker running, and are MQTT_HOST and MQTT_PORT its address?"
