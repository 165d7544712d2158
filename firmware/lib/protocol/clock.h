// Times on the wire. A time is seconds since 1970 in UTC; 0 is a time that is not known.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fleet {

using Time = int64_t;

// From here on a clock has been set; before that it counts from 1970.
constexpr Time kClockIsSet = 1577836800;  // 2020-01-01

constexpr size_t kTimeText = 21;  // 2025-10-04T12:34:56Z and its end

// Writes `2025-10-04T12:34:56Z`.
void write_time(Time time, char (&out)[kTimeText]);

// Reads `2025-10-07T16:48:00Z`, or `5:30PM` as its next occurrence after `now` in the time zone of TZ. Returns 0 if it
// is neither, and for a clock time while `now` is not known.
Time read_time(const char* text, Time now);

}  // namespace fleet
