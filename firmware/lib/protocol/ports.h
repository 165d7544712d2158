// What a wake needs of the board.
#pragma once

#include <cstddef>
#include <cstdint>

#include "write.h"

namespace fleet {

enum class Topic { kStatus, kData };

// The connection to the broker.
class Line {
 public:
  virtual ~Line() = default;
  // Publishes with QoS 1, not retained. False if it has to be tried again: no connection, or too much unconfirmed.
  virtual bool publish(Topic topic, const char* payload, size_t length) = 0;
};

// What the camera and the sensors gave; with an `error` there is no picture. The bytes are the camera's until released.
struct Frame {
  int error = 0;
  const uint8_t* data = nullptr;
  size_t bytes = 0;
  Sensors sensors;
};

class Camera {
 public:
  virtual ~Camera() = default;
  virtual Frame take() = 0;
  virtual void release() = 0;
};

// Where pictures are kept until their ACK_OK, each with its metadata.
class Store {
 public:
  virtual ~Store() = default;
  // A number that no picture has had.
  virtual uint32_t next_number() = 0;
  // The names of the oldest pictures, at most `most`; returns how many there are, and in `all` how many are kept.
  virtual size_t oldest(Name* names, size_t most, size_t& all) = 0;
  // Keeps both or, returning false, nothing.
  virtual bool keep(const Name& name, const uint8_t* data, size_t bytes, const char* metadata, size_t length) = 0;
  // The length of its metadata, and in `bytes` the size of the picture; 0 if there is none.
  virtual size_t metadata(const Name& name, char* out, size_t size, size_t& bytes) = 0;
  virtual bool read(const Name& name, size_t offset, uint8_t* out, size_t length) = 0;
  virtual void remove(const Name& name) = 0;
  // Takes a picture out of the pending ones without deleting it, since it cannot be sent.
  virtual void set_aside(const Name& name) = 0;
};

}  // namespace fleet
