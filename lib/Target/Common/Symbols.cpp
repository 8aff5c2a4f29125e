//===- Symbols.cpp - the dimensions of a function's values -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Symbols.h"

#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::target;

using Dims = SmallVector<Dim>;

static std::optional<ArrayRef<int64_t>> getShapeOf(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.getShape();
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.getShape();
  return std::nullopt;
}

/// Whether values of the type stand for shapes: index, and tensors of integers
/// of rank 1 at most.
static bool mayBeShape(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.getRank() <= 1 && tensor.getElementType().isIntOrIndex();
  return type.isIntOrIndex();
}

namespace qnt::target {
class SymbolAnalysis {
public:
  SymbolAnalysis(func::FuncOp function,
                 const std::map<std::string, FunctionSymbols> &callees)
      : function(function), callees(callees) {}

  FailureOr<FunctionSymbols> run();

private:
  void addArguments();
  LogicalResult add(Operation &op);
  LogicalResult addCall(func::CallOp call);
  /// The dimensions of a result, empty where they do not follow.
  Dims dimsOf(Operation &op, Value value);
  Dims slice(tensor::ExtractSliceOp op);
  Dims concat(tensor::ConcatOp op);
  Dims pad(tensor::PadOp op);
  Dims matmul(nn::MatmulOp op);
  Dims linalgInit(linalg::LinalgOp op, Value value);
  void addIndex(Operation &op);

  /// The dimension or index that a fold result is.
  std::optional<Dim> indexOf(OpFoldResult value);
  Dims of(Value value) { return result.dims[value]; }
  void require(bool isEqual, Dim x, Dim y);

  func::FuncOp function;
  const std::map<std::string, FunctionSymbols> &callees;
  FunctionSymbols result;
  /// Set when a condition can never hold.
  bool disagrees = false;
};
} // namespace qnt::target

void SymbolAnalysis::addArguments() {
  std::map<std::string, int64_t> byName;
  for (BlockArgument argument : function.getArguments()) {
    auto shape = getShapeOf(argument.getType());
    if (!shape)
      continue;
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                      "qnt.dims");
    SmallVector<Dim> dims;
    for (auto [i, size] : llvm::enumerate(*shape)) {
      if (!ShapedType::isDynamic(size)) {
        dims.push_back(Dim::constant(size));
        continue;
      }
      std::string name;
      if (names && i < names.size())
        if (auto text = dyn_cast<StringAttr>(names[i]))
          name = text.str();
      auto known = name.empty() ? byName.end() : byName.find(name);
      if (known != byName.end()) {
        dims.push_back(Dim::symbol(known->second));
        continue;
      }
      dims.push_back(result.table.pass());
      if (!name.empty())
        byName[name] = dims.back().value;
      result.symbols.push_back({argument.getArgNumber(), unsigned(i), name});
    }
    result.dims[argument] = dims;
  }
}

void SymbolAnalysis::require(bool isEqual, Dim x, Dim y) {
  DimTable &table = result.table;
  auto below = table.isAtMost(x, y);
  if (isEqual) {
    auto above = table.isAtMost(y, x);
    if (x == y)
      return;
    disagrees |= below == false || above == false;
  } else {
    if (below.value_or(false))
      return;
    disagrees |= below == false;
  }
  FunctionSymbols::Condition condition{isEqual, x, y};
  bool isKnown = llvm::any_of(result.conditions, [&](const auto &other) {
    return other.isEqual == isEqual && other.x == x && other.y == y;
  });
  if (!isKnown)
    result.conditions.push_back(condition);
}

std::optional<Dim> SymbolAnalysis::indexOf(OpFoldResult value) {
  if (auto attr = dyn_cast<Attribute>(value))
    return Dim::constant(cast<IntegerAttr>(attr).getInt());
  auto known = result.indices.find(cast<Value>(value));
  if (known == result.indices.end() || known->second.size() != 1)
    return std::nullopt;
  return known->second.front();
}

