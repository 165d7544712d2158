#pragma once
#include <cstdint>
#include "Arduino.h"
esp_err_t esp_sleep_enable_timer_wakeup(uint64_t us);
[[noreturn]] void esp_deep_sleep_start();
