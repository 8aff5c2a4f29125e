//===- Progress.h - a progress bar on the terminal --------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SUPPORT_PROGRESS_H
#define QNT_SUPPORT_PROGRESS_H

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace qnt::support {

/// Shows the progress of long work on stderr when that is a terminal, and
/// prints nothing otherwise:
///
///   calibrate [=======>            ]  37%  12/32  1m05s left
///
/// Redraws at most ten times a second. A bar that begins while another is shown
/// shows nothing: it is about a part of the other's work. Any number of threads
/// may call `advance`.
class Progress {
public:
  /// `total` steps of about equal cost; at least 1.
  Progress(std::string label, int64_t total);
  /// Removes the bar from the terminal.
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  void advance(int64_t steps = 1);
  /// Removes the bar, so that a message can be printed; the next redraw brings
  /// it back.
  void clear();

private:
  using Clock = std::chrono::steady_clock;
  void draw(int64_t done, Clock::time_point now);

  const std::string label;
  const int64_t total;
  const bool enabled;
  const Clock::time_point start;
  std::atomic<int64_t> count{0};
  /// When the bar may be drawn next, as a count of the clock's ticks.
  std::atomic<Clock::rep> nextDraw;
  std::mutex drawing;
  bool visible = false;
};

} // namespace qnt::support

#endif // QNT_SUPPORT_PROGRESS_H
