//===- TensorProducts.cpp - products in tensor memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// tcgen05.mma of one block with A in tensor memory (PTX ISA, "Matrix
// Multiply-Accumulate Operations"): descriptors and layouts as formulas.
//===----------------------------------------------------------------------===//
#include "../Instructions.h"
#include "../MatrixOperand.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::emu;

namespace {
/// "Shared memory descriptor": where B lies.
struct MatrixDescriptor {
  uint64_t address, stride, version, baseOffset, isAbsolute, swizzle;

  explicit MatrixDescriptor(uint64_t bits)
      : address((bits & 0x3fff) << 4), stride((bits >> 32 & 0x3fff) << 4),
        version(bits >> 46 & 7), baseOffset(bits >> 49 & 7),
        isAbsolute(bits >> 52 & 1), swizzle(bits >> 61) {}
};

/// "Instruction descriptor" of the kinds f16 and i8.
struct ProductDescriptor {
  /// Bits that a plain product of A and B with rows of inputs has not: sparsity
  /// and its selector, saturation, reserved ones, signs, transpositions, shift.
  static constexpr uint32_t others =
      0xf | 1 << 6 | 0xf << 13 | 1 << 23 | 7u << 29;
  uint32_t rest, sums, a, b;
  unsigned n, m;

  explicit ProductDescriptor(uint32_t bits)
      : rest(bits & others), sums(bits >> 4 & 3), a(bits >> 7 & 7),
        b(bits >> 10 & 7), n((bits >> 17 & 0x3f) * 8),
        m((bits >> 24 & 0x1f) * 16) {}

  /// Of the product's kind; nothing where there is no such element.
  std::optional<qgpu::Element> decode(NVVM::Tcgen05MMAKind kind,
                                      uint32_t code) const {
    bool ofIntegers = kind == NVVM::Tcgen05MMAKind::I8;
    if (code > 1 || sums != (ofIntegers ? 2 : 1))
      return std::nullopt;
    if (ofIntegers)
      return code ? qgpu::Element::S8 : qgpu::Element::U8;
    return code ? qgpu::Element::BF16 : qgpu::Element::F16;
  }
};

class Product {
public:
  Product(NVVM::Tcgen05MMAKind kind, Execution &execution)
      : kind(kind), execution(execution),
        descriptor(execution.operand<uint32_t>(0, 3)) {}
  /// An error, or nothing.
  std::string run();

private:
  std::string check();
  std::string load();
  template <typename Number> std::string multiply();

  NVVM::Tcgen05MMAKind kind;
  Execution &execution;
  ProductDescriptor descriptor;
  qgpu::Element elementA = {}, elementB = {};
  Shadow::Epoch by = 0;
  size_t inputs = 0;
  /// [rows][inputs] and [columns][inputs].
  std::vector<float> a, b;
};
} // namespace

// Columns of tensor memory that A's inputs of a step take.
static constexpr size_t kStepColumns = kStepBytes / 4;

std::string Product::check() {
  auto first = descriptor.decode(kind, descriptor.a),
       second = descriptor.decode(kind, descriptor.b);
  if (!first || !second)
    return "has elements that its kind does not know";
  elementA = *first;
  elementB = *second;
  if (descriptor.rest || descriptor.m != kTensorLanes)
    return "is no plain product of 128 rows";
  if (descriptor.n < 16 || descriptor.n > 256 || descriptor.n % 16)
    return llvm::formatv("has no shape of n = {0}", descriptor.n);
  MatrixDescriptor matrix(execution.operand<uint64_t>(0, 2));
  if (matrix.version != 1 || matrix.swizzle != 2 || matrix.baseOffset ||
      matrix.isAbsolute)
    return "reads a matrix that is not swizzled by 128 bytes from a multiple "
           "of 1024 on";
  return {};
}

