#pragma once
class LittleFSFS {
 public:
  bool begin(bool format_if_it_fails, const char* mount);
};
extern LittleFSFS LittleFS;
