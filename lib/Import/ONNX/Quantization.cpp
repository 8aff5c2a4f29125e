//===- Quantization.cpp - codes and scales in the graph -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Quantization.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Meaning
//===----------------------------------------------------------------------===//

CodeMeaning qnt::onnx::readMeaning(Node &node, const Tensor &codes,
                                   size_t scale, size_t zero, int64_t axis,
                                   int64_t block) {
  CodeMeaning meaning;
  meaning.scale = node.input(scale, floatTypes());
  const Tensor &scales = meaning.scale;
  if (node.hasInput(zero)) {
    meaning.zero = node.input(zero);
    bool isSingle = scales.countElements() == Dim(1) &&
                    meaning.zero->countElements() == Dim(1);
    if (!isSingle && !llvm::equal(meaning.zero->dims, scales.dims))
      node.fail(node.describe(zero) + " has another shape than the scales");
  }
  if (scales.countElements() == Dim(1) && block == 0) {
    meaning.scale = reshape(node, scales, {});
    if (meaning.zero)
      meaning.zero = reshape(node, *meaning.zero, {});
    return meaning;
  }
  int64_t rank = codes.getRank();
  axis = node.normalizeAxis(axis, rank);
  meaning.axis = axis;
  meaning.block = block;
  auto fail = [&] {
    node.fail(node.describe(scale) +
              ": expected one number, one for each "
              "index of axis " +
              std::to_string(axis) + (block ? ", or one for each block" : ""));
  };
  if (block == 0) {
    if (scales.getRank() != 1 ||
        (codes.dims[axis].constant() && scales.dims[0] != codes.dims[axis]))
      fail();
    SmallVector<Dim> shape(rank, Dim(1));
    shape[axis] = scales.dims[0];
    meaning.scale = reshape(node, scales, shape);
    if (meaning.zero)
      meaning.zero = reshape(node, *meaning.zero, shape);
    return meaning;
  }
  if (block < 1 || scales.getRank() != rank)
    fail();
  for (int64_t i = 0; i < rank; ++i) {
    Dim expected =
        i == axis ? node.dims().ceilDiv(codes.dims[i], block) : codes.dims[i];
    if (scales.dims[i] != expected)
      fail();
  }
  return meaning;
}

/// `numbers` of a meaning so that they broadcast against `codes`.
static Tensor spread(Node &node, const Tensor &numbers,
                     const CodeMeaning &meaning, const Tensor &codes) {
  if (meaning.block == 0)
    return numbers;
  Source source(node, numbers);
  return generate(node, numbers.dtype, codes.dims, [&](const LoopBody &body) {
    SmallVector<Value> at;
    for (int64_t i = 0; i < codes.getRank(); ++i)
      at.push_back(body.index(i));
    at[*meaning.axis] = body.div(at[*meaning.axis], meaning.block);
    return body.read(source, at);
  });
}

/// 8 bits and fewer, which the dialect has formats for.
static bool isCode(DType dtype) {
  return isInteger(dtype) && getBits(dtype) <= 8;
}

static TypedAttr getNumber(Value value) {
  SplatElementsAttr splat;
  if (!value || !matchPattern(value, m_Constant(&splat)))
    return {};
  return splat.getSplatValue<FloatAttr>();
}

namespace {
/// The operands of qnt.quantize and qnt.wrap, where a meaning has this form.
struct StaticMeaning {
  QTensorType type;
  Value scale, zero;
};
} // namespace

static Value createNumber(Node &node, double number) {
  auto type = RankedTensorType::get({}, node.builder().getF32Type());
  return arith::ConstantOp::create(node.builder(), node.loc(),
                                   DenseElementsAttr::get(type, float(number)));
}

