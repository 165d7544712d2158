#include "wake.h"

#include <cstdio>

namespace fleet {
namespace {

// Numbers of the protocol's `error`: no picture, and one of this firmware's own, a picture that could not be kept.
constexpr int kNoPicture = 2;
constexpr int kNotKept = 10;

}  // namespace

Wake::Wake(const Options& options, Line& line, Store& store, Camera& camera, Now now)
    : options_(options), line_(line), store_(store), camera_(camera), began_(now.ms), since_(now.ms) {}

State Wake::step(Now now, const Vitals& vitals) {
  if (state_ != State::kOver && passed(began_, options_.longest_ms, now)) enter(State::kOver, now);
  switch (state_) {
    case State::kHello:
      say_hello(now, vitals);
      break;
    case State::kAsking:
      if (!passed(since_, options_.answer_ms, now)) break;
      if (hellos_ < kHellos) {
        enter(State::kHello, now);
      } else {
        alone(now);
      }
      break;
    case State::kSending:
      send(now);
      break;
    case State::kWaiting:
      if (passed(since_, options_.patience_ms, now)) enter(State::kOver, now);
      break;
    case State::kLingering:
      if (passed(since_, options_.linger_ms, now)) enter(State::kOver, now);
      break;
    case State::kOver:
      break;
  }
  return state_;
}

void Wake::hear(const char* payload, size_t length, Now now) {
  // What comes before the first hello is left over from the wake before.
  if (state_ == State::kOver || hellos_ == 0) return;
  fleet::hear(heard_, options_.device, payload, length, now.utc);
  switch (heard_.what) {
    case What::kNothing:
      break;
    case What::kAcknowledged:
      // A command has the date, an ACK_OK only the time of day: whichever comes first, the command counts.
      if (heard_.wake_at != 0 && !commanded_) wake_at_ = heard_.wake_at;
      store_.remove(heard_.name);
      if (offer_.open && offer_.name == heard_.name) end_offer(now);
      break;
    case What::kMissing:
      if (offer_.open && offer_.name == heard_.name) ask_again(now);
      break;
    case What::kCapture:
      queue(true, Name(), now);
      break;
    case What::kSend:
      queue(false, heard_.name, now);
      break;
    case What::kNextWake:
      wake_at_ = heard_.wake_at;
      commanded_ = true;
      if (state_ != State::kSending && state_ != State::kWaiting) enter(State::kOver, now);
      break;
  }
}

void Wake::alone(Now now) {
  capture(now);
  enter(State::kOver, now);
}

uint32_t Wake::sleep_s(Time utc) const {
  if (utc < kClockIsSet || wake_at_ <= utc) return options_.default_sleep_s;
  const Time wait = wake_at_ - utc;
  return wait < options_.longest_sleep_s ? static_cast<uint32_t>(wait) : options_.longest_sleep_s;
}

void Wake::enter(State state, Now now) {
  state_ = state;
  since_ = now.ms;
}

void Wake::say_hello(Now now, const Vitals& vitals) {
  Name names[kMostNames];
  size_t kept = 0;
  const size_t listed = store_.oldest(names, kMostNames, kept);
  const size_t length = write_hello(out_, sizeof out_, options_.device, vitals, names, listed, kept);
  if (length == 0 || !line_.publish(Topic::kStatus, out_, length)) return;
  ++hellos_;
  enter(State::kAsking, now);
}

// Sends the metadata, and then the next chunk that is wanted: those that are asked for again are wanted again.
void Wake::send(Now now) {
  if (offer_.metadata_length > 0) {
    if (line_.publish(Topic::kData, out_, offer_.metadata_length)) offer_.metadata_length = 0;
    return;
  }
  while (cursor_ < offer_.chunks && !wanted_[cursor_]) ++cursor_;
  if (cursor_ < offer_.chunks) {
    if (send_chunk(cursor_)) wanted_.reset(cursor_);
    return;
  }
  enter(State::kWaiting, now);
}

bool Wake::send_chunk(size_t chunk_id) {
  const size_t offset = chunk_id * offer_.chunk_bytes;
  const size_t rest = offer_.bytes - offset;
  const size_t length = rest < offer_.chunk_bytes ? rest : offer_.chunk_bytes;
  // What the card does not give now may come when it is asked for again.
  if (!store_.read(offer_.name, offset, chunk_, length)) return true;
  const size_t written = write_chunk(out_, sizeof out_, options_.device, offer_.name, chunk_id, offer_.chunk_bytes,
                                     chunk_, length);
  return written == 0 || line_.publish(Topic::kData, out_, written);
}

void Wake::ask_again(Now now) {
  for (size_t i = 0; i < heard_.count; ++i) {
    wanted_.set(heard_.missing[i]);
  }
  cursor_ = 0;
  enter(State::kSending, now);
}

void Wake::end_offer(Now now) {
  ++acknowledged_;
  offer_.open = false;
  next_task(now);
}

void Wake::next_task(Now now) {
  while (task_count_ > 0) {
    const Task task = tasks_[0];
    --task_count_;
    for (size_t i = 0; i < task_count_; ++i) tasks_[i] = tasks_[i + 1];
    if (task.capture ? capture(now) : offer(task.name)) {
      offer_.capture = task.capture;
      enter(State::kSending, now);
      return;
    }
  }
  // Asked for a picture that it does not have, a device that waits goes on waiting.
  if (state_ == State::kSending || state_ == State::kWaiting) enter(State::kLingering, now);
}

// Begins to send a picture that is kept; false if it cannot be sent.
bool Wake::offer(const Name& name) {
  offer_ = Offer();
  offer_.metadata_length = store_.metadata(name, out_, sizeof out_, offer_.bytes);
  if (offer_.metadata_length == 0) return false;
  if (!read_chunk_bytes(out_, offer_.metadata_length, offer_.bytes, offer_.chunk_bytes)) {
    store_.set_aside(name);
    return false;
  }
  offer_.open = true;
  offer_.name = name;
  offer_.chunks = chunks_of(offer_.bytes, offer_.chunk_bytes);
  wanted_.set();
  cursor_ = 0;
  return true;
}

// Takes a picture, keeps it, and begins to send it; if there is none, begins to report that.
bool Wake::capture(Now now) {
  const Frame frame = camera_.take();
  Picture picture;
  char name[24], sum[kSha256Text];
  snprintf(name, sizeof name, "image_%u.jpg", static_cast<unsigned>(store_.next_number()));
  picture.name.set(name);
  picture.taken_at = now.utc;
  picture.location = options_.location;
  picture.sensors = frame.sensors;
  int error = frame.error != 0 || frame.bytes > 0 ? frame.error : kNoPicture;
  if (error == 0) {
    picture.bytes = frame.bytes;
    picture.chunk_bytes = options_.chunk_bytes;
    if (sha256(frame.data, frame.bytes, sum)) picture.sha256 = sum;
    const size_t length = write_metadata(out_, sizeof out_, options_.device, picture);
    if (length == 0 || !store_.keep(picture.name, frame.data, frame.bytes, out_, length)) error = kNotKept;
  }
  camera_.release();
  if (error == 0 && offer(picture.name)) return true;
  report(picture, error != 0 ? error : kNotKept);
  return true;
}

void Wake::report(Picture picture, int error) {
  picture.error = error;
  offer_ = Offer();
  offer_.open = true;
  offer_.name = picture.name;
  offer_.metadata_length = write_metadata(out_, sizeof out_, options_.device, picture);
}

// Whether this is under way already: every message may come twice.
bool Wake::expects(bool capture, const Name& name) const {
  if (offer_.open && (capture ? offer_.capture : offer_.name == name)) return true;
  for (size_t i = 0; i < task_count_; ++i) {
    if (tasks_[i].capture == capture && tasks_[i].name == name) return true;
  }
  return false;
}

void Wake::queue(bool capture, const Name& name, Now now) {
  // What finds no place is told again at the next hello.
  if (task_count_ == kMostTasks || expects(capture, name)) return;
  tasks_[task_count_].capture = capture;
  tasks_[task_count_].name = name;
  ++task_count_;
  if (!offer_.open) next_task(now);
}

}  // namespace fleet
