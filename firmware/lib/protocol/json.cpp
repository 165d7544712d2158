#include "json.h"

#include <cstdint>
#include <cstring>

namespace fleet {
namespace {

// Room for a request of 500 chunks, each a node of its own, and for the texts of the longest message.
constexpr size_t kBlock = 520 * sizeof(cJSON) + 8 * 1024;
// The parser calls itself for each level. No message of the service has more than four objects and arrays.
constexpr size_t kBrackets = 64;
// cJSON wants these bytes more than the text has.
constexpr size_t kSpare = 5;

alignas(8) uint8_t block[kBlock];
size_t used = 0;

void* take(size_t size) {
  size = (size + 7) & ~size_t{7};
  if (size > kBlock - used) return nullptr;
  void* const memory = block + used;
  used += size;
  return memory;
}

void give_back(void*) {}  // the whole block is free when its document ends

}  // namespace

Json::Json() {
  used = 0;
  cJSON_Hooks hooks{take, give_back};
  cJSON_InitHooks(&hooks);
}

Json::~Json() { cJSON_InitHooks(nullptr); }

const cJSON* Json::parse(const char* text, size_t length) const {
  size_t brackets = 0;
  for (size_t i = 0; i < length; ++i) brackets += text[i] == '{' || text[i] == '[';
  if (length == 0 || brackets > kBrackets) return nullptr;
  const char* end = nullptr;
  const cJSON* const root = cJSON_ParseWithLengthOpts(text, length, &end, 0);
  if (!cJSON_IsObject(root)) return nullptr;
  for (; end < text + length; ++end) {
    if (strchr(" \t\r\n", *end) == nullptr || *end == '\0') return nullptr;
  }
  return root;
}

size_t Json::print(const cJSON* item, char* out, size_t size) {
  if (item == nullptr || size <= kSpare) return 0;
  if (!cJSON_PrintPreallocated(const_cast<cJSON*>(item), out, static_cast<int>(size - kSpare), 0)) return 0;
  return strlen(out);
}

}  // namespace fleet
