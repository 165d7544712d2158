// The name of a picture: 1 to 128 printable ASCII characters without slash and backslash, and no dot in front, so that
// a name from the network can be part of a path.
#pragma once

#include <cstddef>
#include <cstring>

namespace fleet {

class Name {
 public:
  static constexpr size_t kMost = 128;

  // Takes the text if it is a name; leaves the name empty, and returns false, if it is not.
  bool set(const char* text) {
    text_[0] = '\0';
    if (text == nullptr || text[0] == '.') return false;
    const size_t length = strnlen(text, kMost + 1);
    if (length == 0 || length > kMost) return false;
    for (size_t i = 0; i < length; ++i) {
      if (text[i] < ' ' || text[i] > '~' || text[i] == '/' || text[i] == '\\') return false;
    }
    memcpy(text_, text, length + 1);
    return true;
  }

  const char* text() const { return text_; }
  bool operator==(const Name& other) const { return strcmp(text_, other.text_) == 0; }

 private:
  char text_[kMost + 1] = "";
};

}  // namespace fleet
