"""The limit of receiving: paho alone, which receives each message, drops it and sends its PUBACK.

It waits with select and then reads up to 100 packets, which is the fastest way that paho offers.

    python -m benchmarks.raw_paho PORT [--version 5|3.1.1]
"""

import argparse
import select

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

READ_AT_MOST = 100


def main() -> None:
    """Receive until the broker closes the connection."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--version", choices=("5", "3.1.1"), default="5")
    asked = parser.parse_args()
    version5 = asked.version == "5"
    client = Client(CallbackAPIVersion.VERSION2, client_id="raw", protocol=MQTTv5 if version5 else MQTTv311)
    count = 0

    def subscribe(*_: object) -> None:
        client.subscribe("ESP32CAM/+/data", 1)

    def receive(*_: object) -> None:
        nonlocal count
        count += 1

    client.on_connect = subscribe
    client.on_message = receive
    properties = None
    if version5:
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = 1000
    client.connect("127.0.0.1", asked.port, properties=properties)
    sock = client.socket()
    while sock is not None:
        select.select([sock], [], [], 1.0)
        for _ in range(READ_AT_MOST):
            before = count
            if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or count == before:
                break
        while client.want_write():
            client.loop_write()
        client.loop_misc()
        sock = client.socket()


if __name__ == "__main__":
    main()
