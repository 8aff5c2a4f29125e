//===- KVReader.h - keys and values in memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_KVREADER_H
#define QNT_LIB_TARGET_CUDA_KERNELS_KVREADER_H

#include "../Kernels.h"

namespace qnt::cuda {

/// The keys, or the values, of one head of one sequence.
struct KVRows {
  mlir::Value rows, params;
  /// Bytes from position to position.
  int64_t stride = 0;
};

/// Finds and loads keys and values.
class KVReader {
public:
  using Value = mlir::Value;
  using Values = KernelBuilder::Values;
  /// Features that a lane takes at once.
  static constexpr int64_t kFeatures = 8;

  explicit KVReader(const CacheGeometry &cache) : cache(cache) {}

  /// In a cache; `isValue` is 0 or 1.
  KVRows locate(KernelBuilder &k, Value pointer, Value capacity, Value b,
                Value head, Value isValue) const;
  /// In f32 [batch, tokens, heads * headDim].
  KVRows locate(KernelBuilder &k, Value pointer, Value tokens, Value b,
                Value head) const;

  /// kFeatures numbers from `feature` on, f32.
  Values load(KernelBuilder &k, const KVRows &from, Value position,
              Value feature) const;
  /// Where these lie.
  Value at(KernelBuilder &k, const KVRows &from, Value position,
           Value feature) const;

private:
  const CacheGeometry &cache;
};

/// What the kernels of attention take: query, then cache and capacity or key
/// and value, limits where there are some, out and the sizes.
struct AttentionArguments {
  unsigned query = 0, keys = 0, values = 0, limits = 0, out = 0, batch = 0,
           tokens = 0, capacity = 0;

  static AttentionArguments add(const AttentionSpec &spec, Kernel &kernel);
};

/// Keys and values of a head.
std::pair<KVRows, KVRows> locateHead(KernelBuilder &k,
                                     const AttentionSpec &spec,
                                     const AttentionArguments &at,
                                     mlir::ValueRange args, mlir::Value b,
                                     mlir::Value head);

/// The positions [begin, end) that a token attends to.
struct Span {
  mlir::Value begin, end;
};
/// `limit` is the sequence's, or null without limits.
Span emitSpan(KernelBuilder &k, const AttentionSpec &spec, mlir::Value limit,
              mlir::Value token, mlir::Value tokens);
/// The part of a span that the block of a split has (z of the grid), of a
/// multiple of so many positions.
Span takePart(KernelBuilder &k, Span span, int64_t splits, int64_t multiple);
mlir::Value loadLimit(KernelBuilder &k, const AttentionSpec &spec,
                      const AttentionArguments &at, mlir::ValueRange args,
                      mlir::Value b);

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_KVREADER_H
