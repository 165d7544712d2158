// One wake of the reference device on a computer: a folder stands for the card, files for the camera.
//
//     fleet-device --device AABBCCDDEEFF --card FOLDER --camera picture.jpg --host 127.0.0.1 --port 1883
//
// User name and password come from MQTT_USERNAME and MQTT_PASSWORD; --ca-cert FILE speaks TLS. --lose N loses the Nth
// message on the data topic once, and --lose-ack every ACK_OK, as a poor line does. Milliseconds are set with
// --answer-ms, --patience-ms and --linger-ms. The last line on stdout says how the wake went, as JSON.

#include <mosquitto.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "card.h"
#include "wake.h"

namespace {

constexpr int kWindow = 8;        // unconfirmed messages
constexpr int kConnectTries = 50;  // of a fifth of a second

struct Arguments {
  fleet::Options options;
  std::string device, card, host = "127.0.0.1", ca_cert;
  std::vector<std::string> pictures;
  int port = 1883;
  unsigned lose = 0;
  bool lose_ack = false;
};

fleet::Now now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  return {static_cast<uint32_t>(ms), static_cast<fleet::Time>(time(nullptr))};
}

class Files : public fleet::Camera {
 public:
  explicit Files(std::vector<std::string> pictures) : pictures_(std::move(pictures)) {}

  fleet::Frame take() override {
    fleet::Frame frame;
    frame.sensors.temperature = 21.5;
    frame.sensors.humidity = 48.25;
    if (taken_ < pictures_.size()) {
      std::ifstream file(pictures_[taken_++], std::ios::binary);
      bytes_.assign(std::istreambuf_iterator<char>(file), {});
    }
    if (bytes_.empty()) frame.error = 1;
    frame.data = bytes_.data();
    frame.bytes = bytes_.size();
    return frame;
  }
  void release() override { bytes_.clear(); }

 private:
  std::vector<std::string> pictures_;
  std::vector<uint8_t> bytes_;
  size_t taken_ = 0;
};

class Connection : public fleet::Line {
 public:
  explicit Connection(const Arguments& arguments)
      : arguments_(arguments), root_("ESP32CAM/" + arguments.device + "/") {
    mosquitto_lib_init();
    client_ = mosquitto_new(arguments.device.c_str(), true, this);
    if (client_ == nullptr) throw std::runtime_error("no MQTT client");
    mosquitto_connect_callback_set(client_, on_connect);
    mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* self, int, int, const int*) {
      static_cast<Connection*>(self)->ready_ = true;
    });
    mosquitto_publish_callback_set(client_, [](mosquitto*, void* self, int) {
      --static_cast<Connection*>(self)->unconfirmed_;
    });
    mosquitto_disconnect_callback_set(client_, [](mosquitto*, void* self, int) {
      static_cast<Connection*>(self)->ready_ = false;
    });
    mosquitto_message_callback_set(client_, on_message);
    if (const char* const user = getenv("MQTT_USERNAME")) {
      mosquitto_username_pw_set(client_, user, getenv("MQTT_PASSWORD"));
    }
    if (!arguments.ca_cert.empty() &&
        mosquitto_tls_set(client_, arguments.ca_cert.c_str(), nullptr, nullptr, nullptr, nullptr) != MOSQ_ERR_SUCCESS) {
      throw std::runtime_error("cannot read " + arguments.ca_cert);
    }
  }
  ~Connection() override {
    mosquitto_disconnect(client_);
    mosquitto_destroy(client_);
    mosquitto_lib_cleanup();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects and subscribes; false if there is no network.
  bool connect() {
    if (mosquitto_connect(client_, arguments_.host.c_str(), arguments_.port, 30) != MOSQ_ERR_SUCCESS) return false;
    for (int i = 0; i < kConnectTries && !ready_; ++i) loop(200);
    return ready_;
  }

  void listen(fleet::Wake& wake) { wake_ = &wake; }

  void loop(int ms) {
    if (mosquitto_loop(client_, ms, 1) != MOSQ_ERR_SUCCESS) mosquitto_reconnect(client_);
  }

  // Whether the broker has everything.
  bool settled() const { return unconfirmed_ == 0; }

  bool publish(fleet::Topic topic, const char* payload, size_t length) override {
    if (!ready_ || unconfirmed_ >= kWindow) return false;
    const bool is_data = topic == fleet::Topic::kData;
    if (is_data && ++sent_ == arguments_.lose) return true;
    const std::string name = root_ + (is_data ? "data" : "status");
    if (mosquitto_publish(client_, nullptr, name.c_str(), static_cast<int>(length), payload, 1, false) !=
        MOSQ_ERR_SUCCESS) {
      return false;
    }
    ++unconfirmed_;
    return true;
  }

  unsigned sent() const { return sent_; }

 private:
  static void on_connect(mosquitto* client, void* self, int refusal) {
    const std::string& root = static_cast<Connection*>(self)->root_;
    if (refusal != 0) {
      fprintf(stderr, "the broker refuses the connection: %s\n", mosquitto_connack_string(refusal));
      return;
    }
    std::string topics[] = {root + "ack", root + "cmd"};
    char* names[] = {topics[0].data(), topics[1].data()};
    mosquitto_subscribe_multiple(client, nullptr, 2, names, 1, 0, nullptr);
  }

  static void on_message(mosquitto*, void* self, const mosquitto_message* message) {
    auto& connection = *static_cast<Connection*>(self);
    const std::string payload(static_cast<const char*>(message->payload), static_cast<size_t>(message->payloadlen));
    if (connection.arguments_.lose_ack && payload.find("\"ACK_OK\"") != std::string::npos) return;
    printf("heard %s\n", payload.c_str());
    if (connection.wake_ != nullptr) connection.wake_->hear(payload.data(), payload.size(), now());
  }

  const Arguments& arguments_;
  const std::string root_;
  mosquitto* client_;
  fleet::Wake* wake_ = nullptr;
  bool ready_ = false;
  int unconfirmed_ = 0;
  unsigned sent_ = 0;
};

