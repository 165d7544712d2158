// The board's part of a wake: Wi-Fi, time, MQTT over TLS, card, camera, deep sleep. What is said and when stands in
// lib/protocol.

#include <Arduino.h>
#include <LittleFS.h>
#include <SD_MMC.h>
#include <WiFi.h>
#include <esp_camera.h>
#include <esp_sleep.h>
#include <esp_sntp.h>
#include <freertos/FreeRTOS.h>
#include <freertos/message_buffer.h>
#include <mqtt_client.h>

#include <atomic>

#include "board.h"
#include "card.h"
#include "settings.h"
#include "wake.h"

namespace {

constexpr uint32_t kNetworkMs = 15'000, kTimeMs = 5'000, kSettleMs = 2'000;
constexpr int kWindow = 8;  // unconfirmed messages

RTC_DATA_ATTR uint32_t boots = 0;
char device[13];

fleet::Now now() { return {static_cast<uint32_t>(millis()), static_cast<fleet::Time>(time(nullptr))}; }

// Waits for `done`, at most so long.
template <typename Done>
bool wait_for(uint32_t most_ms, Done done) {
  for (const uint32_t began = millis(); !done();) {
    if (millis() - began >= most_ms) return false;
    delay(10);
  }
  return true;
}

class Ov2640 : public fleet::Camera {
 public:
  fleet::Frame take() override {
    fleet::Frame frame;
    camera_config_t config = camera_pins();
    config.xclk_freq_hz = 20'000'000;
    config.pixel_format = PIXFORMAT_JPEG;
    config.frame_size = FRAMESIZE_UXGA;
    config.jpeg_quality = 12;
    config.fb_count = 1;
    config.fb_location = CAMERA_FB_IN_PSRAM;
    config.grab_mode = CAMERA_GRAB_WHEN_EMPTY;
    if (esp_camera_init(&config) != ESP_OK) {
      frame.error = 1;
      return frame;
    }
    // The first picture after the start is exposed for another light.
    if (camera_fb_t* const first = esp_camera_fb_get()) esp_camera_fb_return(first);
    picture_ = esp_camera_fb_get();
    if (picture_ == nullptr) {
      frame.error = 2;
    } else {
      frame.data = picture_->buf;
      frame.bytes = picture_->len;
    }
    return frame;
  }

  void release() override {
    if (picture_ != nullptr) esp_camera_fb_return(picture_);
    picture_ = nullptr;
    esp_camera_deinit();
  }

 private:
  camera_fb_t* picture_ = nullptr;
};

// esp-mqtt has a task of its own: what it hears goes through a buffer to the task of the wake.
class Connection : public fleet::Line {
 public:
  void begin() {
    for (size_t i = 0; i < 4; ++i) {
      static constexpr const char* kKinds[] = {"status", "data", "ack", "cmd"};
      snprintf(topics_[i], sizeof topics_[i], "ESP32CAM/%s/%s", device, kKinds[i]);
    }
    heard_ = xMessageBufferCreate(4 * fleet::kMostHeard);
    esp_mqtt_client_config_t config = {};
    config.uri = MQTT_URI;
    config.client_id = device;
    config.username = device;
    config.password = MQTT_PASSWORD;
    config.cert_pem = MQTT_CA;
    config.keepalive = 30;
    config.buffer_size = fleet::kMostMessage;
    client_ = esp_mqtt_client_init(&config);
    esp_mqtt_client_register_event(client_, MQTT_EVENT_ANY, on_event, this);
    esp_mqtt_client_start(client_);
  }

  void end() {
    wait_for(kSettleMs, [&] { return unconfirmed_ == 0; });
    esp_mqtt_client_stop(client_);
  }

  bool ready() const { return subscribed_ == 2; }

  // Passes on what was heard.
  void deliver(fleet::Wake& wake) {
    static char message[fleet::kMostHeard];
    while (const size_t length = xMessageBufferReceive(heard_, message, sizeof message, 0)) {
      wake.hear(message, length, now());
    }
  }