/// Indices and shapes: those that do not follow from dimensions are left out,
/// and missed where they are needed.
void SymbolAnalysis::addIndex(Operation &op) {
  using Kind = DimTable::Kind;
  DimTable &table = result.table;
  Dims values;
  auto binary = [&](auto compute) {
    auto x = indexOf(op.getOperand(0)), y = indexOf(op.getOperand(1));
    if (x && y)
      values.push_back(compute(*x, *y));
  };
  auto apply = [&](Kind kind) {
    binary([&](Dim x, Dim y) { return table.apply(kind, x, y); });
  };
  llvm::TypeSwitch<Operation *>(&op)
      .Case([&](arith::ConstantOp constant) {
        if (auto number = dyn_cast<IntegerAttr>(constant.getValue()))
          values.push_back(Dim::constant(number.getValue().getSExtValue()));
        else if (auto list =
                     dyn_cast<DenseIntElementsAttr>(constant.getValue());
                 list && list.getNumElements() <= 64)
          for (APInt number : list)
            values.push_back(Dim::constant(number.getSExtValue()));
      })
      .Case([&](tensor::DimOp dim) {
        auto index = indexOf(dim.getIndex());
        if (index && index->isConstant && result.has(dim.getSource()) &&
            index->value >= 0 &&
            index->value < int64_t(of(dim.getSource()).size()))
          values.push_back(of(dim.getSource())[index->value]);
      })
      .Case([&](tensor::FromElementsOp list) {
        for (Value element : list.getElements())
          if (auto index = indexOf(element))
            values.push_back(*index);
        if (values.size() != list.getElements().size())
          values.clear();
      })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
            arith::TruncIOp>(
          [&](auto) { values = result.indices.lookup(op.getOperand(0)); })
      .Case([&](arith::AddIOp) {
        binary([&](Dim x, Dim y) { return table.add(x, y); });
      })
      .Case([&](arith::SubIOp) {
        binary([&](Dim x, Dim y) { return table.sub(x, y); });
      })
      .Case([&](arith::MulIOp) {
        binary([&](Dim x, Dim y) { return table.mul(x, y); });
      })
      .Case<arith::DivSIOp, arith::DivUIOp>([&](auto) { apply(Kind::Div); })
      .Case<arith::CeilDivSIOp, arith::CeilDivUIOp>(
          [&](auto) { apply(Kind::CeilDiv); })
      .Case([&](arith::FloorDivSIOp) { apply(Kind::FloorDiv); })
      .Case<arith::RemSIOp, arith::RemUIOp>([&](auto) { apply(Kind::Rem); })
      .Case<arith::MinSIOp, arith::MinUIOp>([&](auto) { apply(Kind::Min); })
      .Case<arith::MaxSIOp, arith::MaxUIOp>([&](auto) { apply(Kind::Max); });
  if (!values.empty())
    result.indices[op.getResult(0)] = values;
}

Dims SymbolAnalysis::slice(tensor::ExtractSliceOp op) {
  DimTable &table = result.table;
  Dims dims, source = of(op.getSource());
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (unsigned i = 0; i < source.size(); ++i) {
    auto offset = indexOf(op.getMixedOffsets()[i]);
    auto size = indexOf(op.getMixedSizes()[i]);
    auto step = indexOf(op.getMixedStrides()[i]);
    if (!offset || !size || !step)
      return {};
    // offset + (size - 1) step < extent
    Dim one = Dim::constant(1);
    Dim end = table.add(*offset, table.mul(table.sub(*size, one), *step));
    require(false, Dim::constant(0), *offset);
    require(false, Dim::constant(0), *size);
    require(false, one, *step);
    require(false, table.add(end, one), source[i]);
    if (!dropped[i])
      dims.push_back(*size);
  }
  return dims;
}

Dims SymbolAnalysis::concat(tensor::ConcatOp op) {
  Dims dims = of(op.getInputs().front());
  for (Value input : op.getInputs().drop_front())
    for (auto [i, dim] : llvm::enumerate(of(input))) {
      if (i == op.getDim())
        dims[i] = result.table.add(dims[i], dim);
      else
        require(true, dims[i], dim);
    }
  return dims;
}

Dims SymbolAnalysis::pad(tensor::PadOp op) {
  Dims dims = of(op.getSource());
  for (auto [i, dim] : llvm::enumerate(dims))
    for (OpFoldResult amount :
         {op.getMixedLowPad()[i], op.getMixedHighPad()[i]}) {
      auto size = indexOf(amount);
      if (!size)
        return {};
      require(false, Dim::constant(0), *size);
      dim = result.table.add(dim, *size);
    }
  return dims;
}

