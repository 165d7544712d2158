#include "hear.h"

#include "json.h"
#include "write.h"

namespace fleet {
namespace {

const cJSON* field(const cJSON* object, const char* key) { return cJSON_GetObjectItemCaseSensitive(object, key); }

// Its text; an empty one if it is missing or no text.
const char* text(const cJSON* item) {
  const char* const value = cJSON_GetStringValue(item);
  return value != nullptr ? value : "";
}

// Whether it is a whole number from 0 to below `limit`.
bool read_count(const cJSON* item, size_t limit, size_t& out) {
  if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < static_cast<double>(limit))) return false;
  out = static_cast<size_t>(item->valuedouble);
  return static_cast<double>(out) == item->valuedouble;
}

void read_missing(Heard& heard, const cJSON* list) {
  const cJSON* item = nullptr;
  cJSON_ArrayForEach(item, list) {
    size_t id = 0;
    if (!read_count(item, kMostChunks, id)) return;
    if (heard.count < kMostMissing) heard.missing[heard.count++] = static_cast<uint16_t>(id);
  }
  if (heard.count > 0) heard.what = What::kMissing;
}

}  // namespace

void hear(Heard& heard, const char* device, const char* payload, size_t length, Time now) {
  heard.what = What::kNothing;
  heard.wake_at = 0;
  heard.count = 0;
  if (length > kMostHeard) return;
  Json json;
  const cJSON* const message = json.parse(payload, length);
  if (message == nullptr || strcmp(text(field(message, "device_id")), device) != 0) return;

  const bool named = heard.name.set(text(field(message, "image_name")));
  if (const cJSON* const ack = field(message, "ACK_OK")) {
    if (!named || !cJSON_IsObject(ack)) return;
    heard.what = What::kAcknowledged;
    heard.wake_at = read_time(text(field(ack, "next_wake_time")), now);
  } else if (const cJSON* const missing = field(message, "missing_chunks")) {
    if (named && cJSON_IsArray(missing)) read_missing(heard, missing);
  } else if (cJSON_IsTrue(field(message, "capture_image"))) {
    heard.what = What::kCapture;
  } else if (heard.name.set(text(field(message, "send_image")))) {
    heard.what = What::kSend;
  } else {
    heard.wake_at = read_time(text(field(message, "next_wake")), now);
    if (heard.wake_at != 0) heard.what = What::kNextWake;
  }
}

bool read_chunk_bytes(const char* metadata, size_t length, size_t bytes, size_t& chunk_bytes) {
  Json json;
  const cJSON* const message = json.parse(metadata, length);
  size_t told = 0, chunks = 0;
  return message != nullptr && read_count(field(message, "image_size"), SIZE_MAX / 2, told) && told == bytes &&
         read_count(field(message, "max_chunks_size"), kMostChunkBytes + 1, chunk_bytes) && chunk_bytes > 0 &&
         read_count(field(message, "total_chunk_count"), kMostChunks + 1, chunks) && chunks > 0 &&
         chunks == chunks_of(bytes, chunk_bytes);
}

}  // namespace fleet