Arguments read_arguments(int count, char** values) {
  Arguments read;
  for (int i = 1; i < count; ++i) {
    const std::string name = values[i];
    if (name == "--lose-ack") {
      read.lose_ack = true;
      continue;
    }
    if (++i == count) throw std::runtime_error(name + " wants a value");
    const std::string value = values[i];
    if (name == "--device") read.device = value;
    else if (name == "--card") read.card = value;
    else if (name == "--camera") read.pictures.push_back(value);
    else if (name == "--host") read.host = value;
    else if (name == "--port") read.port = std::stoi(value);
    else if (name == "--ca-cert") read.ca_cert = value;
    else if (name == "--lose") read.lose = static_cast<unsigned>(std::stoul(value));
    else if (name == "--answer-ms") read.options.answer_ms = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--patience-ms") read.options.patience_ms = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--linger-ms") read.options.linger_ms = static_cast<uint32_t>(std::stoul(value));
    else throw std::runtime_error("unknown option " + name);
  }
  if (read.device.empty() || read.card.empty()) throw std::runtime_error("--device and --card are needed");
  return read;
}

int run(Arguments& arguments) {
  arguments.options.device = arguments.device.c_str();
  arguments.options.location = "bench";
  fleet::Card card(arguments.card.c_str());
  Files camera(arguments.pictures);
  Connection connection(arguments);
  fleet::Wake wake(arguments.options, connection, card, camera, now());
  fleet::Vitals vitals;
  vitals.firmware_version = "reference-host";
  vitals.battery_mv = 3970;
  const uint32_t began = now().ms;
  const bool online = connection.connect();
  if (online) {
    connection.listen(wake);
    while (wake.state() != fleet::State::kOver) {
      const unsigned sent = connection.sent();
      vitals.uptime_ms = now().ms - began;
      const fleet::State before = wake.state();
      const fleet::State after = wake.step(now(), vitals);
      // Where nothing was to be done, it waits for the network.
      connection.loop(connection.sent() != sent || before != after ? 0 : 20);
    }
    for (int i = 0; i < kConnectTries && !connection.settled(); ++i) connection.loop(20);
  } else {
    wake.alone(now());
  }
  fleet::Name names[fleet::kMostNames];
  size_t kept = 0;
  card.oldest(names, fleet::kMostNames, kept);
  const fleet::Time utc = now().utc;
  printf("{\"online\": %s, \"wakes_at\": %lld, \"acknowledged\": %u, \"kept\": %zu, \"data_messages\": %u}\n",
         online ? "true" : "false", static_cast<long long>(utc + wake.sleep_s(utc)), wake.acknowledged(), kept,
         connection.sent());
  return 0;
}

}  // namespace

int main(int count, char** values) {
  try {
    Arguments arguments = read_arguments(count, values);
    return run(arguments);
  } catch (const std::exception& error) {
    fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
