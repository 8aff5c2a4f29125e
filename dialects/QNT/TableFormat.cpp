//===- TableFormat.cpp - numbers listed in a table -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include "llvm/ADT/STLExtras.h"

#include <array>
#include <cmath>

using namespace mlir;
using namespace qnt;

namespace {

/// A format of at most 8 bits whose numbers follow no formula.
struct Table {
  StringRef name;
  unsigned bits;
  /// The number of each code, increasing, with a zero among them.
  ArrayRef<float> numbers;
};

// The information-theoretically even split of a normal distribution (Dettmers
// et al. 2023, "QLoRA"): quantiles of N(0, 1) at 8 even steps from 1/2 to
// d = 1 - (1/32 + 1/30) / 2, at 7 even steps from 1 - d to 1/2, and zero,
// divided by the largest; as published, which is to 7 digits.
constexpr std::array<float, 16> nf4 = {
    -1.0f,         -0.696192801f, -0.525073051f,  -0.394917488f,
    -0.284441382f, -0.184773430f, -0.0910500363f, 0.0f,
    0.0795802996f, 0.160930201f,  0.246112302f,   0.337915242f,
    0.440709829f,  0.562617004f,  0.722956836f,   1.0f};

const Table tables[] = {{"nf4", 4, nf4}};

struct TableStorage : AttributeStorage {
  using KeyTy = const Table *;
  explicit TableStorage(KeyTy table) : table(table) {}
  bool operator==(const KeyTy &key) const { return key == table; }
  static TableStorage *construct(AttributeStorageAllocator &allocator,
                                 const KeyTy &key) {
    return new (allocator.allocate<TableStorage>()) TableStorage(key);
  }
  KeyTy table;
};

class TableFormatAttr
    : public Attribute::AttrBase<TableFormatAttr, Attribute, TableStorage,
                                 NumberFormat::Trait> {
public:
  using Base::Base;
  static constexpr StringLiteral name = "qnt.table";
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TableFormatAttr)

  std::string getName() const { return table().name.str(); }
  unsigned getBits() const { return table().bits; }
  bool isScaled() const { return true; }
  bool isLegalBlock(int64_t length) const {
    return length > 0 && length % 16 == 0;
  }
  float getMax() const { return table().numbers.back(); }
  float getMin() const { return table().numbers.front(); }

  DecodeSpec getDecodeSpec() const {
    DecodeSpec spec;
    spec.map = DecodeSpec::Map::Table;
    spec.bits = getBits();
    spec.table.assign(table().numbers.begin(), table().numbers.end());
    return spec;
  }

  float decode(uint32_t code) const {
    return table().numbers[code & ((1u << getBits()) - 1)];
  }

  uint32_t encode(float value) const {
    ArrayRef<float> numbers = table().numbers;
    auto above = llvm::lower_bound(numbers, std::isnan(value) ? 0 : value);
    if (above == numbers.begin())
      return 0;
    auto code = uint32_t(above - numbers.begin());
    if (above == numbers.end())
      return code - 1;
    // In double, where the distances of floats of this size are exact.
    double down = double(value) - numbers[code - 1];
    double up = double(*above) - value;
    return std::isnan(value) || up < down || (up == down && code % 2 == 0)
               ? code
               : code - 1;
  }

private:
  const Table &table() const { return *getImpl()->table; }
};

} // namespace

static NumberFormat parseName(StringRef name, MLIRContext *context) {
  for (const Table &table : tables)
    if (table.name == name)
      return TableFormatAttr::get(context, &table);
  return {};
}

namespace qnt {
void registerTableFormats(QNTDialect &dialect) {
  dialect.addFormats<TableFormatAttr>(parseName);
}
} // namespace qnt
