#pragma once
#include <cstdint>
enum wifi_mode_t { WIFI_STA = 1 };
enum wl_status_t { WL_CONNECTED = 3 };
class WiFiClass {
 public:
  bool mode(wifi_mode_t mode);
  wl_status_t begin(const char* name, const char* password);
  wl_status_t status();
  int8_t RSSI();
  bool disconnect(bool off);
};
extern WiFiClass WiFi;
