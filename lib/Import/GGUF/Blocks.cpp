//===- Blocks.cpp - the tensor types of GGUF that are read ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The blocks are those of ggml's quantised types; scales and offsets of the
// K-quants are products of an f16 and a small integer, exact in f32.
//
//===----------------------------------------------------------------------===//
#include "Blocks.h"

#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Support/Half.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::gguf;
using params::DType;

static float readHalf(const std::byte *at) {
  uint16_t bits;
  std::memcpy(&bits, at, 2);
  return support::f16ToFloat(bits);
}

static void writeFloat(std::byte *floats, int64_t i, float value) {
  std::memcpy(floats + 4 * i, &value, 4);
}

/// f16 d; 16 bytes, low nibbles before high ones; d * (q - 8).
static void unpackQ40(const std::byte *block, BlockOut out) {
  if (out.scales)
    std::memcpy(out.scales, block, 2);
  if (!out.codes)
    return;
  for (int i = 0; i < 16; ++i) {
    auto byte = uint8_t(block[2 + i]);
    // A nibble with its high bit flipped is q - 8 in two's complement.
    out.codes[i] = (byte & 15) ^ 8;
    out.codes[i + 16] = (byte >> 4) ^ 8;
  }
}

/// f16 d; 32 signed bytes; d * q.
static void unpackQ80(const std::byte *block, BlockOut out) {
  if (out.scales)
    std::memcpy(out.scales, block, 2);
  if (out.codes)
    std::memcpy(out.codes, block + 2, 32);
}

/// f16 d, f16 dmin; 12 bytes with eight 6-bit scales and minima; 128 bytes, of
/// which each 32 hold 64 codes, low nibbles before high ones;
/// d * scale * q - dmin * minimum.
static void unpackQ4K(const std::byte *block, BlockOut out) {
  float d = readHalf(block), dmin = readHalf(block + 2);
  const auto *packed = reinterpret_cast<const uint8_t *>(block + 4);
  for (int j = 0; j < 8; ++j) {
    unsigned scale = packed[j] & 63, minimum = packed[j + 4] & 63;
    if (j >= 4) {
      scale = (packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4;
      minimum = packed[j + 4] >> 4 | (packed[j] >> 6) << 4;
    }
    if (out.scales)
      writeFloat(out.scales, j, d * float(scale));
    if (out.offsets)
      out.offsets[j] = dmin * float(minimum);
  }
  if (!out.codes)
    return;
  const auto *codes = reinterpret_cast<const uint8_t *>(block + 16);
  for (int quarter = 0; quarter < 4; ++quarter)
    for (int i = 0; i < 32; ++i) {
      uint8_t byte = codes[32 * quarter + i];
      out.codes[64 * quarter + i] = byte & 15;
      out.codes[64 * quarter + 32 + i] = byte >> 4;
    }
}

/// 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, f16 d;
/// d * scale * (q - 32).
static void unpackQ6K(const std::byte *block, BlockOut out) {
  if (out.scales) {
    float d = readHalf(block + 208);
    for (int i = 0; i < 16; ++i)
      writeFloat(out.scales, i, d * float(int8_t(block[192 + i])));
  }
  if (!out.codes)
    return;
  const auto *bytes = reinterpret_cast<const uint8_t *>(block);
  for (int half = 0; half < 2; ++half) {
    const uint8_t *low = bytes + 64 * half, *high = bytes + 128 + 32 * half;
    for (int part = 0; part < 4; ++part)
      for (int i = 0; i < 32; ++i) {
        unsigned nibble = low[32 * (part & 1) + i] >> (part & 2 ? 4 : 0) & 15;
        unsigned q = nibble | (high[i] >> (2 * part) & 3) << 4;
        // q - 32 in six bits of two's complement.
        out.codes[128 * half + 32 * part + i] = uint8_t(q ^ 32);
      }
  }
}

// clang-format off: a line for each.
static constexpr BlockType blockTypes[] = {
    {0, "F32", 1, 4, DType::F32},
    {1, "F16", 1, 2, DType::F16},
    {30, "BF16", 1, 2, DType::BF16},
    {8, "Q8_0", 32, 34, DType::U8, "int8", 32, DType::F16, false, unpackQ80},
    {2, "Q4_0", 32, 18, DType::U8, "int4", 32, DType::F16, false, unpackQ40},
    {12, "Q4_K", 256, 144, DType::U8, "uint4", 32, DType::F32, true, unpackQ4K},
    {14, "Q6_K", 256, 210, DType::U8, "int6", 16, DType::F32, false, unpackQ6K},
};
// clang-format on

/// The names of types that are not read, for messages.
static constexpr std::pair<uint32_t, const char *> otherTypes[] = {
    {3, "Q4_1"},     {6, "Q5_0"},    {7, "Q5_1"},     {9, "Q8_1"},
    {10, "Q2_K"},    {11, "Q3_K"},   {13, "Q5_K"},    {15, "Q8_K"},
    {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"},
    {20, "IQ4_NL"},  {21, "IQ3_S"},  {22, "IQ2_S"},   {23, "IQ4_XS"},
    {24, "I8"},      {25, "I16"},    {26, "I32"},     {27, "I64"},
    {28, "F64"},     {29, "IQ1_M"},  {34, "TQ1_0"},   {35, "TQ2_0"},
    {39, "MXFP4"},   {40, "NVFP4"}};

const BlockType *qnt::gguf::findBlockType(uint32_t id) {
  const auto *found = llvm::find_if(
      blockTypes, [&](const BlockType &type) { return type.id == id; });
  return found == std::end(blockTypes) ? nullptr : found;
}

std::string qnt::gguf::describeBlockType(uint32_t id) {
  for (auto [known, name] : otherTypes)
    if (known == id)
      return std::string(name) + " (" + std::to_string(id) + ")";
  return std::to_string(id);
}

std::string qnt::gguf::listBlockTypes() {
  return llvm::join(
      llvm::map_range(blockTypes,
                      [](const BlockType &type) { return type.name; }),
      ", ");
}

static Type getElementType(DType dtype, MLIRContext *context) {
  switch (dtype) {
  case DType::F16:
    return Float16Type::get(context);
  case DType::BF16:
    return BFloat16Type::get(context);
  default:
    return Float32Type::get(context);
  }
}

Type BlockType::getType(ArrayRef<int64_t> shape, MLIRContext *context) const {
  if (!isQuantized())
    return RankedTensorType::get(shape, getElementType(dtype, context));
  return QTensorType::get(context, shape, parseFormat(format, context),
                          BlockAttr::get(context, BlockKind::Group, group),
                          getElementType(scale, context),
                          hasOffsets ? ZeroKind::Offset : ZeroKind::None,
                          Attribute());
}
