#include "card.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace fleet {
namespace {

constexpr char kJpg[] = ".jpg";
// The last number that was given, so that none is given twice though all pictures are gone.
constexpr char kNumber[] = "number";
constexpr char kNew[] = "new.tmp";

// The number of `image_7.jpg`; 0 if it is not a name of ours.
uint32_t number_of(const char* name) {
  unsigned number = 0;
  int end = 0;
  if (sscanf(name, "image_%9u.jpg%n", &number, &end) != 1 || end == 0 || name[end] != '\0') return 0;
  return number;
}

bool write_file(const char* path, const void* data, size_t size) {
  FILE* const file = fopen(path, "wb");
  if (file == nullptr) return false;
  bool whole = fwrite(data, 1, size, file) == size && fflush(file) == 0 && fsync(fileno(file)) == 0;
  whole = fclose(file) == 0 && whole;
  if (!whole) unlink(path);
  return whole;
}

// Calls `seen` with the number of each picture in the folder.
template <typename Seen>
void each_picture(const char* folder, Seen seen) {
  DIR* const directory = opendir(folder);
  if (directory == nullptr) return;
  while (const dirent* const entry = readdir(directory)) {
    if (const uint32_t number = number_of(entry->d_name)) seen(number);
  }
  closedir(directory);
}

}  // namespace

uint32_t Card::next_number() {
  uint32_t last = number_on_file();
  each_picture(folder_, [&](uint32_t number) { last = number > last ? number : last; });
  const uint32_t next = last + 1;
  char text[12];
  const int length = snprintf(text, sizeof text, "%u", static_cast<unsigned>(next));
  Path file;
  if (path(file, kNumber)) write_file(file, text, static_cast<size_t>(length));
  return next;
}

size_t Card::oldest(Name* names, size_t most, size_t& all) {
  uint32_t numbers[kMostNames];
  size_t count = 0;
  all = 0;
  most = most < kMostNames ? most : kMostNames;
  each_picture(folder_, [&](uint32_t number) {
    ++all;
    size_t place = count;
    while (place > 0 && numbers[place - 1] > number) --place;
    if (place == most) return;
    if (count < most) ++count;
    memmove(numbers + place + 1, numbers + place, (count - place - 1) * sizeof *numbers);
    numbers[place] = number;
  });
  for (size_t i = 0; i < count; ++i) {
    char text[24];
    snprintf(text, sizeof text, "image_%u.jpg", static_cast<unsigned>(numbers[i]));
    names[i].set(text);
  }
  return count;
}

bool Card::keep(const Name& name, const uint8_t* data, size_t bytes, const char* metadata, size_t length) {
  Path picture, beside, fresh;
  if (!path(picture, name.text()) || !path(beside, name.text(), ".json") || !path(fresh, kNew)) return false;
  if (!write_file(fresh, data, bytes)) return false;
  if (write_file(beside, metadata, length) && rename(fresh, picture) == 0) return true;
  unlink(fresh);
  unlink(beside);
  return false;
}

size_t Card::metadata(const Name& name, char* out, size_t size, size_t& bytes) {
  Path picture, beside;
  struct stat status;
  if (!path(picture, name.text()) || !path(beside, name.text(), ".json")) return 0;
  if (stat(picture, &status) != 0) return 0;
  bytes = static_cast<size_t>(status.st_size);
  FILE* const file = fopen(beside, "rb");
  if (file == nullptr) return 0;
  const size_t length = fread(out, 1, size, file);
  fclose(file);
  return length;
}

bool Card::read(const Name& name, size_t offset, uint8_t* out, size_t length) {
  if (open_ == nullptr || !(open_name_ == name)) {
    close();
    Path picture;
    if (!path(picture, name.text())) return false;
    open_ = fopen(picture, "rb");
    open_name_ = name;
  }
  return open_ != nullptr && fseek(open_, static_cast<long>(offset), SEEK_SET) == 0 &&
         fread(out, 1, length, open_) == length;
}

void Card::remove(const Name& name) {
  Path picture, beside;
  if (!path(picture, name.text()) || !path(beside, name.text(), ".json")) return;
  close();
  if (unlink(picture) == 0) unlink(beside);
}

void Card::set_aside(const Name& name) {
  Path picture, aside;
  if (!path(picture, name.text()) || !path(aside, name.text(), ".bad")) return;
  close();
  ::rename(picture, aside);
}

// The path of `name`; of its sibling with another ending, if one is given. False if it is too long.
bool Card::path(Path& out, const char* name, const char* instead_of_jpg) const {
  const size_t length = strlen(name), stem = length - (instead_of_jpg != nullptr ? sizeof kJpg - 1 : 0);
  if (instead_of_jpg != nullptr && (length < sizeof kJpg || strcmp(name + stem, kJpg) != 0)) return false;
  const int written = snprintf(out, sizeof out, "%s/%.*s%s", folder_, static_cast<int>(stem), name,
                               instead_of_jpg != nullptr ? instead_of_jpg : "");
  return written > 0 && static_cast<size_t>(written) < sizeof out;
}

uint32_t Card::number_on_file() const {
  Path file;
  if (!path(file, kNumber)) return 0;
  FILE* const number = fopen(file, "rb");
  if (number == nullptr) return 0;
  unsigned last = 0;
  if (fscanf(number, "%9u", &last) != 1) last = 0;
  fclose(number);
  return last;
}

void Card::close() {
  if (open_ != nullptr) fclose(open_);
  open_ = nullptr;
}

}  // namespace fleet
