// The protocol part on a bench: each line of stdin is one act, and whatever the device says to that comes on stdout,
// ended by a line with its state. Time passes only when a line says so.
//
//     at MS UTC         the time is now this
//     line open|closed  whether messages can be sent
//     shoot HEX|ERROR   what the camera gives from now on: bytes, or the number of an error
//     step              do one thing; says `status …` or `data …`
//     hear HEX          a message came
//     alone             there is no network
//     wake              begin the next wake
//     chunks N          the size of chunks, from the next wake on

#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "card.h"
#include "wake.h"

namespace {

std::vector<uint8_t> unhex(const std::string& text) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

class Printed : public fleet::Line {
 public:
  bool publish(fleet::Topic topic, const char* payload, size_t length) override {
    if (!open) return false;
    printf("%s %.*s\n", topic == fleet::Topic::kStatus ? "status" : "data", static_cast<int>(length), payload);
    return true;
  }
  bool open = true;
};

class Lens : public fleet::Camera {
 public:
  fleet::Frame take() override {
    fleet::Frame frame;
    frame.error = error;
    frame.data = bytes.data();
    frame.bytes = bytes.size();
    frame.sensors.temperature = -3.25;
    frame.sensors.gas_resistance = 12345.67;
    return frame;
  }
  void release() override {}
  std::vector<uint8_t> bytes;
  int error = 1;
};

const char* name_of(fleet::State state) {
  switch (state) {
    case fleet::State::kHello: return "hello";
    case fleet::State::kAsking: return "asking";
    case fleet::State::kSending: return "sending";
    case fleet::State::kWaiting: return "waiting";
    case fleet::State::kLingering: return "lingering";
    case fleet::State::kOver: return "over";
  }
  return "?";
}

}  // namespace

int main(int, char** arguments) {
  fleet::Options options;
  options.device = arguments[1];
  options.location = "bench \"7\"";
  fleet::Card card(arguments[2]);
  Printed line;
  Lens lens;
  fleet::Now now{0, 0};
  fleet::Vitals vitals;
  vitals.firmware_version = "1.0.0";
  vitals.uptime_ms = 1234;
  vitals.boot_count = 7;
  vitals.battery_mv = 3890;
  vitals.battery_percent = 71;
  vitals.wifi_rssi = -67;
  vitals.free_heap_bytes = 143360;
  auto wake = std::make_unique<fleet::Wake>(options, line, card, lens, now);
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream words(text);
    std::string act, what;
    words >> act;
    if (act == "at") {
      words >> now.ms >> now.utc;
    } else if (act == "line") {
      words >> what;
      line.open = what == "open";
    } else if (act == "shoot") {
      words >> what;
      lens.error = what.size() < 4 ? std::stoi(what) : 0;
      lens.bytes = lens.error != 0 ? std::vector<uint8_t>() : unhex(what);
    } else if (act == "hear") {
      words >> what;
      const std::vector<uint8_t> payload = unhex(what);
      wake->hear(reinterpret_cast<const char*>(payload.data()), payload.size(), now);
    } else if (act == "alone") {
      wake->alone(now);
    } else if (act == "wake") {
      wake = std::make_unique<fleet::Wake>(options, line, card, lens, now);
    } else if (act == "chunks") {
      words >> options.chunk_bytes;
    } else {
      wake->step(now, vitals);
    }
    printf("= %s %u %u\n", name_of(wake->state()), static_cast<unsigned>(wake->sleep_s(now.utc)), wake->acknowledged());
    fflush(stdout);
  }
}
