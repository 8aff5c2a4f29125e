//===- CalibrationWork.h - what an interrupted run leaves -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_CALIBRATIONWORK_H
#define QNT_LIB_PIPELINES_CALIBRATIONWORK_H

#include "qnt/Analysis/ModelRunner.h"

#include "llvm/ADT/Twine.h"

#include <string>
#include <utility>
#include <vector>

namespace qnt {

/// What a run's results depend on, part by part: what it is called in messages
/// and its value.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

/// Of a run of `module` on samples, on this machine. Throws std::exception
/// where a file cannot be read.
Fingerprint makeFingerprint(mlir::ModuleOp module, const SampleSet &samples,
                            const RunOptions &options);

/// The folder of files that a run works in, and what state.json in it says of
/// finished blocks. Methods throw support::FileError.
class CalibrationWork {
public:
  /// Creates `folder`, or one of the system's temporary ones, which is no use
  /// to later runs, where it is empty. Another process in it, and files in it
  /// that no calibration made, are errors.
  CalibrationWork(const std::string &folder, Fingerprint fingerprint);
  /// Removes the folder where it is temporary or no block is finished.
  ~CalibrationWork();
  CalibrationWork(const CalibrationWork &) = delete;

  bool isKept() const { return !isTemporary; }
  /// The blocks that a run with this fingerprint finished.
  int64_t getFinished() const { return finished; }
  /// What has changed since another run worked here; "" for nothing.
  const std::string &getChange() const { return change; }
  std::string getFile(const llvm::Twine &name) const;

  void setFinished(int64_t blocks);
  /// Nothing here is of use to later runs.
  void discard() { finished = 0; }

private:
  void lock();
  void readState();

  std::string folder;
  Fingerprint fingerprint;
  bool isTemporary = false;
  int64_t finished = 0;
  std::string change;
  int descriptor = -1;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_CALIBRATIONWORK_H
