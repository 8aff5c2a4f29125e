//===- Progress.cpp - a progress bar on the terminal ----------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/Progress.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

using namespace qnt::support;

namespace {
constexpr std::chrono::milliseconds interval(100);

/// Whether a bar has the terminal.
std::atomic<bool> isTaken{false};

bool isTerminal() {
  const char *kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) && kind && std::string_view(kind) != "dumb";
}

int terminalWidth() {
  winsize size = {};
  bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col;
  return known ? size.ws_col : 80;
}

/// "42s", "1m05s", "2h07m".
std::string duration(int64_t seconds) {
  char text[32];
  if (seconds < 60)
    std::snprintf(text, sizeof(text), "%ds", int(seconds));
  else if (seconds < 3600)
    std::snprintf(text, sizeof(text), "%dm%02ds", int(seconds / 60),
                  int(seconds % 60));
  else
    std::snprintf(text, sizeof(text), "%lldh%02dm", (long long)(seconds / 3600),
                  int(seconds / 60 % 60));
  return text;
}
} // namespace

Progress::Progress(std::string label, int64_t total)
    : label(std::move(label)), total(std::max<int64_t>(total, 1)),
      enabled(isTerminal() && !isTaken.exchange(true)), start(Clock::now()),
      nextDraw(start.time_since_epoch().count()) {
  if (enabled)
    advance(0);
}

Progress::~Progress() {
  clear();
  if (enabled)
    isTaken = false;
}

void Progress::advance(int64_t steps) {
  int64_t done = count.fetch_add(steps, std::memory_order_relaxed) + steps;
  if (!enabled)
    return;
  Clock::time_point now = Clock::now();
  Clock::rep due = nextDraw.load(std::memory_order_relaxed);
  Clock::rep ticks = now.time_since_epoch().count();
  Clock::rep next = (now + interval).time_since_epoch().count();
  // One thread wins the redraw, the others go on with their work.
  if (ticks >= due && nextDraw.compare_exchange_strong(due, next))
    draw(std::min(done, total), now);
}

void Progress::clear() {
  if (!enabled)
    return;
  std::lock_guard<std::mutex> lock(drawing);
  if (visible)
    std::fputs("\r\033[K", stderr);
  visible = false;
}

void Progress::draw(int64_t done, Clock::time_point now) {
  std::string counts = std::to_string(done) + "/" + std::to_string(total);
  char percent[8];
  std::snprintf(percent, sizeof(percent), "%3d%%",
                int(double(done) * 100.0 / double(total)));
  std::string tail = std::string(percent) + "  " + counts;
  if (done > 0 && done < total) {
    double elapsed = std::chrono::duration<double>(now - start).count();
    double left = elapsed / double(done) * double(total - done);
    tail += "  " + duration(int64_t(left + 0.5)) + " left";
  }
  // The last column stays free: writing to it wraps on some terminals.
  int columns = terminalWidth() - 1;
  int room = columns - int(label.size() + tail.size()) - 5;
  std::string line = label + " ";
  if (room >= 4) {
    int width = std::min(room, 40);
    int filled = int(double(width) * double(done) / double(total));
    std::string bar(size_t(filled), '=');
    if (filled < width)
      bar += '>';
    bar.resize(size_t(width), ' ');
    line += "[" + bar + "] ";
  }
  line += tail;
  line.resize(std::min(line.size(), size_t(columns)));
  std::lock_guard<std::mutex> lock(drawing);
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
  visible = true;
}
