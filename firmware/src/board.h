// The pins of the board.
#pragma once

#include <esp_camera.h>

constexpr int kCardClock = 39, kCardCommand = 38, kCardData = 40;

inline camera_config_t camera_pins() {
  camera_config_t pins = {};
  pins.pin_pwdn = -1;
  pins.pin_reset = -1;
  pins.pin_xclk = 15;
  pins.pin_sccb_sda = 4;
  pins.pin_sccb_scl = 5;
  pins.pin_d7 = 16;
  pins.pin_d6 = 17;
  pins.pin_d5 = 18;
  pins.pin_d4 = 12;
  pins.pin_d3 = 10;
  pins.pin_d2 = 8;
  pins.pin_d1 = 9;
  pins.pin_d0 = 11;
  pins.pin_vsync = 6;
  pins.pin_href = 7;
  pins.pin_pclk = 13;
  pins.ledc_timer = LEDC_TIMER_0;
  pins.ledc_channel = LEDC_CHANNEL_0;
  return pins;
}
