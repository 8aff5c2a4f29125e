//===- KVOperands.h - keys and values as operands of products -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_KVOPERANDS_H
#define QNT_LIB_TARGET_CUDA_KERNELS_KVOPERANDS_H

#include "KVReader.h"

namespace qnt::cuda {

/// Keys as operand B of mmaF16, features by 8 positions, and values as operand
/// A, features by 16 positions, straight from a cache of f16 or codes: a lane
/// loads neighbouring features of a position, and takes them in the order in
/// which it has them, as the order of features is free on both sides of a
/// product. With g = lane / 4 and t = lane % 4:
///
///   keys    lane (g, t): a quarter of the features of position g of 8
///   values  lane (g, t): an eighth of the features of positions 4 t to 4 t + 3
///
/// so that the positions of sums of scores in a lane, 2 t and 2 t + 1 of two
/// tiles of 8, are those of its values, if tile i has positions 4 (n / 2) +
/// n % 2 + 2 i for n below 8.
class KVOperands {
public:
  using Value = mlir::Value;
  using Values = KernelBuilder::Values;

  explicit KVOperands(const CacheGeometry &cache);

  /// The reason why a cache cannot be taken so; empty where it can.
  static std::string check(const CacheGeometry &cache);

  /// 1024 twice in f16, whose last bit counts one: codes are ored into it. A
  /// mask and this in registers are one instruction, as constants of the code
  /// two, so that it is made of a size, which is not negative.
  static Value getCodeBase(KernelBuilder &k, Value size);

  /// Products of 16 features.
  int64_t getSteps() const { return cache.headDim / 16; }
  /// The position of lane (g, t) in tile `tile` of keys.
  Value getKeyPosition(KernelBuilder &k, Value lane, int64_t tile) const;
  /// The lane's words of a position of keys, or of values.
  Values loadKeys(KernelBuilder &k, const KVRows &from, Value position,
                  Value lane) const;
  Values loadValues(KernelBuilder &k, const KVRows &from, Value position,
                    Value lane) const;
  /// Words of B, two for each step. Codes are exact, zero points still in.
  Values decodeKeys(KernelBuilder &k, Values words, Value codeBase) const;
  /// The four features of A in step `step`, beside keys in B: of those that
  /// begin at getKeyFeature.
  std::array<int64_t, 4> getQueryFeatures(int64_t step) const;
  Value getKeyFeature(KernelBuilder &k, Value lane) const;

  /// Four words of A for each step, of the words of four positions. Codes have
  /// 1024 added, and with isSpread those of rows from 8 on are times 16.
  llvm::SmallVector<Values> decodeValues(KernelBuilder &k,
                                         llvm::ArrayRef<Values> words,
                                         Value codeBase) const;
  /// Zero points of the values of four positions, from their words of
  /// parameters, as if they were codes.
  Values decodeZeros(KernelBuilder &k, llvm::ArrayRef<Value> params,
                     Value codeBase) const;
  bool isSpread() const { return cache.bits() == 4; }
  /// The features of rows g and g + 8 of A in step `step` are neighbours, the
  /// first of them this one of those that begin at getValueFeature.
  int64_t getValueFeature(int64_t step) const;
  Value getValueFeature(KernelBuilder &k, Value lane) const;

private:
  Values load(KernelBuilder &k, const KVRows &from, Value position, Value part,
              int64_t bytes, int64_t parts) const;
  /// Elements of a piece of `bytes`.
  int64_t count(int64_t bytes) const { return 8 * bytes / cache.bits(); }

  const CacheGeometry &cache;
  /// Bytes of a load; a lane has more than one, apart by what all have.
  int64_t keyBytes, valueBytes;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_KVOPERANDS_H
