// Reads the lines of `rt-handdt live --sink serial:DEVICE` (see docs/sinks.md), and says what a hand may do now.
// Plain C++ without Arduino, so that it can be tried on any computer.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

class HandLines {
 public:
  // No line for so long, and the hand opens: cable, computer or program are gone.
  static const uint32_t TIMEOUT_MS = 200;

  char label[32] = "rest";
  int index = -1;     // position among the model's gestures
  int level = 0;      // contraction, in percent of that of training
  int confidence = 0; // in percent
  uint16_t seq = 0;
  uint32_t spoilt = 0; // lines whose check failed

  // Give it every byte that comes; true when a whole line has been read.
  bool feed(char c, uint32_t now_ms) {
    if (c == '$') {
      length_ = 0;
      inside_ = true;
      return false;
    }
    if (!inside_) return false;
    if (c == '\r' || c == '\n') {
      inside_ = false;
      line_[length_] = 0;
      if (!take()) {
        spoilt++;
        return false;
      }
      heard_ms_ = now_ms;
      heard_ = true;
      return true;
    }
    if (length_ + 1 >= sizeof(line_)) {
      inside_ = false;
      spoilt++;
      return false;
    }
    line_[length_++] = c;
    return false;
  }

  // Whether the hand may do what `label` says; else it opens. Ask in every turn of the loop.
  bool may_act(uint32_t now_ms) const {
    return heard_ && (uint32_t)(now_ms - heard_ms_) <= TIMEOUT_MS && strcmp(label, "rest") != 0;
  }

 private:
  char line_[160];
  size_t length_ = 0;
  bool inside_ = false;
  bool heard_ = false;
  uint32_t heard_ms_ = 0;

  static uint16_t crc(const char *text, size_t n) { // CRC-16/XMODEM
    uint16_t value = 0;
    for (size_t k = 0; k < n; k++) {
      value ^= (uint16_t)(uint8_t)text[k] << 8;
      for (int bit = 0; bit < 8; bit++) value = value & 0x8000 ? (value << 1) ^ 0x1021 : value << 1;
    }
    return value;
  }

  // RH1,SEQ,INDEX,LABEL,LEVEL,CONFIDENCE,AGE,STATE,CODE,TIME*CRC
  bool take() {
    char *star = strchr(line_, '*');
    if (!star || strlen(star + 1) != 4) return false;
    char *end;
    if (strtoul(star + 1, &end, 16) != crc(line_, star - line_) || *end) return false;
    *star = 0;
    char *fields[10];
    size_t n = 0;
    for (char *at = line_; n < 10; at++) {
      fields[n++] = at;
      at = strchr(at, ',');
      if (!at) break;
      *at = 0;
    }
    if (n != 10 || strcmp(fields[0], "RH1") != 0) return false;
    seq = (uint16_t)strtoul(fields[1], 0, 10);
    index = atoi(fields[2]);
    strncpy(label, fields[3], sizeof(label) - 1);
    label[sizeof(label) - 1] = 0;
    level = atoi(fields[4]);
    confidence = atoi(fields[5]);
    return true;
  }
};
