//===- GPTQ.cpp - codes chosen by second moments -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GPTQ.h"

#include "Blas.h"

#include "qnt/Params/SafeTensors.h"

#include "llvm/ADT/STLExtras.h"

#include <lapacke.h>
#include <numeric>

using namespace mlir;
using namespace qnt;
using llvm::ArrayRef;
using llvm::MutableArrayRef;

/// Inputs whose errors are spread at once beyond themselves, and the largest
/// part of a moment that a scale is chosen by.
static constexpr int64_t blockInputs = 128;

//===----------------------------------------------------------------------===//
// The factor
//===----------------------------------------------------------------------===//

std::shared_ptr<const MomentFactor>
MomentFactor::compute(std::vector<float> moment, int64_t size,
                      std::optional<double> damp, bool actOrder,
                      const std::string &what) {
  auto result = std::make_shared<MomentFactor>();
  result->order.resize(size);
  std::iota(result->order.begin(), result->order.end(), 0);
  result->isDead.resize(size);
  result->isOrdered = actOrder;
  auto diagonal = [&](int64_t i) { return moment[i * size + i]; };
  double mean = 0;
  for (int64_t i = 0; i < size; ++i) {
    result->isDead[i] = diagonal(i) == 0;
    mean += diagonal(i) / double(size);
  }
  if (actOrder)
    llvm::stable_sort(result->order, [&](int32_t a, int32_t b) {
      return diagonal(a) > diagonal(b);
    });
  if (damp) {
    useOneBlasThread();
    // In reverse, the lower factor of the matrix gives, inverted and turned
    // round, the upper factor of the inverse: no inverse is ever formed.
    std::vector<double> &factor = result->factor;
    factor.resize(size * size);
    for (int64_t i = 0; i < size; ++i) {
      int64_t row = result->order[size - 1 - i];
      for (int64_t j = 0; j < size; ++j)
        factor[i * size + j] = moment[row * size + result->order[size - 1 - j]];
      double &own = factor[i * size + i];
      own = result->isDead[row] ? 1.0 : own + *damp * mean;
    }
    // Rows of ours are columns of theirs.
    lapack_int info =
        LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', size, factor.data(), size);
    if (info == 0)
      info =
          LAPACKE_dtrtri(LAPACK_COL_MAJOR, 'U', 'N', size, factor.data(), size);
    if (info != 0)
      throw params::ParamsError(
          what + ": the second moment is not positive definite; expected "
                 "more samples or a larger damp");
    std::reverse(factor.begin(), factor.end());
  }
  result->moment = std::move(moment);
  return result;
}

//===----------------------------------------------------------------------===//
// Encoding
//===----------------------------------------------------------------------===//

namespace {

class Encoder {
public:
  Encoder(QTensorType type, ClipMethod clip, const MomentFactor &factor,
          int64_t rows)
      : quantizer(type), clip(clip), factor(factor), rows(rows),
        size(factor.size()), group(type.getBlock().getKind() == BlockKind::Group
                                       ? type.getBlock().getGroup()
                                       : size),
        groups((size + group - 1) / group), params(rows * groups) {
    result.codes.resize(rows * size);
  }

  void toNearest(ArrayRef<float> weights);
  void withFeedback(ArrayRef<float> weights);
  QuantizedRows take(QTensorType type);

private:
  /// Inputs [first, first + size) of a group.
  std::pair<int64_t, int64_t> getGroup(int64_t index) const {
    return {index * group, std::min(group, size - index * group)};
  }
  /// Blocks begin where a group begins that reaches beyond them, so that all
  /// errors have been spread over it by then.
  int64_t getBlockEnd(int64_t begin) const {
    int64_t step = group <= blockInputs
                       ? blockInputs / group * group
                       : std::min(blockInputs, group - begin % group);
    return std::min(begin + step, size);
  }
  BlockParams chooseScale(ArrayRef<float> block, int64_t first) const;
  double getOutputError(BlockParams params, ArrayRef<float> block,
                        int64_t first) const;
  void encode(int64_t row, int64_t position, double &value, double &error);

  BlockQuantizer quantizer;
  ClipMethod clip;
  const MomentFactor &factor;
  int64_t rows, size, group, groups;
  std::vector<BlockParams> params;
  QuantizedRows result;
};

} // namespace

