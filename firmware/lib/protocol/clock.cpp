#include "clock.h"

#include <cctype>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace fleet {
namespace {

// Days since 1970-01-01; the C library of the device has no timegm. The year is counted from March.
int64_t days(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  const int64_t era = year / 400, of_era = year - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

Time read_iso(const char* text) {
  int year, month, day, hour, minute, second, end = 0;
  const int read = sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second, &end);
  if (read != 6 || end == 0 || text[end] != '\0') return 0;
  if (year < 2020 || month < 1 || month > 12 || day < 1 || day > 31) return 0;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return 0;
  return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

Time read_clock(const char* text, Time now) {
  int hour, minute, end = 0;
  char half = '\0';
  if (sscanf(text, "%2d:%2d%cM%n", &hour, &minute, &half, &end) != 3 || end == 0 || text[end] != '\0') return 0;
  if (hour < 1 || hour > 12 || minute < 0 || minute > 59 || (half != 'A' && half != 'P')) return 0;
  const time_t today = static_cast<time_t>(now);
  tm local{};
  localtime_r(&today, &local);
  for (int day = 0; day < 2; ++day) {
    tm then = local;
    then.tm_mday += day;
    then.tm_hour = hour % 12 + (half == 'P' ? 12 : 0);
    then.tm_min = minute;
    then.tm_sec = 0;
    then.tm_isdst = -1;
    const Time at = mktime(&then);
    if (at > now) return at;
  }
  return 0;
}

}  // namespace

void write_time(Time time, char (&out)[kTimeText]) {
  const time_t seconds = static_cast<time_t>(time);
  tm utc{};
  gmtime_r(&seconds, &utc);
  strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

Time read_time(const char* text, Time now) {
  if (!isdigit(static_cast<unsigned char>(text[0]))) return 0;
  if (strchr(text, '-') != nullptr) return read_iso(text);
  return now >= kClockIsSet ? read_clock(text, now) : 0;
}

}  // namespace fleet
