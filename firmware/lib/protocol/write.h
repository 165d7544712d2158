// What a device says: each function writes one JSON message and returns its length, or 0 if it does not fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "clock.h"
#include "name.h"

namespace fleet {

constexpr size_t kMostNames = 10;           // of a pending_list
constexpr size_t kMostChunks = 16384;       // of a picture
constexpr size_t kMostChunkBytes = 4096;    // of a chunk, before base64
constexpr size_t kMostMessage = kMostChunkBytes / 3 * 4 + 1024;

// What a hello tells of the device; what is not known is left out.
struct Vitals {
  const char* firmware_version = nullptr;
  std::optional<uint32_t> uptime_ms, boot_count, battery_mv, battery_percent, free_heap_bytes;
  std::optional<int> wifi_rssi;
};

// °C, per cent, hPa, ohms; what was not measured is left out.
struct Sensors {
  std::optional<double> temperature, humidity, pressure, gas_resistance;
};

// A picture, or with an `error` the report that there is none. `taken_at` is 0 if the clock was not set.
struct Picture {
  Name name;
  Time taken_at = 0;
  size_t bytes = 0;
  size_t chunk_bytes = 0;
  const char* sha256 = nullptr;
  const char* location = nullptr;
  int error = 0;
  Sensors sensors;
};

constexpr size_t chunks_of(size_t bytes, size_t chunk_bytes) { return (bytes + chunk_bytes - 1) / chunk_bytes; }

size_t write_hello(char* out, size_t size, const char* device, const Vitals& vitals, const Name* names, size_t listed,
                   size_t kept);
size_t write_metadata(char* out, size_t size, const char* device, const Picture& picture);
size_t write_chunk(char* out, size_t size, const char* device, const Name& name, size_t chunk_id, size_t chunk_bytes,
                   const uint8_t* data, size_t length);

constexpr size_t kSha256Text = 65;
// The SHA-256 in hexadecimal; false if it could not be made.
bool sha256(const uint8_t* data, size_t length, char (&out)[kSha256Text]);

}  // namespace fleet
