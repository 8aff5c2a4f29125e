//===- CppOps.h - values and ops as C++ -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_CPPOPS_H
#define QNT_LIB_TARGET_FPGA_CPPOPS_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>
#include <string>

namespace qnt::fpga {

/// "ap_int<8>", "ap_uint<8>".
std::string writeCppType(int64_t bits, bool isSigned);

/// As the initialiser of a variable of its type.
std::string writeCppNumber(const llvm::APInt &number, bool isSigned);

/// Values of a process in C++. Integers are signless in the IR: here each has
/// the type that suits how it is made or used, and is converted where an op
/// takes it otherwise. Vectors are arrays of their lanes.
class CppValues {
public:
  /// "v3". Values that an array or a variable is made for.
  std::string getName(mlir::Value value);
  bool isSigned(mlir::Value value);
  /// That of a lane.
  std::string getType(mlir::Value value);
  /// What the lanes of a value are lanes of, in an order that needs no array;
  /// itself if it has its own.
  mlir::Value getSource(mlir::Value value);

  enum class Literals { AsNumbers, Typed };
  /// Lane `lane` ("l", "3") of a value, as signed or unsigned if that is said.
  std::string refer(mlir::Value value, const std::string &lane,
                    std::optional<bool> asSigned = {},
                    Literals literals = Literals::AsNumbers);

private:
  bool findSign(mlir::Value value);

  llvm::DenseMap<mlir::Value, unsigned> numbers;
  llvm::DenseMap<mlir::Value, bool> signs;
};

/// Whether C++ needs nothing for this op: its users have what it does in
/// them.
bool isFolded(mlir::Operation *op);

/// Lane `lane` of what an op of arith gives.
std::string writeExpression(mlir::Operation *op, const std::string &lane,
                            CppValues &values);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_CPPOPS_H
