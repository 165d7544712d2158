// Copy to settings.h, which is not committed, and fill in.
#pragma once

#define WIFI_NAME "network"
#define WIFI_PASSWORD "password"

// The device's own login at the broker; its user name is the device, as broker/rights wants it.
#define MQTT_URI "mqtts://broker.example:8883"
#define MQTT_PASSWORD "password"
// The CA that has signed the broker's certificate. Without it there is no connection.
#define MQTT_CA                    \
  "-----BEGIN CERTIFICATE-----\n" \
  "...\n"                         \
  "-----END CERTIFICATE-----\n"

// The time zone that the service has for this device, in the form of POSIX: here that of Berlin.
#define TIME_ZONE "CET-1CEST,M3.5.0,M10.5.0/3"
#define TIME_SERVER "pool.ntp.org"
#define LOCATION "office_404"
