// cJSON with its memory in one fixed block instead of the heap.
#pragma once

#include <cJSON.h>

#include <cstddef>

namespace fleet {

// While it lives, cJSON takes its memory from the block, and whatever it made is gone with it. One at a time, and in one
// task: nothing else in this firmware uses cJSON.
class Json {
 public:
  Json();
  ~Json();
  Json(const Json&) = delete;
  Json& operator=(const Json&) = delete;

  // The object that the text is; null if it is no JSON object, does not fit, or is nested too deeply for the stack.
  const cJSON* parse(const char* text, size_t length) const;

  // Writes `item` and returns its length; 0 if it does not fit.
  static size_t print(const cJSON* item, char* out, size_t size);
};

}  // namespace fleet
