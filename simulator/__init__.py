"""A fleet of ESP32S3-CAM devices that speaks the wire protocol as real firmware does.

The package knows MQTT and JSON only: it imports nothing of the service it exercises, so that what
both sides agree on is the protocol, and not a shared bug.

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
