//===- Generic.cpp - kernels of linalg ops ----------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Generic.h"

#include "GenericPlan.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt::cpu;

using Stride = GenericNest::Stride;

namespace {

/// Points of the lane loop in a unit of parallel work, where reductions make
/// each of them more.
constexpr int64_t kBlockPoints = 1024, kReducedPoints = 64;
/// Points that a slice of work should at least visit.
constexpr int64_t kSlicePoints = 8192;

class GenericEmitter {
public:
  GenericEmitter(const GenericNest &nest, const GenericPlan &plan,
                 KernelBuilder &k, ValueRange args)
      : nest(nest), plan(plan), k(k) {
    unpack(args);
  }

  /// Slices of parallel work.
  Value emitCount() {
    return k.divU(k.add(units(), k.sub(grain(), k.c64(1))), grain());
  }
  void emitTask(Value begin, Value end);

private:
  void unpack(ValueRange args);
  Value product(ArrayRef<int64_t> loops) {
    Value result = k.c64(1);
    for (int64_t loop : loops)
      result = k.mul(result, extents[loop]);
    return result;
  }
  int64_t blockPoints() {
    return plan.inner.empty() ? kBlockPoints : kReducedPoints;
  }
  bool hasBlocks() { return plan.mode == GenericPlan::Mode::Vertical; }
  Value blocks() { return k.ceilDiv(extents[plan.lane], blockPoints()); }
  Value units() {
    Value result = product(plan.outer);
    return hasBlocks() ? k.mul(result, blocks()) : result;
  }
  Value grain();

  /// Byte offset of an operand for the indices of all loops.
  Value offset(unsigned operand, ValueRange point);
  Value strideOf(unsigned operand, int64_t loop) {
    return strides[operand][loop];
  }
  void emitUnit(SmallVector<Value> point, Value low, Value high);
  void emitLanes(SmallVector<Value> point, Value count);
  void emitScalar(SmallVector<Value> point);
  void emitHorizontal(SmallVector<Value> point);
  SmallVector<Value> overReductions(
      ArrayRef<int64_t> loops, SmallVector<Value> point, ValueRange state,
      function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body);
  Lanes load(unsigned operand, ValueRange point, int64_t lanes, Value count);
  /// The body at a point; `state` holds the inits' elements.
  BodyEmitter emitBody(ArrayRef<Value> point, ValueRange state, int64_t lanes,
                       Value count, ArrayRef<Operation *> skip = {});
  SmallVector<Value> yielded(BodyEmitter &body, int64_t lanes);
  Block &block() { return nest.getBody(); }

  const GenericNest &nest;
  const GenericPlan &plan;
  KernelBuilder &k;
  SmallVector<Value> extents, pointers, results, indices;
  SmallVector<SmallVector<Value>> strides;
  llvm::DenseMap<Value, BodySource> sources;
};
} // namespace

void GenericEmitter::unpack(ValueRange args) {
  auto next = [&] {
    Value value = args.front();
    args = args.drop_front();
    return value;
  };
  unsigned numResults = nest.op->getNumResults();
  for (const GenericNest::Operand &operand : nest.operands)
    pointers.push_back(operand.isRead && !operand.constant ? next() : Value());
  for (unsigned i = 0; i < numResults; ++i)
    results.push_back(next());
  for (Value source : nest.sources)
    sources[source].pointer = next();
  for (unsigned i = 0; i < nest.loops.size(); ++i)
    extents.push_back(next());
  for (const GenericNest::Operand &operand : nest.operands) {
    SmallVector<Value> &list = strides.emplace_back();
    for (Stride stride : operand.strides)
      list.push_back(stride == Stride::Runtime ? next()
                                               : k.c64(stride == Stride::One));
  }
  for (Value source : nest.sources) {
    BodySource &place = sources[source];
    Value size = k.c64(1);
    for (int64_t i = 0; i < cast<RankedTensorType>(source.getType()).getRank();
         ++i) {
      place.dims.push_back(next());
      size = k.mul(size, place.dims.back());
    }
    // A tensor without elements is read where zeros are.
    Value zeros = k.stack(64);
    k.store(k.constant(k.vec(k.i32()), 0), zeros, 64);
    place.pointer = k.select(k.eq(size, k.c64(0)), zeros, place.pointer);
  }
  for (unsigned i = 0; i < nest.indices.size(); ++i)
    indices.push_back(next());
}

Value GenericEmitter::grain() {
  Value points = product(plan.inner);
  if (hasBlocks())
    points = k.mul(points, k.minS(extents[plan.lane], k.c64(blockPoints())));
  else if (plan.lane >= 0)
    points = k.mul(points, extents[plan.lane]);
  return k.maxS(k.c64(1),
                k.divS(k.c64(kSlicePoints), k.maxS(points, k.c64(1))));
}

