"""The station that says of a device what Home Assistant's MQTT discovery wants to know.

A row is what the SQL function `home_assistant_devices` tells of a device. Home Assistant evaluates templates
in `value_template` alone: the names that people give to devices and sites stand in no template.
"""

from typing import Any, Final, NamedTuple

import orjson

from core.home_assistant import PRESS, topics
from core.text import printable

Row = dict[str, Any]

_MEASURED: Final = {"state_class": "measurement", "suggested_display_precision": 1}
_DIAGNOSTIC: Final = {"entity_category": "diagnostic"}
_LEVEL: Final = {"state_class": "measurement", **_DIAGNOSTIC}
_TIME: Final = {"device_class": "timestamp", **_DIAGNOSTIC}


class _Sensor(NamedTuple):
    """A value of the state: its key there, its name, the row's field, and how Home Assistant shows it."""

    key: str
    name: str
    field: str
    traits: Row


_SENSORS: Final = (
    _Sensor("temperature", "Temperature", "temperature_c",
            {"device_class": "temperature", "unit_of_measurement": "°C", **_MEASURED}),
    _Sensor("humidity", "Humidity", "humidity_pct",
            {"device_class": "humidity", "unit_of_measurement": "%", **_MEASURED}),
    _Sensor("pressure", "Pressure", "pressure_hpa",
            {"device_class": "atmospheric_pressure", "unit_of_measurement": "hPa", **_MEASURED}),
    _Sensor("gas", "Gas resistance", "gas_kohm",
            {"icon": "mdi:air-filter", "unit_of_measurement": "kΩ", **_MEASURED}),
    _Sensor("battery", "Battery", "battery_percent",
            {"device_class": "battery", "unit_of_measurement": "%", **_LEVEL}),
    _Sensor("battery_voltage", "Battery voltage", "battery_mv",
            {"device_class": "voltage", "unit_of_measurement": "mV", **_LEVEL}),
    _Sensor("rssi", "RSSI", "wifi_rssi_dbm",
            {"device_class": "signal_strength", "unit_of_measurement": "dBm", **_LEVEL}),
    _Sensor("pending", "Pending pictures", "pending_count",
            {"icon": "mdi:image-multiple", **_LEVEL}),
    _Sensor("last_seen", "Last seen", "last_seen_at", _TIME),
    _Sensor("next_wake", "Next wake", "next_wake_at", _TIME),
    _Sensor("picture_taken", "Picture taken", "picture_taken_at", _TIME),
)  # fmt: skip


def config(prefix: str, row: Row) -> bytes:
    """Return the device with all its entities, as JSON.

    Nothing expires and nothing becomes unavailable: a device that sleeps keeps its last values. The ids hold
    the company, so that a device which is handed over begins anew.
    """
    device_id, company_id = row["device_id"], row["company_id"]
    own, its = f"fleet-{device_id}-{company_id}", topics(prefix, company_id, device_id)
    entities: Row = {
        sensor.key: {
            "platform": "sensor",
            "name": sensor.name,
            "state_topic": its.state,
            "value_template": f"{{{{ value_json.{sensor.key} }}}}",
            **sensor.traits,
        }
        for sensor in _SENSORS
    }
    entities["picture"] = {
        "platform": "image", "name": "Picture", "image_topic": its.picture, "content_type": "image/jpeg",
    }  # fmt: skip
    entities["capture"] = {
        "platform": "button", "name": "Take a picture", "command_topic": its.button, "payload_press": PRESS,
        "icon": "mdi:camera",
    }  # fmt: skip
    for key, entity in entities.items():
        entity |= {"unique_id": f"{own}-{key}", "qos": 1}
    device = {
        "identifiers": [own],
        "name": _shown(row["name"]) or device_id,
        "manufacturer": "Espressif",
        "model": "ESP32S3-CAM",
        "serial_number": device_id,
        "sw_version": _shown(row["firmware_version"]),
        "suggested_area": _shown(row["site"]),
    }
    return orjson.dumps(
        {
            "device": {name: value for name, value in device.items() if value},
            "origin": {"name": "fleet"},
            "components": entities,
        }
    )


def state(row: Row) -> bytes:
    """Return the values of the device, as JSON; null for one that is not known."""
    taken = {"picture_taken_at": row["picture"] and row["picture"]["captured_at"]}
    return orjson.dumps({sensor.key: (row | taken)[sensor.field] for sensor in _SENSORS})


def _shown(text: str | None) -> str:
    return printable((text or "").strip())
