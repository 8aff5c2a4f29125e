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

#include <array>
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
  /// Bytes that columns of 16 bytes are exchanged within; 0 for other modes.
  uint64_t getRowBytes() const {
    return swizzle == 2 ? 128 : swizzle == 4 ? 64 : 0;
  }
};

/// What an instruction does, by its op.
struct Kind {
  enum { I8, F16, F8F6F4, MXF4, MXF4NVF4 } kind;

  bool isInteger() const { return kind == I8; }
  /// Scales of a row in a step; 0 where there are none.
  unsigned getGroups() const {
    return kind == MXF4 ? 2 : kind == MXF4NVF4 ? 4 : 0;
  }
};

/// "Instruction descriptor".
struct ProductDescriptor {
  /// Elements of A and B; nothing where the kind has no such code.
  std::optional<qgpu::Element> a, b;
  /// Whether what is left is that of a plain product: without sparsity,
  /// saturation, signs, transpositions, shift, reserved bits; with sums of 32
  /// bits.
  bool isPlain;
  unsigned n, m;
  /// Of blocks: the first byte of a step's scales, and whether they are powers
  /// of two.
  unsigned scaleA = 0, scaleB = 0;
  bool isPower = false;

  ProductDescriptor(Kind kind, uint32_t bits) : n((bits >> 17 & 0x3f) * 8) {
    if (kind.getGroups()) {
      readBlocks(kind, bits);
      return;
    }
    constexpr uint32_t others = 0xf | 1 << 6 | 0xf << 13 | 1 << 23 | 7u << 29;
    isPlain = !(bits & others) && (bits >> 4 & 3) == (kind.isInteger() ? 2 : 1);
    m = (bits >> 24 & 0x1f) * 16;
    a = getElement(kind, bits >> 7 & 7);
    b = getElement(kind, bits >> 10 & 7);
  }

private:
  void readBlocks(Kind kind, uint32_t bits) {
    constexpr uint32_t others = 0xf | 1 << 6 | 0x1f << 12 | 7 << 24 | 1u << 31;
    scaleA = bits >> 29 & 3;
    scaleB = bits >> 4 & 3;
    isPower = bits >> 23 & 1;
    // A word has four scales, or twice two; of powers of two either kind.
    auto isFirst = [&](unsigned byte) { return byte % kind.getGroups() == 0; };
    isPlain = !(bits & others) && isFirst(scaleA) && isFirst(scaleB) &&
              (isPower || kind.kind == Kind::MXF4NVF4);
    m = (bits >> 27 & 3) * 128;
    if ((bits >> 7 & 7) == 1)
      a = qgpu::Element::E2M1;
    if ((bits >> 10 & 3) == 1)
      b = qgpu::Element::E2M1;
  }
  static std::optional<qgpu::Element> getElement(Kind kind, uint32_t code) {
    using qgpu::Element;
    if (code > 1)
      return std::nullopt;
    switch (kind.kind) {
    case Kind::I8:
      return code ? Element::S8 : Element::U8;
    case Kind::F16:
      return code ? Element::BF16 : Element::F16;
    default:
      return code ? Element::E5M2 : Element::E4M3;
    }
  }
};

class Product {
public:
  Product(Kind kind, Execution &execution)
      : kind(kind), execution(execution),
        descriptor(kind, execution.operand<uint32_t>(0, 3)) {}
  /// An error, or nothing.
  std::string run();

private:
  using Words = MutableArrayRef<uint32_t>;
  /// Of both ops.
  enum Operand { D, A, B, Idesc, Adds, ScaleA, ScaleB };

  std::string check();
  /// The cells of `lane` from the column of an operand on.
  std::string read(Operand operand, size_t lane, Words words);
  std::string loadA();
  std::string loadB();
  std::string loadScales(Operand operand, size_t rows, unsigned byte,
                         std::vector<double> &scales);
  template <typename Number, typename Factor> std::string multiply();

  Kind kind;
  Execution &execution;
  ProductDescriptor descriptor;
  Shadow::Epoch by = 0;
  size_t inputs = 0;
  /// [rows][inputs] and [columns][inputs].
  std::vector<float> a, b;
  /// [rows][groups] and [columns][groups].
  std::vector<double> scalesA, scalesB;
};
} // namespace