  bool publish(fleet::Topic topic, const char* payload, size_t length) override {
    if (!ready() || unconfirmed_ >= kWindow) return false;
    const char* const name = topics_[topic == fleet::Topic::kData ? 1 : 0];
    ++unconfirmed_;
    if (esp_mqtt_client_publish(client_, name, payload, static_cast<int>(length), 1, 0) >= 0) return true;
    --unconfirmed_;
    return false;
  }

 private:
  static void on_event(void* self, esp_event_base_t, int32_t id, void* data) {
    static_cast<Connection*>(self)->handle(id, *static_cast<esp_mqtt_event_t*>(data));
  }

  void handle(int32_t id, const esp_mqtt_event_t& event) {
    switch (id) {
      case MQTT_EVENT_CONNECTED:
        esp_mqtt_client_subscribe(client_, topics_[2], 1);
        esp_mqtt_client_subscribe(client_, topics_[3], 1);
        break;
      case MQTT_EVENT_SUBSCRIBED:
        ++subscribed_;
        break;
      case MQTT_EVENT_DISCONNECTED:
        subscribed_ = 0;
        unconfirmed_ = 0;
        break;
      case MQTT_EVENT_PUBLISHED:
        if (unconfirmed_ > 0) --unconfirmed_;
        break;
      case MQTT_EVENT_DATA:
        // A message that comes in pieces is larger than any of the protocol.
        if (event.data_len == event.total_data_len && event.data_len <= static_cast<int>(fleet::kMostHeard)) {
          xMessageBufferSend(heard_, event.data, static_cast<size_t>(event.data_len), 0);
        }
        break;
      default:
        break;
    }
  }

  char topics_[4][32];
  MessageBufferHandle_t heard_ = nullptr;
  esp_mqtt_client_handle_t client_ = nullptr;
  std::atomic<int> subscribed_{0}, unconfirmed_{0};
};

bool join_network() {
  WiFi.mode(WIFI_STA);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  if (!wait_for(kNetworkMs, [] { return WiFi.status() == WL_CONNECTED; })) return false;
  configTzTime(TIME_ZONE, TIME_SERVER);
  wait_for(kTimeMs, [] { return sntp_get_sync_status() == SNTP_SYNC_STATUS_COMPLETED; });
  return true;
}

const char* mount_card() {
  if (SD_MMC.setPins(kCardClock, kCardCommand, kCardData) && SD_MMC.begin("/sdcard", true)) return "/sdcard";
  LittleFS.begin(true, "/littlefs");
  return "/littlefs";
}

fleet::Vitals vitals() {
  fleet::Vitals vitals;
  vitals.firmware_version = "reference-1";
  vitals.uptime_ms = millis();
  vitals.boot_count = boots;
  vitals.wifi_rssi = WiFi.RSSI();
  vitals.free_heap_bytes = ESP.getFreeHeap();
  return vitals;
}

}  // namespace

void setup() {
  ++boots;
  setenv("TZ", TIME_ZONE, 1);
  tzset();
  uint8_t mac[6];
  esp_read_mac(mac, ESP_MAC_WIFI_STA);
  snprintf(device, sizeof device, "%02X%02X%02X%02X%02X%02X", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);

  static fleet::Options options;
  options.device = device;
  options.location = LOCATION;
  static fleet::Card card(mount_card());
  static Ov2640 camera;
  static Connection connection;
  const bool online = join_network();
  static fleet::Wake wake(options, connection, card, camera, now());
  if (online) connection.begin();
  if (online && wait_for(kNetworkMs, [] { return connection.ready(); })) {
    while (wake.step(now(), vitals()) != fleet::State::kOver) {
      connection.deliver(wake);
      delay(1);
    }
  } else {
    wake.alone(now());
  }
  if (online) connection.end();
  WiFi.disconnect(true);
  esp_sleep_enable_timer_wakeup(uint64_t{1'000'000} * wake.sleep_s(now().utc));
  esp_deep_sleep_start();
}

void loop() {}
