// The pictures in a folder, with plain files: of an SD card or of the flash on the device, any folder on a computer.
#pragma once

#include <cstdio>

#include "ports.h"

namespace fleet {

// image_7.jpg is there if and only if its metadata, image_7.json, is there too: it gets its name last and loses it first.
class Card : public Store {
 public:
  // `folder` must live as long as the card.
  explicit Card(const char* folder) : folder_(folder) {}
  ~Card() override { close(); }

  uint32_t next_number() override;
  size_t oldest(Name* names, size_t most, size_t& all) override;
  bool keep(const Name& name, const uint8_t* data, size_t bytes, const char* metadata, size_t length) override;
  size_t metadata(const Name& name, char* out, size_t size, size_t& bytes) override;
  bool read(const Name& name, size_t offset, uint8_t* out, size_t length) override;
  void remove(const Name& name) override;
  void set_aside(const Name& name) override;

 private:
  static constexpr size_t kMostPath = 256;
  using Path = char[kMostPath];

  bool path(Path& out, const char* name, const char* instead_of_jpg = nullptr) const;
  uint32_t number_on_file() const;
  void close();

  const char* folder_;
  Name open_name_;
  FILE* open_ = nullptr;
};

}  // namespace fleet