// Columns of tensor memory that A's inputs of a step take.
static constexpr size_t kStepColumns = kStepBytes / 4;

std::string Product::check() {
  if (!descriptor.a || !descriptor.b)
    return "has elements that its kind does not know";
  if (!descriptor.isPlain || descriptor.m != kTensorLanes)
    return "is no plain product of 128 rows";
  unsigned step = kind.getGroups() ? 8 : 16;
  if (descriptor.n < step || descriptor.n > 256 || descriptor.n % step)
    return llvm::formatv("has no shape of n = {0}", descriptor.n);
  MatrixDescriptor matrix(execution.operand<uint64_t>(0, B));
  if (matrix.version != 1 || !matrix.getRowBytes() || matrix.baseOffset ||
      matrix.isAbsolute)
    return "reads a matrix that is not swizzled by 128 or 64 bytes from a "
           "multiple of 8 times as many on";
  for (auto [operand, name] :
       {std::pair(D, "a D"), std::pair(A, "an A"), std::pair(ScaleA, "scales"),
        std::pair(ScaleB, "scales")}) {
    if (operand >= ScaleA && !kind.getGroups())
      break;
    if (TensorMemory::Place::of(execution.operand<uint32_t>(0, operand)).lane)
      return llvm::formatv("has {0} not from lane 0 on", name);
  }
  return {};
}

std::string Product::read(Operand operand, size_t lane, Words words) {
  auto place = TensorMemory::Place::of(execution.operand<uint32_t>(0, operand));
  return execution.block.tensor.read(execution.lane(0).clock, by,
                                     {lane, place.column}, words);
}

/// In the lane of a row, words of its inputs, one after the other.
std::string Product::loadA() {
  inputs = 8 * kStepBytes / size_t(qgpu::getBits(*descriptor.a));
  a.resize(kTensorLanes * inputs);
  std::string error;
  for (size_t row = 0; row < kTensorLanes && error.empty(); ++row) {
    uint32_t words[kStepColumns] = {};
    error = read(A, row, words);
    for (size_t i = 0; i < inputs; ++i)
      a[row * inputs + i] =
          decode(*descriptor.a, reinterpret_cast<const char *>(words), i);
  }
  return error;
}

std::string Product::loadB() {
  MatrixDescriptor matrix(execution.operand<uint64_t>(0, B));
  SwizzledMatrix operand{matrix.address, matrix.stride, matrix.getRowBytes(),
                         *descriptor.b, descriptor.n};
  return operand.load(execution, 0, by, b);
}

/// "Scale factor layout": the word of row r in lane r % 32 of each quarter, in
/// column r / 32.
std::string Product::loadScales(Operand operand, size_t rows, unsigned byte,
                                std::vector<double> &scales) {
  size_t groups = kind.getGroups();
  scales.resize(rows * groups);
  for (size_t i = 0; i < std::min<size_t>(rows, kWarp); ++i) {
    std::array<uint32_t, 256 / kWarp> first = {}, other = {};
    size_t count = (rows - i + kWarp - 1) / kWarp;
    for (size_t lane = i; lane < kTensorLanes; lane += kWarp) {
      auto &words = lane < kWarp ? first : other;
      std::string error = read(operand, lane, Words(words).take_front(count));
      if (!error.empty())
        return error;
      if (lane >= kWarp && other != first)
        return llvm::formatv("has scales in lane {0} of tensor memory that are "
                             "not those in lane {1}",
                             lane, i);
    }
    for (size_t j = 0; j < count; ++j)
      for (size_t group = 0; group < groups; ++group)
        scales[(j * kWarp + i) * groups + group] = decodeScale(
            uint8_t(first[j] >> 8 * (byte + group)), descriptor.isPower);
  }
  return {};
}