Dims SymbolAnalysis::matmul(nn::MatmulOp op) {
  Dims lhs = of(op.getLhs()), rhs = of(op.getRhs()), dims;
  size_t rank = std::max(lhs.size(), rhs.size());
  bool transposed = op.getTransposed();
  require(true, lhs.back(), rhs[rhs.size() - (transposed ? 1 : 2)]);
  Dim one = Dim::constant(1);
  for (size_t i = 0; i + 2 < rank; ++i) {
    auto sizeOf = [&](const Dims &shape) {
      size_t missing = rank - shape.size();
      return i < missing ? one : shape[i - missing];
    };
    Dim x = sizeOf(lhs), y = sizeOf(rhs);
    if (!(x == one) && !(y == one))
      require(true, x, y);
    dims.push_back(x == one ? y : x);
  }
  dims.append({lhs[lhs.size() - 2], rhs[rhs.size() - (transposed ? 2 : 1)]});
  return dims;
}

/// Also requires that operands agree on the extents of loops.
Dims SymbolAnalysis::linalgInit(linalg::LinalgOp op, Value value) {
  llvm::SmallVector<std::optional<Dim>> extents(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    if (!result.has(operand.get()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [expr, dim] : llvm::zip(map.getResults(), of(operand.get())))
      if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
        std::optional<Dim> &extent = extents[loop.getPosition()];
        if (extent)
          require(true, *extent, dim);
        else
          extent = dim;
      }
  }
  return of(op.getDpsInits()[cast<OpResult>(value).getResultNumber()]);
}

Dims SymbolAnalysis::dimsOf(Operation &op, Value value) {
  ArrayRef<int64_t> shape = *getShapeOf(value.getType());
  auto last = [&] { return Dim::constant(shape.back()); };
  return llvm::TypeSwitch<Operation *, Dims>(&op)
      .Case<nn::LinearOp, qnt::LinearOp, nn::SelectFeaturesOp>([&](auto layer) {
        Dims dims = of(layer.getInput());
        dims.back() = last();
        return dims;
      })
      .Case<nn::EmbeddingOp, qnt::EmbeddingOp>([&](auto embedding) {
        Dims dims = of(embedding.getIds());
        dims.push_back(last());
        return dims;
      })
      .Case([&](nn::RopeTableOp table) {
        Dims dims = of(table.getPositions());
        dims.push_back(last());
        return dims;
      })
      .Case<nn::SelectRowsOp, nn::MeanPoolOp>([&](auto pool) {
        Dims dims = of(pool.getInput());
        dims.erase(dims.begin() + 1);
        return dims;
      })
      .Case<nn::ConvOp, nn::PoolOp, qnt::ConvOp, MaxPoolOp, AveragePoolOp>(
          [&](auto windows) {
            // Height and width are static.
            Dims dims = of(windows.getInput());
            dims.resize(1);
            for (int64_t size : shape.drop_front())
              if (!ShapedType::isDynamic(size))
                dims.push_back(Dim::constant(size));
            return dims;
          })
      .Case<nn::AddOp, nn::MulOp, qnt::AddOp>([&](auto pair) {
        Dims dims = of(pair.getLhs()), rhs = of(pair.getRhs());
        for (auto [x, y] : llvm::zip(llvm::reverse(dims), llvm::reverse(rhs)))
          require(true, x, y);
        return dims;
      })
      .Case<nn::PositionIdsOp, nn::ActivationOp, nn::ClampOp, nn::RMSNormOp,
            nn::LayerNormOp, nn::SoftmaxOp, nn::L2NormalizeOp, nn::RopeOp,
            nn::AttentionOp, QuantizeOp, DequantizeOp, CodesOp, WrapOp,
            ObserveOp, RotateOp, tensor::CastOp, arith::TruncFOp>(
          [&](auto same) { return of(same->getOperand(0)); })
      .Case([&](nn::MatmulOp matmul) { return this->matmul(matmul); })
      .Case([&](linalg::LinalgOp linalg) { return linalgInit(linalg, value); })
      .Case([&](tensor::ExtractSliceOp op) { return slice(op); })
      .Case([&](tensor::ConcatOp op) { return concat(op); })
      .Case([&](tensor::PadOp op) { return pad(op); })
      .Case<tensor::EmptyOp, tensor::ExpandShapeOp>([&](auto shaped) {
        Dims dims;
        SmallVector<OpFoldResult> sizes;
        if constexpr (std::is_same_v<decltype(shaped), tensor::EmptyOp>)
          sizes = shaped.getMixedSizes();
        else
          sizes = shaped.getMixedOutputShape();
        for (OpFoldResult size : sizes) {
          auto dim = indexOf(size);
          if (!dim)
            return Dims();
          require(false, Dim::constant(0), *dim);
          dims.push_back(*dim);
        }
        if (isa<tensor::ExpandShapeOp>(op))
          require(true, result.table.product(of(op.getOperand(0))),
                  result.table.product(dims));
        return dims;
      })
      .Case([&](tensor::CollapseShapeOp collapse) {
        Dims dims, source = of(collapse.getSrc());
        for (const auto &group : collapse.getReassociationIndices())
          dims.push_back(result.table.product(
              ArrayRef(source).slice(group.front(), group.size())));
        return dims;
      })
      .Case([&](tensor::ReshapeOp reshape) {
        Dims dims = result.indices.lookup(reshape.getShape());
        if (dims.size() != shape.size())
          return Dims();
        for (Dim dim : dims)
          require(false, Dim::constant(0), dim);
        require(true, result.table.product(of(reshape.getSource())),
                result.table.product(dims));
        return dims;
      })
      .Default(Dims());
}

