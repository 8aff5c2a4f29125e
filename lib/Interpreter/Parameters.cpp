//===- Parameters.cpp - loads from the parameter store -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/ir.md says what a store holds for a global.
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/TypeUtilities.h"

#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;
using params::DType;
using params::ParamsError;
using params::ParamStore;
using params::TensorView;

static std::optional<ElementKind> kindOf(DType dtype) {
  switch (dtype) {
  case DType::F64:
    return ElementKind::F64;
  case DType::F32:
    return ElementKind::F32;
  case DType::F16:
    return ElementKind::F16;
  case DType::BF16:
    return ElementKind::BF16;
  case DType::I64:
    return ElementKind::I64;
  case DType::I32:
    return ElementKind::I32;
  case DType::I16:
    return ElementKind::I16;
  case DType::I8:
    return ElementKind::I8;
  case DType::U8:
    return ElementKind::U8;
  case DType::Bool:
    return ElementKind::I1;
  case DType::F8E4M3:
  case DType::F8E5M2:
    return std::nullopt;
  }
  llvm_unreachable("unknown DType");
}

/// One tensor of the store, which stays open while the result is in use.
static Tensor load(const std::shared_ptr<ParamStore> &store,
                   const std::string &name) {
  const TensorView &view = store->get(name);
  auto kind = kindOf(view.dtype);
  if (!kind)
    throw ParamsError(store->path() + ": tensor '" + name + "' is " +
                      std::string(params::name(view.dtype)) +
                      ", expected a dtype that the interpreter holds");
  std::shared_ptr<const char> bytes(
      store, reinterpret_cast<const char *>(view.bytes.data()));
  return Tensor::ofBytes(*kind, view.shape, bytes);
}

/// As `load`; unsigned bytes where `type` has signless ones, which stand for
/// both.
static Tensor loadTensor(const std::shared_ptr<ParamStore> &store,
                         const std::string &name, Type type) {
  Tensor tensor = load(store, name);
  if (tensor.getKind() != ElementKind::U8 ||
      !getElementTypeOrSelf(type).isSignlessInteger(8))
    return tensor;
  return Tensor::ofBytes(ElementKind::I8, tensor.getShape(), tensor.share());
}

/// As `load`, of a known shape and kind.
static Tensor load(const std::shared_ptr<ParamStore> &store,
                   const std::string &name, ArrayRef<int64_t> shape,
                   ElementKind kind) {
  Tensor tensor = load(store, name);
  if (tensor.getShape() == shape && tensor.getKind() == kind)
    return tensor;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << store->path() << ": tensor '" << name << "' is "
     << stringify(tensor.getKind()) << " [";
  llvm::interleaveComma(tensor.getShape(), os);
  os << "], expected " << stringify(kind) << " [";
  llvm::interleaveComma(shape, os);
  os << "]";
  throw ParamsError(text);
}

/// What codes are stored as: bytes, or the floats that they are.
static ElementKind kindOfCodes(QTensorType type, const std::string &name) {
  std::string format = type.getFormat().getName();
  if (type.getFormat().getBits() <= 8)
    return ElementKind::U8;
  for (ElementKind kind :
       {ElementKind::F32, ElementKind::F16, ElementKind::BF16})
    if (stringify(kind) == format)
      return kind;
  throw ParamsError("parameter '" + name + "': no dtype holds the format " +
                    format);
}

static QuantizedTensor loadPacked(const std::shared_ptr<ParamStore> &store,
                                  const std::string &name, QTensorType type) {
  auto layout = dyn_cast<Layout>(type.getLayout());
  if (!layout)
    throw ParamsError("parameter '" + name + "': expected a layout of weights");
  int64_t size = layout.getByteSize(type);
  Tensor blob = load(store, name, size, ElementKind::U8);
  int64_t rows = type.getShape()[0], groups = type.getGroupsPerRow();
  QuantizedTensor result;
  result.type = type.withLayout({});
  result.codes.resize(countElements(type.getShape()));
  result.scales.resize(type.hasScale() ? rows * groups : 0);
  result.zeros.resize(type.hasZeros() ? rows * groups : 0);
  layout.unpack(type, ArrayRef(blob.data(), size), result.codes, result.scales,
                result.zeros);
  if (type.getBlock().getKind() == BlockKind::PerTensor) {
    result.scales.resize(1);
    result.zeros.resize(type.hasZeros() ? 1 : 0);
  }
  return result;
}

static QuantizedTensor loadQuantized(const std::shared_ptr<ParamStore> &store,
                                     const std::string &name,
                                     QTensorType type) {
  if (type.getLayout())
    return loadPacked(store, name, type);
  QuantizedTensor result;
  result.type = type;
  ElementKind kind = kindOfCodes(type, name);
  Tensor codes = load(store, name + ".codes", type.getShape(), kind);
  result.codes.resize(codes.size());
  for (auto [i, code] : llvm::enumerate(result.codes))
    std::memcpy(&code, codes.data() + i * byteWidth(kind), byteWidth(kind));
  if (!type.hasScale())
    return result;
  SmallVector<int64_t> shape = type.getScaleShape();
  auto scaleKind = type.hasSmallScales() ? ElementKind::BF16
                                         : getElementKind(type.getScaleType());
  result.scales = load(store, name + ".scales", shape, *scaleKind).toFloats();
  ElementKind zeroKind =
      type.getFormat().getMin() < 0 ? ElementKind::I8 : ElementKind::U8;
  if (type.hasOffsets())
    result.zeros =
        load(store, name + ".offsets", shape, ElementKind::F32).toFloats();
  else if (type.hasZeros())
    for (int64_t zero : load(store, name + ".zeros", shape, zeroKind).toInts())
      result.zeros.push_back(float(zero));
  return result;
}

static LogicalResult evaluate(ml_program::GlobalLoadConstOp op, Frame &frame) {
  StringRef name = op.getGlobal().getLeafReference();
  auto global = dyn_cast_or_null<ml_program::GlobalOp>(frame.lookup(name));
  if (!global)
    return op.emitOpError("loads an unknown global '") << name << "'";
  if (!isa_and_nonnull<ml_program::ExternAttr>(global.getValueAttr()))
    return op.emitOpError("expected an extern global, got '") << name << "'";
  if (name.starts_with("statistics/"))
    return op.emitOpError("loads the statistic '")
           << name << "', which parameters are made of: expected the module "
           << "after qnt-materialize-params";
  if (!frame.params())
    return op.emitOpError("loads parameter '")
           << name << "', but the module has no qnt.params";
  try {
    Datum datum;
    if (auto type = dyn_cast<QTensorType>(op.getType()))
      datum = loadQuantized(frame.params(), name.str(), type);
    else
      datum = loadTensor(frame.params(), name.str(), op.getType());
    std::string why;
    if (!fits(datum, op.getType(), why))
      return op.emitOpError("expected parameter '")
             << name << "' of type " << op.getType() << ", "
             << frame.params()->path() << " has " << why;
    frame.set(op, std::move(datum));
    return success();
  } catch (const ParamsError &error) {
    return op.emitOpError(error.what());
  }
}

void interp::registerParameters(Registry &registry) {
  registry.add<ml_program::GlobalLoadConstOp>(evaluate);
}