Value GenericEmitter::offset(unsigned operand, ValueRange point) {
  Value elements = k.c64(0);
  for (auto [loop, index] : llvm::enumerate(point))
    if (index && nest.operands[operand].strides[loop] != Stride::Zero)
      elements = k.add(elements, k.mul(index, strideOf(operand, loop)));
  return k.mul(elements, k.c64(getByteWidth(nest.operands[operand].element)));
}

void GenericEmitter::emitTask(Value begin, Value end) {
  Value size = grain(), most = units();
  k.loop(
      k.mul(begin, size), k.minS(k.mul(end, size), most), 1, [&](Value unit) {
        SmallVector<Value> point(nest.loops.size());
        Value rest = unit, low, high;
        auto take = [&](Value extent) {
          Value index = k.remU(rest, extent);
          rest = k.divU(rest, extent);
          return index;
        };
        if (hasBlocks()) {
          low = k.mul(take(blocks()), k.c64(blockPoints()));
          high = k.minS(extents[plan.lane], k.add(low, k.c64(blockPoints())));
        }
        for (int64_t loop : llvm::reverse(plan.outer))
          point[loop] = loop == plan.outer.front() ? rest : take(extents[loop]);
        emitUnit(point, low, high);
      });
}

void GenericEmitter::emitUnit(SmallVector<Value> point, Value low, Value high) {
  switch (plan.mode) {
  case GenericPlan::Mode::Scalar:
    return emitScalar(point);
  case GenericPlan::Mode::Horizontal:
    return emitHorizontal(point);
  case GenericPlan::Mode::Vertical:
    break;
  }
  Value whole = k.sub(high, k.band(k.sub(high, low), k.c64(kLanes - 1)));
  k.loop(low, whole, kLanes, [&](Value at) {
    point[plan.lane] = at;
    emitLanes(point, Value());
  });
  k.ifThen(k.ltS(whole, high), [&] {
    point[plan.lane] = whole;
    emitLanes(point, k.sub(high, whole));
  });
}

SmallVector<Value> GenericEmitter::overReductions(
    ArrayRef<int64_t> loops, SmallVector<Value> point, ValueRange state,
    function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body) {
  if (loops.empty())
    return body(point, state);
  return k.loop(k.c64(0), extents[loops.front()], 1, state,
                [&](Value index, ValueRange inner) {
                  point[loops.front()] = index;
                  return overReductions(loops.drop_front(), point, inner, body);
                });
}

Lanes GenericEmitter::load(unsigned i, ValueRange point, int64_t lanes,
                           Value count) {
  const GenericNest::Operand &operand = nest.operands[i];
  Type element = operand.element;
  if (operand.constant)
    return {emitNumber(k, operand.constant)};
  Value from = k.at(pointers[i], offset(i, point));
  Stride stride = lanes == 1 ? Stride::Zero : operand.strides[plan.lane];
  if (stride == Stride::Zero)
    return {loadNumber(k, element, from)};
  if (stride == Stride::One)
    return {loadNumbers(k, element, from, count)};
  Value step = k.mul(strideOf(i, plan.lane), k.c64(getByteWidth(element)));
  Value offsets = k.mul(k.sext(k.iota(), k.i64()), k.splat(step));
  return {gatherNumbers(k, element, from, offsets, count)};
}

BodyEmitter GenericEmitter::emitBody(ArrayRef<Value> point, ValueRange state,
                                     int64_t lanes, Value count,
                                     ArrayRef<Operation *> skip) {
  BodyEmitter body(k, block(), sources, count);
  unsigned numInputs = nest.getNumInputs();
  for (unsigned i = 0; i < numInputs; ++i)
    if (nest.operands[i].isRead)
      body.set(block().getArgument(i), load(i, point, lanes, count));
  for (auto [i, value] : llvm::enumerate(state))
    body.set(block().getArgument(numInputs + i), {value});
  for (auto [outside, value] : llvm::zip_equal(nest.indices, indices))
    body.set(outside, {value});
  for (arith::ConstantOp constant : nest.constants)
    body.setConstant(constant);
  body.emit(
      [&](int64_t index) -> Lanes {
        for (auto [loop, info] : llvm::enumerate(nest.loops))
          if (info.index == index)
            return {point[loop], lanes > 1 && int64_t(loop) == plan.lane};
        return {k.c64(0)};
      },
      skip);
  return body;
}

SmallVector<Value> GenericEmitter::yielded(BodyEmitter &body, int64_t lanes) {
  SmallVector<Value> values;
  for (Value value : block().getTerminator()->getOperands())
    values.push_back(lanes == 1 ? body.get(value).value
                                : widen(k, body.get(value)));
  return values;
}

