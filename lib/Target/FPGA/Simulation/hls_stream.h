//===- hls_stream.h - streams, for simulation -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What generated designs use of hls::stream (Vitis HLS user guide, UG1399).
// Processes of a design run one after the other: streams hold whatever is
// written. To read of an empty one is an error, and to leave words in one.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SIMULATION_HLS_STREAM_H
#define QNT_SIMULATION_HLS_STREAM_H

#include <cstdio>
#include <cstdlib>
#include <deque>

namespace hls {

template <typename T> class stream {
public:
  explicit stream(const char *name = "stream") : name(name) {}
  stream(const stream &) = delete;
  ~stream() {
    if (!words.empty())
      fail("holds words that nothing has read");
  }

  bool empty() const { return words.empty(); }
  void write(const T &word) { words.push_back(word); }
  T read() {
    if (words.empty())
      fail("is read, but holds nothing");
    T word = words.front();
    words.pop_front();
    return word;
  }

private:
  [[noreturn]] void fail(const char *what) const {
    std::fprintf(stderr, "stream '%s' %s\n", name, what);
    std::_Exit(1);
  }

  const char *name;
  std::deque<T> words;
};

} // namespace hls

#endif // QNT_SIMULATION_HLS_STREAM_H
