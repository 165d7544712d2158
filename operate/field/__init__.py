"""The MQTT traffic of devices in the field: recorded, played again, and compared with the protocol."""
