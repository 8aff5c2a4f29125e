//===- WindowSchedule.h - when windows read and write -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_WINDOWSCHEDULE_H
#define QNT_LIB_TARGET_FPGA_WINDOWSCHEDULE_H

#include "qnt/Dialect/QFlow/QFlow.h"

namespace qnt::fpga {

/// What is read and written when. Rows of the image are read into a buffer in
/// which row r lies at r modulo `rows`, while the windows of those before them
/// are written: of output row o, once its last row is there; and a row is read
/// once no window needs the one in its place.
struct WindowSchedule {
  explicit WindowSchedule(qflow::WindowOp op);

  /// Rows that must be there before output row `o` is written, which never
  /// happens behind the last one.
  int64_t getNeeded(int64_t o) const;
  /// Rows that may be read while it is.
  int64_t getLimit(int64_t o) const;
  /// Iterations of a frame.
  int64_t getIterations() const;
  /// Of one frame after another, iterations that only read, between two that
  /// write.
  struct Gaps {
    /// Those of the longest one; of all in a frame.
    int64_t longest = 0, all = 0;
  };
  Gaps getGaps() const;

  int64_t height, width, outHeight, outWidth;
  /// Words of a pixel, of a row.
  int64_t pixel, row;
  int64_t taps, stride, above, extent;
  /// Of the buffer.
  int64_t rows;

private:
  /// Calls `visit` for each iteration of a frame with whether it writes.
  void walk(llvm::function_ref<void(bool writes)> visit) const;
};

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_WINDOWSCHEDULE_H
