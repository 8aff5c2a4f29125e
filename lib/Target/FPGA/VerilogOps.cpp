//===- VerilogOps.cpp - ops as Verilog -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "VerilogOps.h"

#include "Lanes.h"
#include "Products.h"
#include "VerilogModules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

std::string fpga::declareRange(int64_t bits) {
  return bits == 1 ? "" : formatv("[{0}:0] ", bits - 1).str();
}

/// Elements as one number, the first in the lowest bits.
static APInt pack(ArrayRef<APInt> elements) {
  unsigned bits = elements.front().getBitWidth();
  APInt word(bits * elements.size(), 0);
  for (auto [lane, element] : llvm::enumerate(elements))
    word.insertBits(element, lane * bits);
  return word;
}

static std::string writeDigits(const APInt &word) {
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
  return formatv("{0}'h{1}", countBits(constant.getType()),
                 writeDigits(pack(elements)));
}

std::string fpga::writeContents(ElementsAttr contents, MemoryType type,
                                int64_t low, int64_t bits) {
  auto all = llvm::to_vector(contents.getValues<APInt>());
  size_t lanes = countLanes(type.getWord());
  std::string text;
  for (size_t word = 0; word < all.size(); word += lanes)
    text += writeDigits(
                pack(ArrayRef(all).slice(word, lanes)).extractBits(bits, low)) +
            "\n";
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

/// Assigns the lanes of a gather, the lowest first.
static void writeGather(raw_ostream &os, const std::string &name, int64_t bits,
                        const Gather &gather, Refer refer) {
  SmallVector<std::string> runs;
  for (auto [begin, count, source, first] : gather.getRuns()) {
    std::string from = refer(source);
    runs.push_back(
        count == countLanes(source.getType())
            ? from
            : formatv("{0}[{1} +: {2}]", from, first * bits, count * bits)
                  .str());
  }
  os << "  assign " << name << " = ";
  if (llvm::all_equal(runs))
    os << repeat(runs.front(), int64_t(runs.size()));
  else
    os << "{" << llvm::join(llvm::reverse(runs), ", ") << "}";
  os << ";\n";
}

void fpga::writeWiring(raw_ostream &os, Operation *op, const std::string &name,
                       Refer refer) {
  Value result = op->getResult(0);
  int64_t bits = getElementBits(result.getType());
  if (auto gather = getGather(op))
    return writeGather(os, name, bits, *gather, refer);
  if (!isa<arith::TruncIOp, arith::ExtSIOp, arith::ExtUIOp>(op))
    return writeArithmetic(os, op, name, refer);
  Value in = op->getOperand(0);
  int64_t from = getElementBits(in.getType());
  std::string source = refer(in);
  forEachLane(os, result, name, [&](const std::string &lane) {
    if (isa<arith::TruncIOp>(op))
      return formatv("{0}[{1}*{2} +: {3}]", source, lane, from, bits).str();
    std::string sign = "1'b0";
    if (isa<arith::ExtSIOp>(op))
      sign = countBits(in.getType()) == 1
                 ? source
                 : formatv("{0}[{1}*{2} + {3}]", source, lane, from, from - 1)
                       .str();
    return "{" + repeat(sign, bits - from) + ", " +
           selectLane(in, source, lane) + "}";
  });
}

/// Without what extends it, so that a multiplier is as narrow as what it
/// multiplies.
static std::string writeFactor(const Factor &factor, const std::string &lane,
                               Refer refer) {
  std::string name = selectLane(factor.value, refer(factor.value), lane);
  return factor.isSigned ? "$signed(" + name + ")"
                         : "$signed({1'b0, " + name + "})";
}

std::string fpga::nameLane(const std::string &name, size_t lane) {
  auto [base, stage] = StringRef(name).split("_s");
  std::string own = formatv("{0}_l{1}", base, lane);
  return stage.empty() ? own : formatv("{0}_s{1}", own, stage).str();
}

void fpga::writeConstantProducts(raw_ostream &os, arith::MulIOp op,
                                 const ConstantProducts &products,
                                 const std::string &name, Refer refer) {
  for (auto [number, product] : llvm::enumerate(products.lanes)) {
    if (product.bits == 0)
      continue;
    std::string lane = std::to_string(number);
    os << formatv("  assign {0}_next = {1} * {2};\n", nameLane(name, number),
                  writeFactor(products.other, lane, refer),
                  writeFactor(products.constant, lane, refer));
  }
}

void fpga::writeLanes(raw_ostream &os, const std::string &name, int64_t bits,
                      const ConstantProducts &products) {
  SmallVector<std::string> lanes;
  for (auto [number, product] : llvm::enumerate(products.lanes)) {
    std::string own = nameLane(name, number);
    if (product.bits == 0) {
      lanes.push_back(formatv("{0}'d0", bits));
      continue;
    }
    std::string sign = !product.isSigned ? "1'b0"
                       : product.bits == 1
                           ? own
                           : formatv("{0}[{1}]", own, product.bits - 1).str();
    if (product.bits < bits)
      own = repeat(sign, bits - product.bits) + ", " + own;
    lanes.push_back(own);
  }
  os << "  assign " << name << " = {" << llvm::join(llvm::reverse(lanes), ", ")
     << "};\n";
}

/// One instance of the module of products for each lane.
static void writeProducts(raw_ostream &os, arith::MulIOp op,
                          const std::string &name, Refer refer) {
  ProductShape shape(op);
  Value result = op.getResult();
  int64_t lanes = countLanes(result.getType());
  std::string lane = "l_" + name, begin, end;
  if (lanes > 1) {
    begin = formatv("  genvar {0};\n  generate\n    for ({0} = 0; {0} < {1}; "
                    "{0} = {0} + 1) begin : lanes_{2}\n",
                    lane, lanes, name);
    end = "    end\n  endgenerate\n";
  }
  auto write = [&](const Factor &factor) {
    return selectLane(factor.value, refer(factor.value), lane);
  };
  std::string a = write(shape.a), b = write(shape.b);
  os << begin
     << formatv("      {0} product_{1} (.a({2}), .b({3}), .y({4}));\n",
                nameProduct(shape), name, a, b, selectLane(result, name, lane))
     << end;
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

/// A number of places, in the bits that those of an element take: of amounts of
/// more than 32 bits Verilator 5.006 folds signed shifts wrongly.
static std::string selectPlaces(Value places, const std::string &name,
                                const std::string &lane) {
  int64_t bits = getElementBits(places.getType());
  if (bits == 1)
    return selectLane(places, name, lane);
  int64_t needed = llvm::Log2_64_Ceil(uint64_t(bits));
  if (countLanes(places.getType()) == 1)
    return formatv("{0}[0 +: {1}]", name, needed);
  return formatv("{0}[{1}*{2} +: {3}]", name, lane, bits, needed);
}

void fpga::writeArithmetic(raw_ostream &os, Operation *op,
                           const std::string &name, Refer refer) {
  auto product = dyn_cast<arith::MulIOp>(op);
  if (product && isInLuts(product))
    return writeProducts(os, product, name, refer);
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
        auto shift = [&](const char *value) {
          return formatv(value, in[0],
                         selectPlaces(op->getOperand(1), sources[1], lane))
              .str();
        };
        using P = arith::CmpIPredicate;
        return llvm::TypeSwitch<Operation *, std::string>(op)
            .Case([&](arith::AddIOp) { return infix("+"); })
            .Case([&](arith::SubIOp) { return infix("-"); })
            .Case([&](arith::AndIOp) { return infix("&"); })
            .Case([&](arith::OrIOp) { return infix("|"); })
            .Case([&](arith::XOrIOp) { return infix("^"); })
            .Case([&](arith::ShLIOp) { return shift("{0} << {1}"); })
            .Case([&](arith::ShRUIOp) { return shift("{0} >> {1}"); })
            .Case([&](arith::ShRSIOp) { return shift("$signed({0}) >>> {1}"); })
            .Case([&](arith::MulIOp op) {
              SmallVector<Factor, 2> factors = getFactors(op);
              return writeFactor(factors[0], lane, refer) + " * " +
                     writeFactor(factors[1], lane, refer);
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
