//===- Windows.cpp - windows of images, from the images' side -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Windows.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;

/// One axis: which window has tap `tap` at `position`, and whether there is
/// one. Windows that are not are moved to one that is, so that what is read of
/// them exists.
static std::pair<Value, Value> findWindow(Numbers &n,
                                          const nn::Windows &windows,
                                          unsigned axis, int64_t count,
                                          Value position, Value tap) {
  auto emit = [&](auto op, Value x, Value y) -> Value {
    return decltype(op)::create(n.builder, n.loc, x, y);
  };
  Value zero = n.index(0), stride = n.index(windows.strides[axis]);
  Value moved =
      emit(arith::AddIOp(), position, n.index(windows.getPadBefore(axis)));
  Value start =
      emit(arith::SubIOp(), moved,
           emit(arith::MulIOp(), tap, n.index(windows.dilations[axis])));
  Value least = emit(arith::MaxSIOp(), start, zero);
  Value number = emit(arith::DivSIOp(), least, stride);
  Value place = emit(arith::MinSIOp(), number, n.index(count - 1));
  // Exactly the windows that start there.
  Value isThere =
      arith::CmpIOp::create(n.builder, n.loc, arith::CmpIPredicate::eq,
                            emit(arith::MulIOp(), place, stride), start);
  return {place, isThere};
}

Value qnt::sumOverWindows(
    Tensors &t, Value image, const nn::Windows &windows,
    ArrayRef<int64_t> output,
    function_ref<Value(Numbers &, const WindowPoint &, Value)> body) {
  Tensors::Sizes loops = t.sizesOf(image);
  loops.append({t.size(windows.kernel[0]), t.size(windows.kernel[1])});
  return t.nest(
      loops, {{image, {0, 1, 2, 3}}, {t.extents(windows.kernel), {4, 5}}},
      {0, 1, 2, 3}, [&](Numbers &n, ValueRange args) {
        Value tapRow = n.loop(4), tapColumn = n.loop(5);
        auto [row, hasRow] =
            findWindow(n, windows, 0, output[1], n.loop(1), tapRow);
        auto [column, hasColumn] =
            findWindow(n, windows, 1, output[2], n.loop(2), tapColumn);
        Value value = body(
            n, {n.loop(0), row, column, tapRow, tapColumn, n.loop(3)}, args[0]);
        Value isSeen =
            arith::AndIOp::create(n.builder, n.loc, hasRow, hasColumn);
        return n.where(isSeen, value);
      });
}

LogicalResult qnt::checkImageShapes(Operation *op) {
  for (Value value : {op->getOperand(0), Value(op->getResult(0))}) {
    auto type = cast<RankedTensorType>(value.getType());
    if (llvm::any_of(type.getShape().drop_front(), ShapedType::isDynamic))
      return op->emitOpError("has a rule for its gradient where only the batch "
                             "is dynamic, got ")
             << type;
  }
  return success();
}