/// D: in the lane of a row, a number for each column of the product. `Factor`
/// is what products are exact in.
template <typename Number, typename Factor> std::string Product::multiply() {
  auto place = TensorMemory::Place::of(execution.operand<uint32_t>(0, D));
  bool hasSums = execution.operand<uint8_t>(0, Adds) & 1;
  size_t n = descriptor.n;
  auto scale = [&](std::vector<double> &scales, size_t row, size_t i, float x) {
    auto factor = Factor(x);
    if constexpr (std::is_same_v<Factor, double>) {
      size_t groups = kind.getGroups();
      factor *= scales[row * groups + i / (inputs / groups)];
    }
    return factor;
  };
  std::vector<Factor> columns(n * inputs);
  for (size_t j = 0; j < n; ++j)
    for (size_t i = 0; i < inputs; ++i)
      columns[i * n + j] = scale(scalesB, j, i, b[j * inputs + i]);
  std::vector<Number> sums(n);
  std::vector<uint32_t> words(n);
  for (size_t row = 0; row < kTensorLanes; ++row) {
    std::string error;
    if (hasSums)
      error = read(D, row, words);
    if (!error.empty())
      return error;
    std::fill(sums.begin(), sums.end(), Number(0));
    if (hasSums)
      std::memcpy(sums.data(), words.data(), 4 * n);
    for (size_t i = 0; i < inputs; ++i) {
      Factor x = scale(scalesA, row, i, a[row * inputs + i]);
      const Factor *y = columns.data() + i * n;
      for (size_t j = 0; j < n; ++j)
        if constexpr (std::is_integral_v<Number>)
          sums[j] = Number(uint32_t(sums[j]) + uint32_t(x * y[j]));
        else
          sums[j] = Number(sums[j] + x * y[j]);
    }
    std::memcpy(words.data(), sums.data(), 4 * n);
    error = execution.block.tensor.write(execution.lane(0).clock, by,
                                         {row, place.column}, words);
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
  error = loadB();
  if (error.empty())
    error = loadA();
  if (error.empty() && kind.getGroups())
    error = loadScales(ScaleA, kTensorLanes, descriptor.scaleA, scalesA);
  if (error.empty() && kind.getGroups())
    error = loadScales(ScaleB, descriptor.n, descriptor.scaleB, scalesB);
  if (!error.empty())
    return error;
  if (kind.isInteger())
    return multiply<int32_t, int32_t>();
  return kind.getGroups() ? multiply<float, double>()
                          : multiply<float, float>();
}

static Instruction ofKind(Kind kind) {
  return Instruction{Scope::Lane, [kind](Execution &execution) {
                       std::string error = Product(kind, execution).run();
                       if (!error.empty())
                         execution.fail(0, error);
                     }};
}

static FailureOr<Instruction> lowerProduct(NVVM::Tcgen05MMAOp op) {
  using Name = NVVM::Tcgen05MMAKind;
  Name kind = op.getKind();
  if (op.getCtaGroup() != NVVM::CTAGroupKind::CTA_1 || op.getAShift() ||
      op.getScaleInputD() || op.getDisableOutputLane() ||
      isa<IntegerType>(op.getMatrixA().getType()) || kind == Name::TF32)
    return op.emitOpError("expected a plain product of one block of the kind "
                          "i8, f16 or f8f6f4, with A in tensor memory");
  return ofKind({kind == Name::I8    ? Kind::I8
                 : kind == Name::F16 ? Kind::F16
                                     : Kind::F8F6F4});
}

static FailureOr<Instruction> lowerBlocks(NVVM::Tcgen05MMABlockScaleOp op) {
  using Name = NVVM::MMABlockScaleKind;
  using Scale = NVVM::Tcgen05MMABlockScale;
  bool isFour = op.getKind() == Name::MXF4NVF4;
  bool isKnown = isFour ? op.getBlockScale() == Scale::BLOCK16
                        : op.getKind() == Name::MXF4 &&
                              op.getBlockScale() != Scale::BLOCK16;
  if (!isKnown || op.getCtaGroup() != NVVM::CTAGroupKind::CTA_1 ||
      isa<IntegerType>(op.getMatrixA().getType()))
    return op.emitOpError("expected a product of one block of the kind "
                          "mxf4nvf4 in blocks of 16 or mxf4 in blocks of 32, "
                          "with A in tensor memory");
  return ofKind({isFour ? Kind::MXF4NVF4 : Kind::MXF4});
}

void qnt::emu::addTensorProducts(InstructionTable &table) {
  table.add<NVVM::Tcgen05MMAOp>(lowerProduct);
  table.add<NVVM::Tcgen05MMABlockScaleOp>(lowerBlocks);
}
