"""A fleet of ESP32S3-CAM devices that speaks the wire protocol as real firmware does.

The package uses only MQTT and JSON. It imports nothing from the service that it tests, so that the two
sides share the protocol and cannot share a bug.

    options = FleetOptions(devices=5, images=2, loss=0.05)
    report = Fleet(options).run()
    assert report.ok
"""

from simulator.events import DeviceEvent
from simulator.fleet import Fleet
from simulator.network import BrokerUnreachableError
from simulator.options import FleetOptions, OptionError
from simulator.report import FleetReport, ImageReport, Totals

__all__ = [
    "BrokerUnreachableError",
    "DeviceEvent",
    "Fleet",
    "FleetOptions",
    "FleetReport",
    "ImageReport",
    "OptionError",
    "Totals",
]
