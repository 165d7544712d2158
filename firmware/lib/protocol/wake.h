// One wake of a device as a state machine without I/O of its own:
//
//     hello ──▶ asking ──▶ sending ◀──▶ waiting ──▶ lingering ──▶ over
//                  └───── next_wake, or no answer ─────────────────▶
//
// `step` does one thing and returns at once; `hear` takes what comes from the service. All memory is in the object.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "hear.h"
#include "ports.h"
#include "write.h"

namespace fleet {

struct Options {
  const char* device = "";
  const char* location = nullptr;
  size_t chunk_bytes = 1024;
  uint32_t answer_ms = 10'000;     // to wait for the answer to a hello, which is said three times
  uint32_t patience_ms = 30'000;   // to wait for ACK_OK or missing_chunks
  uint32_t linger_ms = 2'000;      // to wait after an ACK_OK for one more command
  uint32_t longest_ms = 600'000;   // a wake, whatever happens
  uint32_t default_sleep_s = 3'600;
  uint32_t longest_sleep_s = 31 * 86'400;
};

// Milliseconds since the start, which may wrap, and the time of the day.
struct Now {
  uint32_t ms;
  Time utc;
};

enum class State { kHello, kAsking, kSending, kWaiting, kLingering, kOver };

class Wake {
 public:
  Wake(const Options& options, Line& line, Store& store, Camera& camera, Now now);

  // Does the next thing there is to do, and returns the state after it.
  State step(Now now, const Vitals& vitals);
  // Takes one message of the topics ack and cmd.
  void hear(const char* payload, size_t length, Now now);
  // Without network: takes the picture, keeps it for a later wake, and ends.
  void alone(Now now);
  // How long to sleep when the wake is over.
  uint32_t sleep_s(Time utc) const;

  State state() const { return state_; }
  unsigned acknowledged() const { return acknowledged_; }

 private:
  struct Task {
    bool capture = false;
    Name name;
  };
  // The picture that is being sent, or the report that there is none, which has no chunks.
  struct Offer {
    bool open = false;
    bool capture = false;
    Name name;
    size_t bytes = 0, chunk_bytes = 0, chunks = 0;
    size_t metadata_length = 0;  // of what is in `out_`, while it is not sent
  };

  void enter(State state, Now now);
  bool passed(uint32_t since, uint32_t limit, Now now) const { return now.ms - since >= limit; }
  void say_hello(Now now, const Vitals& vitals);
  void send(Now now);
  bool send_chunk(size_t chunk_id);
  void end_offer(Now now);
  void next_task(Now now);
  bool offer(const Name& name);
  bool capture(Now now);
  void report(Picture picture, int error);
  bool expects(bool capture, const Name& name) const;
  void queue(bool capture, const Name& name, Now now);
  void ask_again(Now now);

  static constexpr size_t kMostTasks = 12;
  static constexpr unsigned kHellos = 3;

  const Options options_;
  Line& line_;
  Store& store_;
  Camera& camera_;
  State state_ = State::kHello;
  uint32_t began_, since_;
  unsigned hellos_ = 0, acknowledged_ = 0;
  Time wake_at_ = 0;
  bool commanded_ = false;
  Task tasks_[kMostTasks];
  size_t task_count_ = 0;
  Offer offer_;
  std::bitset<kMostChunks> wanted_;
  size_t cursor_ = 0;
  Heard heard_;
  char out_[kMostMessage];
  uint8_t chunk_[kMostChunkBytes];
};

}  // namespace fleet
