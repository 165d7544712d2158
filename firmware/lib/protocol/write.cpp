#include "write.h"

#include <mbedtls/base64.h>
#include <mbedtls/md.h>

#include <cstdio>

#include "json.h"

namespace fleet {
namespace {

char base64[kMostChunkBytes / 3 * 4 + 5];

// An object whose every field has to fit: one that does not makes the whole message fail.
class Fields {
 public:
  explicit Fields(const char* device) : object_(cJSON_CreateObject()) { text("device_id", device); }

  void text(const char* key, const char* value) { add(key, cJSON_CreateStringReference(value)); }
  void number(const char* key, double value) { add(key, cJSON_CreateNumber(value)); }
  void add(const char* key, cJSON* value) {
    whole_ = whole_ && value != nullptr && cJSON_AddItemToObject(object_, key, value);
  }
  template <typename Number>
  void known(const char* key, const std::optional<Number>& value) {
    if (value) number(key, static_cast<double>(*value));
  }

  size_t print(char* out, size_t size) const { return whole_ ? Json::print(object_, out, size) : 0; }

 private:
  cJSON* object_;
  bool whole_ = true;
};

}  // namespace

size_t write_hello(char* out, size_t size, const char* device, const Vitals& vitals, const Name* names, size_t listed,
                   size_t kept) {
  Json json;
  Fields fields(device);
  fields.text("status", "Alive");
  fields.number("pendingImg", static_cast<double>(kept));
  cJSON* const list = cJSON_CreateArray();
  for (size_t i = 0; i < listed && i < kMostNames; ++i) {
    if (!cJSON_AddItemToArray(list, cJSON_CreateStringReference(names[i].text()))) return 0;
  }
  fields.add("pending_list", list);
  if (vitals.firmware_version != nullptr) fields.text("firmware_version", vitals.firmware_version);
  fields.known("uptime_ms", vitals.uptime_ms);
  fields.known("boot_count", vitals.boot_count);
  fields.known("battery_mv", vitals.battery_mv);
  fields.known("battery_percent", vitals.battery_percent);
  fields.known("wifi_rssi", vitals.wifi_rssi);
  fields.known("free_heap_bytes", vitals.free_heap_bytes);
  return fields.print(out, size);
}

size_t write_metadata(char* out, size_t size, const char* device, const Picture& picture) {
  Json json;
  Fields fields(device);
  char time[kTimeText];
  if (picture.taken_at >= kClockIsSet) {
    write_time(picture.taken_at, time);
    fields.text("capture_timeStamp", time);
  }
  fields.text("image_name", picture.name.text());
  if (picture.error == 0) {
    fields.number("image_size", static_cast<double>(picture.bytes));
    fields.number("max_chunks_size", static_cast<double>(picture.chunk_bytes));
    fields.number("total_chunk_count", static_cast<double>(chunks_of(picture.bytes, picture.chunk_bytes)));
    if (picture.sha256 != nullptr) fields.text("image_sha256", picture.sha256);
  }
  if (picture.location != nullptr) fields.text("location", picture.location);
  fields.number("error", picture.error);
  fields.known("temperature", picture.sensors.temperature);
  fields.known("humidity", picture.sensors.humidity);
  fields.known("pressure", picture.sensors.pressure);
  fields.known("gas_resistance", picture.sensors.gas_resistance);
  return fields.print(out, size);
}

size_t write_chunk(char* out, size_t size, const char* device, const Name& name, size_t chunk_id, size_t chunk_bytes,
                   const uint8_t* data, size_t length) {
  size_t written = 0;
  if (length == 0 || length > kMostChunkBytes || chunk_id >= kMostChunks) return 0;
  if (mbedtls_base64_encode(reinterpret_cast<unsigned char*>(base64), sizeof base64, &written, data, length) != 0) {
    return 0;
  }
  Json json;
  Fields fields(device);
  fields.text("image_name", name.text());
  fields.number("chunk_id", static_cast<double>(chunk_id));
  fields.number("max_chunk_size", static_cast<double>(chunk_bytes));
  fields.text("payload", base64);
  return fields.print(out, size);
}

bool sha256(const uint8_t* data, size_t length, char (&out)[kSha256Text]) {
  unsigned char digest[32];
  if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, length, digest) != 0) return false;
  for (size_t i = 0; i < sizeof digest; ++i) snprintf(out + 2 * i, 3, "%02x", digest[i]);
  return true;
}

}  // namespace fleet
