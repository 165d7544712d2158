// What a device is told: bytes from the network in, one value out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "clock.h"
#include "name.h"

namespace fleet {

constexpr size_t kMostHeard = 4096;   // bytes of a message from the service
constexpr size_t kMostMissing = 500;  // chunks that the service asks for at once

enum class What {
  kNothing,       // for another device, unknown to this firmware, or unusable
  kAcknowledged,  // ACK_OK for `name`; `wake_at` if there is a schedule
  kMissing,       // the chunks `missing[0 … count)` of `name`
  kCapture,       // take a picture and send it
  kSend,          // send the picture `name`
  kNextWake,      // sleep until `wake_at`
};

struct Heard {
  What what = What::kNothing;
  Name name;
  Time wake_at = 0;  // 0: not told, or not to be understood
  size_t count = 0;
  uint16_t missing[kMostMissing];
};

// Reads one message for `device` into `heard`. Any bytes may come: what is no message of the protocol is kNothing.
void hear(Heard& heard, const char* device, const char* payload, size_t length, Time now);

// Reads back what write_metadata has written of a picture; false if it is none, or not of `bytes` bytes.
bool read_chunk_bytes(const char* metadata, size_t length, size_t bytes, size_t& chunk_bytes);

}  // namespace fleet