double Encoder::getOutputError(BlockParams params, ArrayRef<float> block,
                               int64_t first) const {
  std::vector<uint32_t> codes(block.size());
  std::vector<float> error(block.size());
  quantizer.encode(params, block, codes);
  quantizer.decode(params, codes, error);
  for (auto [e, x] : llvm::zip_equal(error, block))
    e -= x;
  double total = 0;
  int64_t count = error.size();
  for (int64_t begin = 0; begin < count; begin += blockInputs) {
    int64_t end = std::min(begin + blockInputs, count);
    for (int64_t i = begin; i < end; ++i) {
      const float *row = factor.moment.data() + (first + i) * size + first;
      float sum = 0;
      for (int64_t j = begin; j < end; ++j)
        sum += row[j] * error[j];
      total += double(error[i]) * sum;
    }
  }
  return total;
}

BlockParams Encoder::chooseScale(ArrayRef<float> block, int64_t first) const {
  if (clip != ClipMethod::Output)
    return quantizer.chooseScale(clip, block);
  return quantizer.chooseScale(block, [&](BlockParams params) {
    return getOutputError(params, block, first);
  });
}

void Encoder::toNearest(ArrayRef<float> weights) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t g = 0; g < groups; ++g) {
      auto [first, count] = getGroup(g);
      ArrayRef<float> block = weights.slice(row * size + first, count);
      BlockParams &own = params[row * groups + g];
      own = chooseScale(block, first);
      quantizer.encode(own, block,
                       MutableArrayRef<uint32_t>(result.codes)
                           .slice(row * size + first, count));
    }
}

/// Encodes the input at `position` and gives its error in units of the
/// factor's diagonal.
void Encoder::encode(int64_t row, int64_t position, double &value,
                     double &error) {
  int64_t input = factor.order[position];
  BlockParams own = params[row * groups + input / group];
  uint32_t code;
  float in = float(value), out;
  quantizer.encode(own, in, code);
  quantizer.decode(own, code, out);
  result.codes[row * size + input] = code;
  error = (value - out) / factor.factor[position * size + position];
}

void Encoder::withFeedback(ArrayRef<float> weights) {
  std::vector<double> values(rows * size);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < size; ++i) {
      int64_t input = factor.order[i];
      values[row * size + i] =
          factor.isDead[input] ? 0.0 : double(weights[row * size + input]);
    }
  std::vector<float> block;
  auto chooseScales = [&](int64_t g, auto read) {
    auto [first, count] = getGroup(g);
    block.resize(count);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < count; ++i)
        block[i] = read(row, first + i);
      params[row * groups + g] = chooseScale(block, first);
    }
  };
  if (factor.isOrdered)
    for (int64_t g = 0; g < groups; ++g)
      chooseScales(g, [&](int64_t row, int64_t input) {
        return factor.isDead[input] ? 0.0f : weights[row * size + input];
      });
  std::vector<double> errors(rows * blockInputs);
  for (int64_t begin = 0, end; begin < size; begin = end) {
    end = getBlockEnd(begin);
    for (int64_t i = begin; i < end; ++i) {
      if (!factor.isOrdered && i % group == 0)
        chooseScales(i / group, [&](int64_t row, int64_t input) {
          return float(values[row * size + input]);
        });
      const double *spread = factor.factor.data() + i * size;
      for (int64_t row = 0; row < rows; ++row) {
        double *line = values.data() + row * size, error;
        encode(row, i, line[i], error);
        errors[row * blockInputs + i - begin] = error;
        for (int64_t j = i + 1; j < end; ++j)
          line[j] -= error * spread[j];
      }
    }
    if (end < size)
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, size - end,
                  end - begin, -1.0, errors.data(), blockInputs,
                  factor.factor.data() + begin * size + end, size, 1.0,
                  values.data() + end, size);
  }
}

QuantizedRows Encoder::take(QTensorType type) {
  for (BlockParams block : params) {
    if (type.hasScale())
      result.scales.push_back(block.scale);
    if (type.hasZeros())
      result.zeros.push_back(block.zero);
  }
  return std::move(result);
}

QuantizedRows qnt::quantizeByMoment(QTensorType type, ClipMethod clip,
                                    ArrayRef<float> weights, int64_t rows,
                                    const MomentFactor &factor) {
  Encoder encoder(type, clip, factor, rows);
  if (factor.factor.empty()) {
    encoder.toNearest(weights);
  } else {
    useOneBlasThread();
    encoder.withFeedback(weights);
  }
  return encoder.take(type);
}
