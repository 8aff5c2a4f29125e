//===- CppOps.cpp - values and ops as C++ -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CppOps.h"

#include "Lanes.h"

#include "qnt/Dialect/QFlow/QFlow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

std::string fpga::writeCppType(int64_t bits, bool isSigned) {
  return formatv("{0}<{1}>", isSigned ? "ap_int" : "ap_uint", bits);
}

static bool isPlainNumber(const APInt &number, bool isSigned) {
  return isSigned ? number.isSignedIntN(32) : number.isIntN(31);
}

std::string fpga::writeCppNumber(const APInt &number, bool isSigned) {
  unsigned bits = number.getBitWidth();
  if (bits <= 64)
    return llvm::toString(number, 10, isSigned) +
           (isPlainNumber(number, isSigned) ? ""
            : isSigned                      ? "LL"
                                            : "ULL");
  return formatv("{0}(\"{1}\", 16)", writeCppType(bits, isSigned),
                 llvm::toString(number, 16, /*Signed=*/false));
}

/// The lane of a source that is lane l of a gather, as l times 1 / `divisor`,
/// or modulo it, and `offset` more.
namespace {
struct View {
  enum { Divide, Modulo } kind = Divide;
  int64_t divisor = 1, offset = 0;

  std::string apply(const std::string &lane) const {
    int64_t number;
    if (!StringRef(lane).getAsInteger(10, number))
      return std::to_string(
          (kind == Divide ? number / divisor : number % divisor) + offset);
    std::string text = lane;
    if (kind == Modulo || divisor != 1)
      text = formatv(StringRef(lane).contains(' ') ? "({0}) {1} {2}"
                                                   : "{0} {1} {2}",
                     lane, kind == Divide ? "/" : "%", divisor);
    return offset ? formatv("{0} + {1}", text, offset).str() : text;
  }
};
} // namespace

static std::optional<View> findView(ArrayRef<int64_t> lanes) {
  // How many lanes the first one is repeated, then how many follow it.
  size_t same = 1, run = 1;
  while (same < lanes.size() && lanes[same] == lanes[0])
    ++same;
  while (run < lanes.size() && lanes[run] == lanes[0] + int64_t(run))
    ++run;
  View view{same > 1 ? View::Divide : View::Modulo,
            int64_t(same > 1 ? same : run), lanes[0]};
  if (same == 1 && run == lanes.size())
    view = {View::Divide, 1, lanes[0]};
  for (auto [l, lane] : llvm::enumerate(lanes)) {
    int64_t at = int64_t(l);
    if (lane != view.offset + (view.kind == View::Divide ? at / view.divisor
                                                         : at % view.divisor))
      return std::nullopt;
  }
  return view;
}

/// The source of a gather from one, and how its lanes are found there.
static std::optional<std::pair<Value, View>> findView(Value value) {
  Operation *op = value.getDefiningOp();
  auto gather = op ? getGather(op) : std::nullopt;
  if (!gather || gather->sources.size() != 1)
    return std::nullopt;
  auto view = findView(gather->lanes);
  if (!view)
    return std::nullopt;
  return std::pair(gather->sources[0], *view);
}

Value CppValues::getSource(Value value) {
  while (auto view = findView(value))
    value = view->first;
  return value;
}

std::string CppValues::getName(Value value) {
  return formatv("v{0}",
                 numbers.try_emplace(value, numbers.size()).first->second);
}

/// Whether an op takes its operands as signed numbers.
static bool takesSigned(Operation *op) {
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    return compare.getPredicate() >= arith::CmpIPredicate::slt &&
           compare.getPredicate() <= arith::CmpIPredicate::sge;
  return isa<arith::ExtSIOp, arith::ShRSIOp, arith::MaxSIOp, arith::MinSIOp>(
      op);
}

/// Whether one that takes it, or lanes of it, does so.
static bool isTakenSigned(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    return takesSigned(user) ||
           (getGather(user) && isTakenSigned(user->getResult(0)));
  });
}

bool CppValues::findSign(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto process = cast<ProcessOp>(argument.getOwner()->getParentOp());
    auto states = process.getStates();
    unsigned first = process.getBody().getNumArguments() - states.size();
    if (isTakenSigned(value) || argument.getArgNumber() < first)
      return isTakenSigned(value);
    // As what it becomes, which may depend on it.
    signs[value] = false;
    auto next = cast<NextOp>(argument.getOwner()->getTerminator());
    return isSigned(next.getStates()[argument.getArgNumber() - first]);
  }
  Operation *op = value.getDefiningOp();
  if (isa<arith::ConstantOp, LoadOp>(op))
    return isTakenSigned(value);
  if (auto read = dyn_cast<ReadOp>(op))
    return read.getStream().getType().getElement().isSigned();
  if (isa<arith::ExtUIOp, arith::ShRUIOp, arith::MaxUIOp, arith::MinUIOp,
          arith::CmpIOp>(op))
    return false;
  if (takesSigned(op))
    return true;
  if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return isSigned(op->getOperand(0)) || isSigned(op->getOperand(1));
  return isSigned(op->getOperand(isa<arith::SelectOp>(op) ? 1 : 0));
}

bool CppValues::isSigned(Value value) {
  if (auto found = signs.find(value); found != signs.end())
    return found->second;
  bool sign = findSign(value);
  return signs[value] = sign;
}