void GenericEmitter::emitLanes(SmallVector<Value> point, Value count) {
  unsigned numInputs = nest.getNumInputs();
  SmallVector<Value> state;
  for (unsigned i = numInputs; i < nest.operands.size(); ++i)
    state.push_back(
        nest.operands[i].isRead
            ? widen(k, load(i, point, kLanes, count))
            : k.constant(k.vec(getComputeType(nest.operands[i].element)), 0));
  state = overReductions(
      plan.inner, point, state, [&](ArrayRef<Value> at, ValueRange inner) {
        BodyEmitter body = emitBody(at, inner, kLanes, count);
        return yielded(body, kLanes);
      });
  for (auto [i, value] : llvm::enumerate(state))
    storeNumbers(k, value, nest.operands[numInputs + i].element,
                 k.at(results[i], offset(numInputs + i, point)), count);
}

void GenericEmitter::emitScalar(SmallVector<Value> point) {
  unsigned numInputs = nest.getNumInputs();
  SmallVector<Value> state;
  for (unsigned i = numInputs; i < nest.operands.size(); ++i)
    state.push_back(
        nest.operands[i].isRead
            ? load(i, point, 1, Value()).value
            : k.constant(getComputeType(nest.operands[i].element), 0));
  state = overReductions(plan.inner, point, state,
                         [&](ArrayRef<Value> at, ValueRange inner) {
                           BodyEmitter body = emitBody(at, inner, 1, Value());
                           return yielded(body, 1);
                         });
  for (auto [i, value] : llvm::enumerate(state))
    storeNumber(k, value, nest.operands[numInputs + i].element,
                k.at(results[i], offset(numInputs + i, point)));
}

/// One point of the outer loops: lanes fold every 16th element each, then one
/// another.
void GenericEmitter::emitHorizontal(SmallVector<Value> point) {
  unsigned numInputs = nest.getNumInputs();
  SmallVector<Operation *> folds;
  SmallVector<Value> start;
  for (const GenericPlan::Fold &fold : plan.folds) {
    folds.push_back(fold.op);
    start.push_back(k.splat(emitNeutral(k, fold.op)));
  }
  auto step = [&](ArrayRef<Value> at, ValueRange state, Value count) {
    BodyEmitter body = emitBody(at, state, kLanes, count, folds);
    SmallVector<Value> next;
    for (auto [fold, old] : llvm::zip_equal(plan.folds, state)) {
      Value folded = emitScalarOp(
          k, fold.op, ValueRange{old, widen(k, body.get(fold.element))});
      if (count)
        folded = k.select(k.ltS(k.iota(), k.splat(k.trunc(count, k.i32()))),
                          folded, old);
      next.push_back(folded);
    }
    return next;
  };
  Value extent = extents[plan.lane];
  Value whole = k.sub(extent, k.band(extent, k.c64(kLanes - 1)));
  SmallVector<Value> state = overReductions(
      plan.inner, point, start, [&](ArrayRef<Value> at, ValueRange outer) {
        SmallVector<Value> inner(at);
        SmallVector<Value> sums = k.loop(k.c64(0), whole, kLanes, outer,
                                         [&](Value i, ValueRange sofar) {
                                           inner[plan.lane] = i;
                                           return step(inner, sofar, Value());
                                         });
        inner[plan.lane] = whole;
        // A loop of one step or none.
        return k.loop(whole, extent, kLanes, sums,
                      [&](Value, ValueRange sofar) {
                        return step(inner, sofar, k.sub(extent, whole));
                      });
      });
  for (auto [i, fold] : llvm::enumerate(plan.folds)) {
    Value init = load(numInputs + i, point, 1, Value()).value;
    Value value = emitScalarOp(
        k, fold.op, ValueRange{init, emitFold(k, fold.op, state[i])});
    storeNumber(k, value, nest.operands[numInputs + i].element,
                k.at(results[i], offset(numInputs + i, point)));
  }
}

Kernel qnt::cpu::getGenericKernel(KernelLibrary &lib, const GenericNest &nest) {
  GenericPlan plan = GenericPlan::choose(nest);
  MLIRContext *context = lib.module.getContext();
  int64_t numPointers = 0, numIntegers = 0;
  for (const GenericNest::Operand &operand : nest.operands) {
    numPointers += operand.isRead && !operand.constant;
    numIntegers += llvm::count(operand.strides, Stride::Runtime);
  }
  numPointers += nest.op->getNumResults() + nest.sources.size();
  numIntegers += nest.loops.size() + nest.indices.size();
  for (Value source : nest.sources)
    numIntegers += cast<RankedTensorType>(source.getType()).getRank();
  SmallVector<Type> types(numPointers, LLVM::LLVMPointerType::get(context));
  types.append(numIntegers, IntegerType::get(context, 64));
  return lib.getParallel(
      getKernelName(nest, plan), types,
      [&](KernelBuilder &k, ValueRange args) {
        return GenericEmitter(nest, plan, k, args).emitCount();
      },
      [&](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        GenericEmitter(nest, plan, k, args).emitTask(begin, end);
      });
}
