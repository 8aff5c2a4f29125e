//===- DuQuant.h - rotations made for outliers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_DUQUANT_H
#define QNT_LIB_TRANSFORMS_DUQUANT_H

#include <cstdint>
#include <vector>

namespace qnt {

/// A change of basis of K features by DuQuant's construction (Lin et al. 2024):
/// rows times a block-diagonal rotation, a permutation that deals the features
/// to blocks, and a second block-diagonal rotation; or the first rotation alone
/// (DuQuant++, Lin et al. 2026, for blocks with scales of their own).
struct OutlierRotation {
  int64_t block = 0;
  /// [K / block, block, block], orthogonal up to rounding. The second and the
  /// permutation are empty where there is one rotation.
  std::vector<float> first, second;
  /// Feature i of what the second rotation takes is permutation[i] of what the
  /// first gives.
  std::vector<int32_t> permutation;
  /// The largest mean square of a feature over their mean, as it was and as it
  /// is.
  double before = 1, after = 1;
};

/// The rotation for features with the second moment `moment`, [K, K], in blocks
/// of `block`, which divides K and has a Hadamard matrix.
///
/// A rotation of a block is a product of steps: the feature of the largest mean
/// square, in the basis so far, is exchanged with the first, spread by a
/// Hadamard matrix, and back; features but the first are permuted and negated
/// at random, from `seed`. Of all steps the product that leaves the least
/// largest feature is taken. The permutation deals features in order of their
/// mean squares to the blocks, back and forth. Where the paper looks at the
/// largest numbers of samples, this looks at mean squares, which follow from
/// the moment in every basis.
OutlierRotation makeOutlierRotation(std::vector<float> moment, int64_t features,
                                    int64_t block, uint64_t seed, bool isDual);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_DUQUANT_H
