// Of esp-mqtt, as in ESP-IDF 4.4.
#pragma once
#include <cstdint>
#include "Arduino.h"
typedef const char* esp_event_base_t;
enum esp_mqtt_event_id_t {
  MQTT_EVENT_ANY = -1,
  MQTT_EVENT_ERROR = 0,
  MQTT_EVENT_CONNECTED,
  MQTT_EVENT_DISCONNECTED,
  MQTT_EVENT_SUBSCRIBED,
  MQTT_EVENT_UNSUBSCRIBED,
  MQTT_EVENT_PUBLISHED,
  MQTT_EVENT_DATA,
};
struct esp_mqtt_event_t {
  char* data;
  int data_len;
  int total_data_len;
};
struct esp_mqtt_client_config_t {
  const char* uri;
  const char* client_id;
  const char* username;
  const char* password;
  int keepalive;
  int buffer_size;
  const char* cert_pem;
};
typedef struct esp_mqtt_client* esp_mqtt_client_handle_t;
typedef void (*esp_event_handler_t)(void* self, esp_event_base_t base, int32_t id, void* data);
esp_mqtt_client_handle_t esp_mqtt_client_init(const esp_mqtt_client_config_t* config);
esp_err_t esp_mqtt_client_register_event(esp_mqtt_client_handle_t client, esp_mqtt_event_id_t id,
                                         esp_event_handler_t handler, void* self);
esp_err_t esp_mqtt_client_start(esp_mqtt_client_handle_t client);
esp_err_t esp_mqtt_client_stop(esp_mqtt_client_handle_t client);
int esp_mqtt_client_subscribe(esp_mqtt_client_handle_t client, const char* topic, int qos);
int esp_mqtt_client_publish(esp_mqtt_client_handle_t client, const char* topic, const char* data, int length, int qos,
                            int retain);