std::string CppValues::getType(Value value) {
  return writeCppType(getElementBits(value.getType()), isSigned(value));
}

/// The number that all lanes are.
static std::optional<APInt> findNumber(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  if (!constant)
    return std::nullopt;
  if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
    return integer.getValue();
  auto dense = cast<DenseElementsAttr>(constant.getValue());
  if (dense.isSplat())
    return dense.getSplatValue<APInt>();
  return std::nullopt;
}

std::string CppValues::refer(Value value, const std::string &lane,
                             std::optional<bool> asSigned, Literals literals) {
  if (auto view = findView(value)) {
    bool isOne = countLanes(value.getType()) == 1;
    return refer(view->first, view->second.apply(isOne ? "0" : lane), asSigned,
                 literals);
  }
  int64_t bits = getElementBits(value.getType());
  if (auto number = findNumber(value)) {
    bool sign = asSigned.value_or(isSigned(value));
    std::string text = writeCppNumber(*number, sign);
    if (literals == Literals::AsNumbers && isPlainNumber(*number, sign))
      return text;
    return bits > 64 ? text : writeCppType(bits, sign) + "(" + text + ")";
  }
  std::string text = getName(value);
  if (countLanes(value.getType()) > 1)
    text += "[" + lane + "]";
  if (asSigned.value_or(isSigned(value)) != isSigned(value))
    return writeCppType(bits, *asSigned) + "(" + text + ")";
  return text;
}

bool fpga::isFolded(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return findNumber(constant).has_value();
  // Products are of what was extended.
  if (isa<arith::ExtSIOp, arith::ExtUIOp>(op))
    return llvm::all_of(op->getUsers(), [](Operation *user) {
      return isa<arith::MulIOp>(user);
    });
  return false;
}

static const char *getSymbol(arith::CmpIPredicate predicate) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return "==";
  case P::ne:
    return "!=";
  case P::slt:
  case P::ult:
    return "<";
  case P::sle:
  case P::ule:
    return "<=";
  case P::sgt:
  case P::ugt:
    return ">";
  case P::sge:
  case P::uge:
    return ">=";
  }
  llvm_unreachable("not a predicate");
}

std::string fpga::writeExpression(Operation *op, const std::string &lane,
                                  CppValues &values) {
  using Literals = CppValues::Literals;
  auto refer = [&](unsigned operand, std::optional<bool> asSigned = {},
                   Literals literals = Literals::AsNumbers) {
    return values.refer(op->getOperand(operand), lane, asSigned, literals);
  };
  // One side has a type of ours, so that numbers do not meet as C's.
  auto infix = [&](const char *symbol, std::optional<bool> first = {},
                   std::optional<bool> second = {}) {
    return formatv("{0} {1} {2}", refer(0, first, Literals::Typed), symbol,
                   refer(1, second))
        .str();
  };
  auto choose = [&](const char *symbol, bool isSigned) {
    return formatv("{0} {1} {2} ? {0} : {2}",
                   refer(0, isSigned, Literals::Typed), symbol,
                   refer(1, isSigned, Literals::Typed))
        .str();
  };
  auto factor = [&](unsigned operand) {
    Operation *ext = op->getOperand(operand).getDefiningOp();
    if (ext && isa<arith::ExtSIOp, arith::ExtUIOp>(ext))
      return values.refer(ext->getOperand(0), lane, isa<arith::ExtSIOp>(ext),
                          Literals::Typed);
    return refer(operand, {}, Literals::Typed);
  };
  return llvm::TypeSwitch<Operation *, std::string>(op)
      .Case([&](arith::ExtSIOp) { return refer(0, true, Literals::Typed); })
      .Case([&](arith::ExtUIOp) { return refer(0, false, Literals::Typed); })
      .Case([&](arith::TruncIOp) { return refer(0, {}, Literals::Typed); })
      .Case([&](arith::AddIOp) { return infix("+"); })
      .Case([&](arith::SubIOp) { return infix("-"); })
      .Case([&](arith::MulIOp) { return factor(0) + " * " + factor(1); })
      .Case([&](arith::AndIOp) { return infix("&"); })
      .Case([&](arith::OrIOp) { return infix("|"); })
      .Case([&](arith::XOrIOp) { return infix("^"); })
      .Case([&](arith::ShLIOp) { return infix("<<", {}, false); })
      .Case([&](arith::ShRUIOp) { return infix(">>", false, false); })
      .Case([&](arith::ShRSIOp) { return infix(">>", true, false); })
      .Case([&](arith::CmpIOp compare) {
        bool isSigned = takesSigned(op);
        if (compare.getPredicate() <= arith::CmpIPredicate::ne)
          isSigned = values.isSigned(compare.getLhs());
        return infix(getSymbol(compare.getPredicate()), isSigned, isSigned);
      })
      .Case([&](arith::SelectOp select) {
        bool isSigned = values.isSigned(select);
        return formatv("{0} ? {1} : {2}", refer(0, {}, Literals::Typed),
                       refer(1, isSigned, Literals::Typed),
                       refer(2, isSigned, Literals::Typed))
            .str();
      })
      .Case([&](arith::MaxSIOp) { return choose(">", true); })
      .Case([&](arith::MaxUIOp) { return choose(">", false); })
      .Case([&](arith::MinSIOp) { return choose("<", true); })
      .Case([&](arith::MinUIOp) { return choose("<", false); });
}