LogicalResult SymbolAnalysis::addCall(func::CallOp call) {
  const FunctionSymbols &callee = callees.at(call.getCallee().str());
  Dims actual = result.getCallSymbols(call, callee);
  for (auto [i, value] : llvm::enumerate(call.getResults())) {
    Dims dims;
    for (Dim dim : callee.getResultDims(i))
      dims.push_back(result.table.translate(callee.table, dim, actual));
    result.dims[value] = dims;
  }
  return success();
}

LogicalResult SymbolAnalysis::add(Operation &op) {
  if (auto call = dyn_cast<func::CallOp>(op))
    return addCall(call);
  if (auto ret = dyn_cast<func::ReturnOp>(op)) {
    for (Value value : ret.getOperands())
      result.results.push_back(of(value));
    return success();
  }
  if (op.getNumResults() == 1 && mayBeShape(op.getResult(0).getType()))
    addIndex(op);
  for (Value value : op.getResults()) {
    auto shape = getShapeOf(value.getType());
    if (!shape)
      continue;
    Dims dims = dimsOf(op, value);
    bool isStatic = !llvm::any_of(*shape, ShapedType::isDynamic);
    if (dims.size() != shape->size() && !isStatic)
      return op.emitOpError("has a dynamic shape that the target cannot "
                            "follow");
    bool isKnown = dims.size() == shape->size();
    dims.resize(shape->size());
    for (auto [dim, size] : llvm::zip_equal(dims, *shape)) {
      if (ShapedType::isDynamic(size))
        continue;
      Dim constant = Dim::constant(size);
      if (isKnown)
        require(true, dim, constant);
      dim = constant;
    }
    if (disagrees)
      return op.emitOpError("has shapes that cannot agree at run time");
    result.dims[value] = dims;
  }
  return success();
}

FailureOr<FunctionSymbols> SymbolAnalysis::run() {
  // Callers of plain graphs may pass empty tensors.
  auto module = function->getParentOfType<ModuleOp>();
  auto model = module->getAttrOfType<DictionaryAttr>("qnt.model");
  auto kind = model ? model.getAs<StringAttr>("kind") : StringAttr();
  bool isGraph = !kind || kind.getValue() == "graph";
  result.table.leastSize = function.isPublic() && !isGraph;
  addArguments();
  for (Operation &op : function.getBody().front())
    if (failed(add(op)))
      return failure();
  return std::move(result);
}

FailureOr<FunctionSymbols> FunctionSymbols::analyze(
    func::FuncOp function,
    const std::map<std::string, FunctionSymbols> &callees) {
  return SymbolAnalysis(function, callees).run();
}

std::optional<Dim> FunctionSymbols::getIndex(Value value) const {
  auto known = indices.find(value);
  if (known == indices.end() || known->second.size() != 1)
    return std::nullopt;
  return known->second.front();
}

SmallVector<Dim>
FunctionSymbols::getCallSymbols(func::CallOp call,
                                const FunctionSymbols &callee) const {
  SmallVector<Dim> result;
  for (const Symbol &symbol : callee.symbols)
    result.push_back(
        getDims(call.getOperand(symbol.argument))[symbol.dimension]);
  return result;
}

llvm::json::Array FunctionSymbols::describe(ArrayRef<Dim> shape) const {
  llvm::json::Array list;
  for (Dim dim : shape) {
    std::string name = getName(dim);
    if (dim.isConstant)
      list.push_back(dim.value);
    else if (name.empty())
      list.push_back(nullptr);
    else
      list.push_back(name);
  }
  return list;
}
