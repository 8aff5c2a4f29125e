//===- Linalg.cpp - linalg ops, point by point -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Body.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

namespace {
/// Where an operand's element for a point of the loops lies.
struct Access {
  ElementKind kind;
  const char *bytes = nullptr;
  /// Set for results.
  std::shared_ptr<char[]> written;
  /// Elements that one step of each loop moves by.
  SmallVector<int64_t> strides;
  int64_t first = 0;
};

class LinalgRunner {
public:
  LinalgRunner(linalg::LinalgOp op, Frame &frame) : op(op), frame(frame) {}
  LogicalResult run();

private:
  LogicalResult setExtents();
  LogicalResult addAccess(OpOperand &operand);
  LogicalResult runPoints(Body &body);
  void chooseLaneLoop();
  int64_t addressOf(const Access &access) {
    int64_t at = access.first;
    for (auto [stride, index] : llvm::zip_equal(access.strides, point))
      at += stride * index;
    return at;
  }

  linalg::LinalgOp op;
  Frame &frame;
  SmallVector<int64_t> extents, point;
  SmallVector<Access> accesses;
  /// The loop whose points are computed as lanes; none when each point needs
  /// the one before.
  int64_t laneLoop = -1;
};
} // namespace

LogicalResult LinalgRunner::setExtents() {
  extents.assign(op.getNumLoops(), -1);
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    const Tensor &tensor = frame.tensor(operand.get());
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        continue;
      int64_t &extent = extents[dim.getPosition()];
      if (extent >= 0 && extent != tensor.getDim(i))
        return op->emitOpError("expected dimension ")
               << i << " of operand " << operand.getOperandNumber() << " to be "
               << extent << " as in other operands, got " << tensor.getDim(i);
      extent = tensor.getDim(i);
    }
  }
  if (llvm::is_contained(extents, -1))
    return op->emitOpError("has a loop that no operand gives a size");
  return success();
}

LogicalResult LinalgRunner::addAccess(OpOperand &operand) {
  const Tensor &tensor = frame.tensor(operand.get());
  Access access{tensor.getKind(), tensor.data(), {}, {}, 0};
  access.strides.assign(extents.size(), 0);
  AffineMap map = op.getMatchingIndexingMap(&operand);
  int64_t step = 1;
  for (int64_t i = int64_t(map.getNumResults()) - 1; i >= 0; --i) {
    AffineExpr expr = map.getResult(i);
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      access.strides[dim.getPosition()] += step;
    } else if (auto constant = dyn_cast<AffineConstantExpr>(expr);
               constant && constant.getValue() >= 0 &&
               constant.getValue() < std::max<int64_t>(1, tensor.getDim(i))) {
      access.first += step * constant.getValue();
    } else {
      return op->emitOpError("expected indexing maps of loops and constants, "
                             "got ")
             << AffineMapAttr::get(map);
    }
    // Of no elements, the other dimensions may be beyond any product.
    step *= tensor.size() ? tensor.getDim(i) : 0;
  }
  if (op.isDpsInit(&operand)) {
    size_t size = size_t(tensor.size()) * byteWidth(access.kind);
    access.written.reset(new char[size + 1]);
    // Of a tensor without elements, the data may be nowhere.
    std::copy_n(tensor.data(), size, access.written.get());
    access.bytes = access.written.get();
  }
  accesses.push_back(std::move(access));
  return success();
}

void LinalgRunner::chooseLaneLoop() {
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    bool independent = kind == utils::IteratorType::parallel &&
                       llvm::all_of(accesses, [&](const Access &access) {
                         return !access.written || access.strides[loop] != 0;
                       });
    if (independent && (laneLoop < 0 || extents[loop] >= extents[laneLoop]))
      laneLoop = loop;
  }
}

/// Points in the order of the loops, but for those that are lanes: the order
/// matters only to reductions, which they are not.
LogicalResult LinalgRunner::runPoints(Body &body) {
  point.assign(extents.size(), 0);
  if (llvm::is_contained(extents, 0))
    return success();
  int64_t lanes = laneLoop < 0 ? 1 : extents[laneLoop];
  while (true) {
    for (int64_t first = 0; first < lanes; first += kMaxLanes) {
      int64_t count = std::min(lanes - first, kMaxLanes);
      if (laneLoop >= 0)
        point[laneLoop] = first;
      auto stepOf = [&](const Access &access) {
        return laneLoop < 0 ? 0 : access.strides[laneLoop];
      };
      for (auto [i, access] : llvm::enumerate(accesses))
        if (Scalar *argument = body.argument(i))
          loadLanes(access.kind, access.bytes, addressOf(access),
                    stepOf(access), count, argument);
      body.forIndices([&](int64_t dim, Scalar *values) {
        for (int64_t lane = 0; lane < count; ++lane)
          values[lane].i = point[dim] + (dim == laneLoop ? lane : 0);
      });
      if (failed(body.run(count)))
        return failure();
      for (int64_t i = 0; i < op.getNumDpsInits(); ++i) {
        Access &access = accesses[op.getNumDpsInputs() + i];
        storeLanes(access.kind, access.written.get(), addressOf(access),
                   stepOf(access), count, body.result(i));
      }
    }
    if (laneLoop >= 0)
      point[laneLoop] = 0;
    int64_t loop = int64_t(extents.size()) - 1;
    for (; loop >= 0; --loop) {
      if (loop == laneLoop)
        continue;
      if (++point[loop] < extents[loop])
        break;
      point[loop] = 0;
    }
    if (loop < 0)
      return success();
  }
}

LogicalResult LinalgRunner::run() {
  if (op.getNumDpsInits() != op->getNumResults())
    return op->emitOpError("expected tensors, not buffers");
  for (OpOperand &operand : op->getOpOperands())
    if (!std::holds_alternative<Tensor>(frame.get(operand.get())))
      return op->emitOpError("expected operands that are tensors");
  if (failed(setExtents()))
    return failure();
  for (OpOperand &operand : op->getOpOperands())
    if (failed(addAccess(operand)))
      return failure();
  auto body = Body::compile(*op.getBlock(), frame);
  if (failed(body))
    return failure();
  chooseLaneLoop();
  if (failed(runPoints(*body)))
    return failure();
  for (int64_t i = 0; i < op.getNumDpsInits(); ++i) {
    Access &access = accesses[op.getNumDpsInputs() + i];
    const Tensor &init = frame.tensor(op.getDpsInits()[i]);
    std::shared_ptr<const char> bytes(access.written, access.written.get());
    frame.set(op->getResult(i),
              Tensor::ofBytes(access.kind, init.getShape(), bytes));
  }
  return success();
}

template <typename OpTy> static LogicalResult evaluate(OpTy op, Frame &frame) {
  return LinalgRunner(cast<linalg::LinalgOp>(op.getOperation()), frame).run();
}

void interp::registerLinalg(Registry &registry) {
  registry.add<linalg::GenericOp>(evaluate<linalg::GenericOp>);
  registry.add<linalg::FillOp>(evaluate<linalg::FillOp>);
  registry.add<linalg::TransposeOp>(evaluate<linalg::TransposeOp>);
}