static std::optional<StaticMeaning>
getStaticMeaning(Node &node, const Tensor &codes, const CodeMeaning &meaning,
                 unsigned bits, bool isSigned) {
  bool isStatic = !meaning.axis && meaning.scale.constant &&
                  meaning.scale.dtype == DType::F32 &&
                  (!meaning.zero || meaning.zero->constant) &&
                  codes.getRank() > 0;
  if (!isStatic)
    return std::nullopt;
  double scale = meaning.scale.constant->toDoubles()[0];
  int64_t zero = meaning.zero ? meaning.zero->constant->toInts()[0] : 0;
  // What targets do with scales needs them to be numbers.
  if (!(scale > 0) || !std::isfinite(scale))
    return std::nullopt;
  MLIRContext *context = node.context();
  StaticMeaning result;
  bool hasZero = !isSigned || zero != 0;
  result.type = QTensorType::get(
      context, codes.getShape(), IntFormatAttr::get(context, bits, isSigned),
      BlockAttr::get(context, BlockKind::PerTensor, 0),
      Float32Type::get(context), hasZero ? ZeroKind::Point : ZeroKind::None,
      Attribute());
  result.scale = createNumber(node, scale);
  if (hasZero)
    result.zero = createNumber(node, double(zero));
  return result;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

Tensor qnt::onnx::centre(Node &node, const Tensor &codes,
                         const CodeMeaning &meaning) {
  Tensor wide = cast(node, codes, DType::I32);
  if (!meaning.zero)
    return wide;
  Tensor zero =
      spread(node, cast(node, *meaning.zero, DType::I32), meaning, codes);
  return compute(node, {wide, zero},
                 [](Scalars &s, ValueRange x) { return s.sub(x[0], x[1]); });
}

/// A constant that keeps its codes; none where scales are not known.
static std::optional<Tensor> decodeConstant(const Tensor &codes,
                                            const CodeMeaning &meaning) {
  bool isKnown = codes.constant && meaning.scale.constant &&
                 (!meaning.zero || meaning.zero->constant) &&
                 meaning.scale.dtype == DType::F32 &&
                 (isCode(codes.dtype) || codes.dtype == DType::I32);
  if (!isKnown)
    return std::nullopt;
  QuantizedConstant constant;
  constant.codes = codes.constant;
  constant.bits = getBits(codes.dtype);
  constant.isSigned = !isUnsigned(codes.dtype);
  constant.scales = meaning.scale.constant;
  if (meaning.zero)
    constant.zeros = meaning.zero->constant;
  constant.axis = meaning.axis;
  constant.block = meaning.block;
  QuantizedRef simple = simplify(std::move(constant));
  Tensor result = Tensor::ofConstant(simple->decode());
  result.quantized = simple;
  return result;
}

bool qnt::onnx::hasHeldShape(const Tensor &x) {
  auto isKnown = [](const Dim &dim) { return dim.constant().has_value(); };
  if (x.getRank() < 2 || !isKnown(x.dims.back()))
    return false;
  return x.getRank() != 4 ||
         llvm::all_of(ArrayRef(x.dims).drop_front(), isKnown);
}

CodeMeaning qnt::onnx::findMeaning(const Tensor &codes) {
  auto op = codes.value ? codes.value.getDefiningOp<CodesOp>() : CodesOp();
  auto encoded = op ? op.getInput().getDefiningOp<QuantizeOp>() : QuantizeOp();
  auto numberOf = [](Value value) {
    auto number = dyn_cast_or_null<FloatAttr>(getNumber(value));
    return number ? std::optional(number.getValueAsDouble()) : std::nullopt;
  };
  std::optional<double> scale, zero = 0.0;
  if (encoded) {
    scale = numberOf(encoded.getScale());
    if (encoded.getZero())
      zero = numberOf(encoded.getZero());
  }
  bool isKnown = scale && zero;
  CodeMeaning meaning;
  meaning.scale = splat(DType::F32, isKnown ? *scale : 1);
  meaning.zero = splat(codes.dtype, isKnown ? *zero : 0);
  return meaning;
}

/// The numbers that `codes` were made of, if with this meaning.
static Value findEncoded(const Tensor &codes, const StaticMeaning &meaning) {
  auto op = codes.value ? codes.value.getDefiningOp<CodesOp>() : CodesOp();
  auto encoded = op ? op.getInput().getDefiningOp<QuantizeOp>() : QuantizeOp();
  if (!encoded || encoded.getType() != meaning.type ||
      getNumber(encoded.getScale()) != getNumber(meaning.scale) ||
      getNumber(encoded.getZero()) != getNumber(meaning.zero))
    return {};
  return encoded;
}

Tensor qnt::onnx::decode(Node &node, const Tensor &codes,
                         const CodeMeaning &meaning) {
  if (meaning.zero && meaning.zero->dtype != codes.dtype)
    node.fail("codes of type " + getName(codes.dtype).str() +
              " with zero points of type " +
              getName(meaning.zero->dtype).str());
  if (auto constant = decodeConstant(codes, meaning))
    return *constant;
  if (isCode(codes.dtype) && !codes.constant)
    if (auto known =
            getStaticMeaning(node, codes, meaning, getBits(codes.dtype),
                             !isUnsigned(codes.dtype))) {
      Value encoded = findEncoded(codes, *known);
      if (!encoded)
        encoded = WrapOp::create(node.builder(), node.loc(), known->type,
                                 node.value(codes), known->scale, known->zero);
      auto type = RankedTensorType::get(known->type.getShape(),
                                        node.builder().getF32Type());
      return Tensor::ofValue(
          DType::F32, codes.dims,
          DequantizeOp::create(node.builder(), node.loc(), type, encoded));
    }
  Tensor numbers = cast(node, centre(node, codes, meaning), DType::F32);
  Tensor scale =
      spread(node, cast(node, meaning.scale, DType::F32), meaning, codes);
  Tensor result = compute(node, {numbers, scale}, [](Scalars &s, ValueRange x) {
    return s.mul(x[0], x[1]);
  });
  return cast(node, result, meaning.scale.dtype);
}

/// The scale that `input` was decoded with, one number; else null.
static Value findInputScale(const Tensor &input) {
  auto decoded =
      input.value ? input.value.getDefiningOp<DequantizeOp>() : DequantizeOp();
  if (!decoded)
    return {};
  Operation *encoded = decoded.getInput().getDefiningOp();
  Value scale;
  if (auto quantize = dyn_cast_or_null<QuantizeOp>(encoded))
    scale = quantize.getScale();
  else if (auto wrap = dyn_cast_or_null<WrapOp>(encoded))
    scale = wrap.getScale();
  return getNumber(scale) ? scale : Value();
}

/// Whether a bias is in units of the sums of products of `input` and `weight`.
static bool isInUnits(const QuantizedConstant &bias, double input,
                      const QuantizedConstant &weight) {
  std::vector<double> units = bias.scales->toDoubles();
  std::vector<double> scales = weight.scales->toDoubles();
  auto at = [](const std::vector<double> &values, int64_t n) {
    return float(values[values.size() == 1 ? 0 : n]);
  };
  for (int64_t n = 0, count = bias.codes->size(); n < count; ++n)
    if (at(units, n) != float(input) * at(scales, n))
      return false;
  return true;
}

Value qnt::onnx::createBias(Node &node, const Tensor &bias, const Tensor &input,
                            const Tensor &weight, Value weightValue) {
  QuantizedRef codes = bias.quantized;
  auto decoded = weightValue.getDefiningOp<DequantizeOp>();
  Value scale = findInputScale(input);
  if (!codes || codes->bits != 32 || codes->zeros || codes->block || !decoded ||
      !scale || !weight.quantized || weight.quantized->block ||
      !isInUnits(*codes, cast<FloatAttr>(getNumber(scale)).getValueAsDouble(),
                 *weight.quantized))
    return node.parameter(bias);
  auto type =
      RankedTensorType::get(bias.getShape(), node.builder().getF32Type());
  return DequantizeBiasOp::create(
      node.builder(), node.loc(), type,
      node.parameter(Tensor::ofConstant(codes->codes)), scale,
      decoded.getInput());
}

//===----------------------------------------------------------------------===//
// Encoding
//===----------------------------------------------------------------------===//

/// The range of an integer type of up to 16 bits.
static std::pair<double, double> getRange(unsigned bits, bool isSigned) {
  double span = double(int64_t(1) << bits);
  return isSigned ? std::pair(-span / 2, span / 2 - 1)
                  : std::pair(0.0, span - 1);
}

Tensor qnt::onnx::encode(Node &node, const Tensor &x,
                         const CodeMeaning &meaning, DType dtype) {
  if (!isInteger(dtype) || getBits(dtype) > 16)
    node.fail("quantisation to element type " + getName(dtype).str() +
              " is not supported");
  unsigned bits = getBits(dtype);
  bool isSigned = !isUnsigned(dtype);
  if (isCode(dtype) && x.dtype == DType::F32 && !x.constant)
    if (auto known = getStaticMeaning(node, x, meaning, bits, isSigned)) {
      Value codes = QuantizeOp::create(node.builder(), node.loc(), known->type,
                                       node.value(x), known->scale, known->zero,
                                       ClipMethod::AbsMax);
      auto type = RankedTensorType::get(
          known->type.getShape(), onnx::getElementType(dtype, node.context()));
      return Tensor::ofValue(
          dtype, x.dims,
          CodesOp::create(node.builder(), node.loc(), type, codes));
    }
  SmallVector<Tensor> operands = {
      cast(node, x, DType::F32),
      spread(node, cast(node, meaning.scale, DType::F32), meaning, x)};
  if (meaning.zero)
    operands.push_back(
        spread(node, cast(node, *meaning.zero, DType::F32), meaning, x));
  auto [least, most] = getRange(bits, isSigned);
  return elementwise(
      node, operands, dtype,
      [&, least = least, most = most](OpBuilder &builder, Location loc,
                                      ValueRange args) {
        Scalars s(builder, loc, DType::F32);
        Value code = s.op<math::RoundEvenOp>(s.div(args[0], args[1]));
        if (args.size() > 2)
          code = s.add(code, args[2]);
        code = s.min(s.max(code, s.constant(least)), s.constant(most));
        return castScalar(builder, loc, code, DType::F32, dtype);
      });
}

Tensor qnt::onnx::encodeWith(Node &node, const Tensor &x, const Tensor &scale,
                             const Tensor &zero, DType dtype) {
  MLIRContext *context = node.context();
  auto type = QTensorType::get(
      context, x.getShape(),
      IntFormatAttr::get(context, getBits(dtype), !isUnsigned(dtype)),
      BlockAttr::get(context, BlockKind::PerTensor, 0),
      Float32Type::get(context), ZeroKind::Point, Attribute());
  Value codes = QuantizeOp::create(node.builder(), node.loc(), type,
                                   node.value(x), node.value(scale),
                                   node.value(zero), ClipMethod::AbsMax);
  auto integers = RankedTensorType::get(type.getShape(),
                                        onnx::getElementType(dtype, context));
  return Tensor::ofValue(
      dtype, x.dims,
      CodesOp::create(node.builder(), node.loc(), integers, codes));
}

Tensor qnt::onnx::encodeAndDecode(Node &node, const Tensor &x, float scale,
                                  unsigned bits, bool isSigned) {
  CodeMeaning meaning;
  meaning.scale = splat(DType::F32, scale);
  auto known = getStaticMeaning(node, x, meaning, bits, isSigned);
  if (!known)
    node.fail("expected a positive scale and an input of rank 1 or more");
  Value codes =
      QuantizeOp::create(node.builder(), node.loc(), known->type, node.value(x),
                         known->scale, known->zero, ClipMethod::AbsMax);
  auto type = RankedTensorType::get(known->type.getShape(),
                                    node.builder().getF32Type());
  return Tensor::ofValue(
      DType::F32, x.dims,
      DequantizeOp::create(node.builder(), node.loc(), type, codes));
}