/// A: in the lane of a row, words of its inputs, one after the other.
std::string Product::load() {
  MatrixDescriptor matrix(execution.operand<uint64_t>(0, 2));
  SwizzledMatrix operand{matrix.address, matrix.stride, elementB, descriptor.n};
  std::string error = operand.load(execution, 0, by, b);
  auto bytes = size_t(qgpu::getBytes(elementA));
  inputs = kStepBytes / bytes;
  a.resize(kTensorLanes * inputs);
  auto place = TensorMemory::Place::of(execution.operand<uint32_t>(0, 1));
  if (place.lane)
    return "has an A that does not begin at lane 0";
  for (size_t row = 0; row < kTensorLanes && error.empty(); ++row) {
    uint32_t words[kStepColumns] = {};
    error = execution.block.tensor.read(execution.lane(0).clock, by,
                                        {row, place.column}, words);
    for (size_t i = 0; i < inputs; ++i)
      a[row * inputs + i] =
          decode(elementA, reinterpret_cast<const char *>(words) + i * bytes);
  }
  return error;
}

/// D: in the lane of a row, a number for each column of the product.
template <typename Number> std::string Product::multiply() {
  auto place = TensorMemory::Place::of(execution.operand<uint32_t>(0, 0));
  if (place.lane)
    return "has a D that does not begin at lane 0";
  bool hasSums = execution.operand<uint8_t>(0, 4) & 1;
  TensorMemory &tensor = execution.block.tensor;
  const LaneClock &clock = execution.lane(0).clock;
  size_t n = descriptor.n;
  std::vector<Number> columns(n * inputs), sums(n);
  for (size_t j = 0; j < n; ++j)
    for (size_t i = 0; i < inputs; ++i)
      columns[i * n + j] = Number(b[j * inputs + i]);
  std::vector<uint32_t> words(n);
  for (size_t row = 0; row < kTensorLanes; ++row) {
    std::string error;
    if (hasSums)
      error = tensor.read(clock, by, {row, place.column}, words);
    if (!error.empty())
      return error;
    std::fill(sums.begin(), sums.end(), Number(0));
    if (hasSums)
      std::memcpy(sums.data(), words.data(), 4 * n);
    for (size_t i = 0; i < inputs; ++i) {
      auto x = Number(a[row * inputs + i]);
      const Number *y = columns.data() + i * n;
      for (size_t j = 0; j < n; ++j)
        if constexpr (std::is_integral_v<Number>)
          sums[j] = Number(uint32_t(sums[j]) + uint32_t(x * y[j]));
        else
          sums[j] += x * y[j];
    }
    std::memcpy(words.data(), sums.data(), 4 * n);
    error = tensor.write(clock, by, {row, place.column}, words);
    if (!error.empty())
      return error;
  }
  return {};
}

std::string Product::run() {
  std::string error = check();
  if (!error.empty())
    return error;
  by = execution.block.tensor.beginProduct(execution.lane(0).clock);
  if (!by)
    return "is of one lane more than can be told apart";
  error = load();
  if (!error.empty())
    return error;
  return qgpu::isInteger(elementA) ? multiply<int32_t>() : multiply<float>();
}

static FailureOr<Instruction> lowerProduct(NVVM::Tcgen05MMAOp op) {
  NVVM::Tcgen05MMAKind kind = op.getKind();
  if (op.getCtaGroup() != NVVM::CTAGroupKind::CTA_1 || op.getAShift() ||
      op.getScaleInputD() || op.getDisableOutputLane() ||
      isa<IntegerType>(op.getMatrixA().getType()) ||
      (kind != NVVM::Tcgen05MMAKind::I8 && kind != NVVM::Tcgen05MMAKind::F16))
    return op.emitOpError("expected a plain product of one block of the kind "
                          "i8 or f16, with A in tensor memory");
  return Instruction{Scope::Lane, [kind](Execution &execution) {
                       std::string error = Product(kind, execution).run();
                       if (!error.empty())
                         execution.fail(0, error);
                     }};
}

void qnt::emu::addTensorProducts(InstructionTable &table) {
  table.add<NVVM::Tcgen05MMAOp>(lowerProduct);
}
