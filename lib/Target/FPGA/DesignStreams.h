//===- DesignStreams.h - streams of a design -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_DESIGNSTREAMS_H
#define QNT_LIB_TARGET_FPGA_DESIGNSTREAMS_H

#include "qnt/Dialect/QFlow/QFlow.h"

#include "llvm/ADT/StringSet.h"

namespace qnt::fpga {

/// Identifiers, each once.
class UniqueNames {
public:
  /// `wanted`, or something like it.
  std::string make(llvm::StringRef wanted);

private:
  llvm::StringSet<> names;
};

/// What its attribute qflow.name says, or in0, in1, ..., out0, out1, ...
std::string getInputName(qflow::DesignOp design, unsigned number);
std::string getOutputName(qflow::DesignOp design, unsigned number);

/// A stream of a design's interface.
struct Port {
  std::string name;
  qflow::StreamType type;
  mlir::DictionaryAttr attributes;
  bool isInput;
};
/// Those that come in, then those that go out.
llvm::SmallVector<Port> getPorts(qflow::DesignOp design);

/// What the processes are called, in their order.
std::vector<std::string> nameProcesses(qflow::DesignOp design);

/// In MHz; 100 where the design has none.
double getClock(qflow::DesignOp design);

/// Nanoseconds that a stage of a pipeline may take, registers not counted, by
/// the coarse delays of Pipeline.cpp.
double getStagePeriod(double clock);

/// The stream that a chain of FIFOs begins with, and the words that they hold.
struct FifoChain {
  mlir::Value source;
  int64_t depth = 2;
};
FifoChain followFifos(mlir::Value stream);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_DESIGNSTREAMS_H
