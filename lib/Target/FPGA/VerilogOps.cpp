//===- VerilogOps.cpp - ops as Verilog -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "VerilogOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

std::string fpga::declareRange(int64_t bits) {
  return bits == 1 ? "" : formatv("[{0}:0] ", bits - 1).str();
}

static int64_t getElementBits(Type type) {
  return getElementTypeOrSelf(type).getIntOrFloatBitWidth();
}

static int64_t countLanes(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

/// Hexadecimal digits of elements, the first in the lowest bits.
static std::string pack(ArrayRef<APInt> elements) {
  unsigned bits = elements.front().getBitWidth();
  APInt word(bits * elements.size(), 0);
  for (auto [lane, element] : llvm::enumerate(elements))
    word.insertBits(element, lane * bits);
  llvm::SmallString<64> digits;
  word.toString(digits, 16, /*Signed=*/false);
  return digits.str().lower();
}

std::string fpga::writeLiteral(TypedAttr constant) {
  SmallVector<APInt> elements;
  if (auto integer = dyn_cast<IntegerAttr>(constant))
    elements.push_back(integer.getValue());
  else
    llvm::append_range(elements,
                       cast<DenseElementsAttr>(constant).getValues<APInt>());
  return formatv("{0}'h{1}", countBits(constant.getType()), pack(elements));
}

std::string fpga::writeContents(ElementsAttr contents, MemoryType type) {
  auto all = llvm::to_vector(contents.getValues<APInt>());
  size_t lanes = countLanes(type.getWord());
  std::string text;
  for (size_t word = 0; word < all.size(); word += lanes)
    text += pack(ArrayRef(all).slice(word, lanes)) + "\n";
  return text;
}

/// Lane `lane`, a number or the name of one, of `count` of `bits` each.
static std::string select(const std::string &name, int64_t count, int64_t bits,
                          const std::string &lane) {
  if (count == 1)
    return name;
  return formatv("{0}[{1}*{2} +: {2}]", name, lane, bits);
}

static std::string selectLane(Value value, const std::string &name,
                              const std::string &lane) {
  return select(name, countLanes(value.getType()),
                getElementBits(value.getType()), lane);
}

/// "{3{x}}".
static std::string repeat(const std::string &bits, int64_t count) {
  return "{" + std::to_string(count) + "{" + bits + "}}";
}

/// One assignment for each lane of `result`.
static void forEachLane(raw_ostream &os, Value result, const std::string &name,
                        function_ref<std::string(const std::string &)> write) {
  int64_t lanes = countLanes(result.getType());
  if (lanes == 1) {
    // What it refers to is written before.
    std::string text = write("0");
    os << "  assign " << name << " = " << text << ";\n";
    return;
  }
  std::string lane = "l_" + name, text = write(lane);
  os << formatv("  genvar {0};\n  generate\n    for ({0} = 0; {0} < {1}; {0} = "
                "{0} + 1) begin : lanes_{2}\n      assign {3} = {4};\n    "
                "end\n  endgenerate\n",
                lane, lanes, name, selectLane(result, name, lane), text);
}

/// Where lanes come from.
struct Source {
  std::string name;
  int64_t lanes;
};

/// Assigns lanes of `sources`, counted on from one to the next, in this order
/// from the lowest on.
static void writeGather(raw_ostream &os, const std::string &name, int64_t bits,
                        ArrayRef<Source> sources, ArrayRef<int64_t> lanes) {
  SmallVector<std::string> runs;
  for (size_t begin = 0, end; begin < lanes.size(); begin = end) {
    const Source *source = sources.begin();
    int64_t first = lanes[begin];
    for (; first >= source->lanes; ++source)
      first -= source->lanes;
    for (end = begin + 1; end < lanes.size(); ++end)
      if (lanes[end] != lanes[end - 1] + 1 ||
          first + int64_t(end - begin) == source->lanes)
        break;
    int64_t count = end - begin;
    runs.push_back(count == source->lanes
                       ? source->name
                       : formatv("{0}[{1} +: {2}]", source->name, first * bits,
                                 count * bits)
                             .str());
  }
  os << "  assign " << name << " = ";
  if (llvm::all_equal(runs))
    os << repeat(runs.front(), int64_t(runs.size()));
  else
    os << "{" << llvm::join(llvm::reverse(runs), ", ") << "}";
  os << ";\n";
}

/// Of each lane of a vector of this shape, row-major, its place in each
/// dimension.
static void forEachPlace(ArrayRef<int64_t> shape,
                         function_ref<void(ArrayRef<int64_t>)> visit) {
  SmallVector<int64_t> strides = computeStrides(shape);
  for (int64_t lane = 0; lane < computeProduct(shape); ++lane)
    visit(delinearize(lane, strides));
}

/// Dimensions that the source lacks, or has one of, repeat it.
static SmallVector<int64_t> getBroadcastLanes(vector::BroadcastOp op) {
  auto vector = dyn_cast<VectorType>(op.getSource().getType());
  SmallVector<int64_t> shape;
  if (vector)
    llvm::append_range(shape, vector.getShape());
  SmallVector<int64_t> strides = computeStrides(shape), lanes;
  forEachPlace(
      op.getResultVectorType().getShape(), [&](ArrayRef<int64_t> place) {
        int64_t lane = 0;
        for (auto [at, size, stride] :
             llvm::zip_equal(place.take_back(shape.size()), shape, strides))
          lane += size == 1 ? 0 : at * stride;
        lanes.push_back(lane);
      });
  return lanes;
}

static SmallVector<int64_t> getSliceLanes(vector::ExtractStridedSliceOp op) {
  ArrayRef<int64_t> shape =
      cast<VectorType>(op.getSource().getType()).getShape();
  SmallVector<int64_t> offsets(shape.size(), 0);
  for (auto [offset, attr] :
       llvm::zip(offsets, op.getOffsets().getAsRange<IntegerAttr>()))
    offset = attr.getInt();
  SmallVector<int64_t> strides = computeStrides(shape), lanes;
  forEachPlace(cast<VectorType>(op.getType()).getShape(),
               [&](ArrayRef<int64_t> place) {
                 int64_t lane = 0;
                 for (auto [at, offset, stride] :
                      llvm::zip_equal(place, offsets, strides))
                   lane += (at + offset) * stride;
                 lanes.push_back(lane);
               });
  return lanes;
}

void fpga::writeWiring(raw_ostream &os, Operation *op, const std::string &name,
                       Refer refer) {
  Value result = op->getResult(0);
  int64_t bits = getElementBits(result.getType());
  auto range = [&](const std::string &source, int64_t first, int64_t count) {
    return formatv("{0}[{1} +: {2}]", source, first, count).str();
  };
  auto getSource = [&](Value value) -> Source {
    return {refer(value), countLanes(value.getType())};
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case<arith::ExtSIOp, arith::ExtUIOp>([&](auto ext) {
        Value in = ext.getIn();
        int64_t from = getElementBits(in.getType());
        std::string source = refer(in);
        forEachLane(os, result, name, [&](const std::string &lane) {
          std::string own = selectLane(in, source, lane);
          std::string sign = "1'b0";
          if (isa<arith::ExtSIOp>(op))
            sign = countBits(in.getType()) == 1
                       ? source
                       : formatv("{0}[{1}*{2} + {3}]", source, lane, from,
                                 from - 1)
                             .str();
          return "{" + repeat(sign, bits - from) + ", " + own + "}";
        });
      })
      .Case([&](arith::TruncIOp trunc) {
        Value in = trunc.getIn();
        int64_t from = getElementBits(in.getType());
        std::string source = refer(in);
        forEachLane(os, result, name, [&](const std::string &lane) {
          return formatv("{0}[{1}*{2} +: {3}]", source, lane, from, bits).str();
        });
      })
      .Case([&](vector::BroadcastOp broadcast) {
        writeGather(os, name, bits, getSource(broadcast.getSource()),
                    getBroadcastLanes(broadcast));
      })
      .Case([&](vector::ShapeCastOp cast) {
        std::string source = refer(cast.getSource());
        os << "  assign " << name << " = " << source << ";\n";
      })
      .Case([&](vector::FromElementsOp made) {
        SmallVector<std::string> elements;
        for (Value element : llvm::reverse(made.getElements()))
          elements.push_back(refer(element));
        os << "  assign " << name << " = {" << llvm::join(elements, ", ")
           << "};\n";
      })
      .Case([&](vector::ExtractOp extract) {
        int64_t size = countBits(result.getType()), first = 0, stride = size;
        auto shape = cast<VectorType>(extract.getSource().getType()).getShape();
        auto position = extract.getStaticPosition();
        for (int64_t i = int64_t(position.size()) - 1; i >= 0; --i) {
          first += position[i] * stride;
          stride *= shape[i];
        }
        std::string source = refer(extract.getSource());
        os << "  assign " << name << " = "
           << (stride == size ? source : range(source, first, size)) << ";\n";
      })
      .Case([&](vector::ExtractStridedSliceOp slice) {
        writeGather(os, name, bits, getSource(slice.getSource()),
                    getSliceLanes(slice));
      })
      .Case([&](vector::ShuffleOp shuffle) {
        writeGather(os, name, bits,
                    {getSource(shuffle.getV1()), getSource(shuffle.getV2())},
                    shuffle.getMask());
      });
}

/// A factor of a product without what extends it, so that a multiplier is as
/// narrow as what it multiplies.
static std::string writeFactor(Value factor, const std::string &lane,
                               Refer refer) {
  Operation *op = factor.getDefiningOp();
  if (auto ext = dyn_cast_or_null<arith::ExtSIOp>(op))
    return formatv("$signed({0})",
                   selectLane(ext.getIn(), refer(ext.getIn()), lane));
  if (auto ext = dyn_cast_or_null<arith::ExtUIOp>(op))
    return "$signed({1'b0, " +
           selectLane(ext.getIn(), refer(ext.getIn()), lane) + "})";
  return formatv("$signed({0})", selectLane(factor, refer(factor), lane));
}

static std::string writeComparison(arith::CmpIPredicate predicate,
                                   const std::string &a, const std::string &b) {
  using P = arith::CmpIPredicate;
  const char *symbol = "";
  switch (predicate) {
  case P::eq:
    symbol = "==";
    break;
  case P::ne:
    symbol = "!=";
    break;
  case P::slt:
  case P::ult:
    symbol = "<";
    break;
  case P::sle:
  case P::ule:
    symbol = "<=";
    break;
  case P::sgt:
  case P::ugt:
    symbol = ">";
    break;
  case P::sge:
  case P::uge:
    symbol = ">=";
    break;
  }
  bool isSigned = predicate >= P::slt && predicate <= P::sge;
  return formatv(isSigned ? "$signed({0}) {1} $signed({2})" : "{0} {1} {2}", a,
                 symbol, b);
}

void fpga::writeArithmetic(raw_ostream &os, Operation *op,
                           const std::string &name, Refer refer) {
  SmallVector<std::string> sources;
  if (!isa<arith::MulIOp>(op))
    for (Value operand : op->getOperands())
      sources.push_back(refer(operand));
  forEachLane(
      os, op->getResult(0), name, [&](const std::string &lane) -> std::string {
        SmallVector<std::string> in;
        for (auto [source, operand] : llvm::zip(sources, op->getOperands()))
          in.push_back(selectLane(operand, source, lane));
        auto infix = [&](const char *symbol) {
          return formatv("{0} {1} {2}", in[0], symbol, in[1]).str();
        };
        auto choose = [&](arith::CmpIPredicate predicate) {
          return formatv("({0}) ? {1} : {2}",
                         writeComparison(predicate, in[0], in[1]), in[0], in[1])
              .str();
        };
        using P = arith::CmpIPredicate;
        return llvm::TypeSwitch<Operation *, std::string>(op)
            .Case([&](arith::AddIOp) { return infix("+"); })
            .Case([&](arith::SubIOp) { return infix("-"); })
            .Case([&](arith::AndIOp) { return infix("&"); })
            .Case([&](arith::OrIOp) { return infix("|"); })
            .Case([&](arith::XOrIOp) { return infix("^"); })
            .Case([&](arith::ShLIOp) { return infix("<<"); })
            .Case([&](arith::ShRUIOp) { return infix(">>"); })
            .Case([&](arith::ShRSIOp) {
              return formatv("$signed({0}) >>> {1}", in[0], in[1]).str();
            })
            .Case([&](arith::MulIOp) {
              return writeFactor(op->getOperand(0), lane, refer) + " * " +
                     writeFactor(op->getOperand(1), lane, refer);
            })
            .Case([&](arith::CmpIOp compare) {
              return writeComparison(compare.getPredicate(), in[0], in[1]);
            })
            .Case([&](arith::SelectOp) {
              return formatv("{0} ? {1} : {2}", in[0], in[1], in[2]).str();
            })
            .Case([&](arith::MaxSIOp) { return choose(P::sgt); })
            .Case([&](arith::MaxUIOp) { return choose(P::ugt); })
            .Case([&](arith::MinSIOp) { return choose(P::slt); })
            .Case([&](arith::MinUIOp) { return choose(P::ult); });
      });
}
