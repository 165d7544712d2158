// Declarations of what firmware/src uses of Arduino core 2.0.17, so that a compiler without ESP-IDF reads it.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#define RTC_DATA_ATTR
unsigned long millis();
void delay(uint32_t ms);
void configTzTime(const char* zone, const char* server1, const char* server2 = nullptr, const char* server3 = nullptr);
class EspClass {
 public:
  uint32_t getFreeHeap();
};
extern EspClass ESP;
typedef int esp_err_t;
#define ESP_OK 0
enum esp_mac_type_t { ESP_MAC_WIFI_STA };
esp_err_t esp_read_mac(uint8_t* mac, esp_mac_type_t type);
