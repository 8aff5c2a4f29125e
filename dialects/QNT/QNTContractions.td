//===- QNTContractions.td - contractions and pools ---------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_QNTCONTRACTIONS_TD
#define QNT_DIALECTS_QNT_QNTCONTRACTIONS_TD

include "dialects/QNT/QNTBase.td"

def QNT_EpilogueKind : I32EnumAttr<"EpilogueKind", "a step after a contraction", [
      I32EnumAttrCase<"Bias", 0, "bias">, I32EnumAttrCase<"Add", 1, "add">,
      I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Relu", 3, "relu">,
      I32EnumAttrCase<"Gelu", 4, "gelu">,
      I32EnumAttrCase<"GeluTanh", 5, "gelu_tanh">,
      I32EnumAttrCase<"Silu", 6, "silu">, I32EnumAttrCase<"Tanh", 7, "tanh">,
      I32EnumAttrCase<"Sigmoid", 8, "sigmoid">,
      I32EnumAttrCase<"Clamp", 9, "clamp">,
      I32EnumAttrCase<"Quantize", 10, "quantize">,
      I32EnumAttrCase<"IntBias", 11, "int_bias">,
      I32EnumAttrCase<"IntAdd", 12, "int_add">,
      I32EnumAttrCase<"Requantize", 13, "requantize">,
      I32EnumAttrCase<"Rescale", 14, "rescale">,
      I32EnumAttrCase<"RequantizeF32", 15, "requantize_f32">]> {
  let cppNamespace = "::qnt";
  let genSpecializedAttr = 0;
}
def QNT_EpilogueStep : EnumAttr<QNT_Dialect, QNT_EpilogueKind, "step"> {
  let assemblyFormat = "$value";
}
def QNT_EpilogueArray : TypedArrayAttrBase<QNT_EpilogueStep, "epilogue steps">;
def QNT_EpilogueOperand : AnyTypeOf<[QNT_FloatTensor, QNT_Ids, QNT_TensorType]>;

def QNT_EpilogueOp : OpInterface<"EpilogueOp"> {
  let cppNamespace = "::qnt";
  let description = [{
    A contraction, or another function of codes, that ends in a list of steps on
    its sums while they are in registers. N is the last dimension of the result. The steps follow in order,
    each with the operands of `extra` that it takes. On the numbers (f32) that
    the contraction gives:

    | step | operands | what it does |
    |---|---|---|
    | `bias` | f32 [N] | adds |
    | `add`, `mul` | f32 of the result's shape; for `add` also quantised | adds, multiplies; a quantised one counts as what `qnt.dequantize` makes of it |
    | `relu`, `gelu`, `gelu_tanh`, `silu`, `tanh`, `sigmoid` | | as `nn.activation` |
    | `clamp` | f32 [], f32 [] | min(max(x, first), second) |
    | `quantize` | f32 [] scale, and f32 [] zero where the result has zero points | last: encodes with them, as `qnt.quantize` does |

    Or, with a quantised input, on the exact sum a of the products of the codes,
    less their zero points, or on the integer that the op defines in its place. A
    weight of small floats e<E>m<M> counts in units of its smallest number, 2^(2 -
    2^(E-1) - M), in which all are integers:

    | step | operands | what it does |
    |---|---|---|
    | `int_bias` | i32 [N] | first: a + bias[n] |
    | `int_add` | quantised, of the result's shape; i32 [N] multiplier | once, before `requantize`, to whose product it adds (code - zero) * multiplier[n] |
    | `relu` | | the code is at least the zero point, the rescaled number at least 0 |
    | `requantize` | i32 [N] multiplier, i32 [N] shift (1 to 62), f32 [] scale, and f32 [] zero where the result has zero points | last: code = (a * multiplier[n] + what `int_add` gives + 2^(shift[n] - 1)) >> shift[n], in 64 bits with an arithmetic shift, + zero, clamped to the code range; the scale is what the codes mean |
    | `rescale` | f32 [N] | last: f32(a) * scale[n], each rounded to nearest |
    | `requantize_f32` | f32 [] scale, and f32 [] zero where the result has zero points | last: code = round-half-even(f32(a) * factor[n]) + zero, clamped to the code range; factor[n] = (input's scale * weight's scale[n]) / scale in f32, each operation rounded |

    Dyadic numbers multiplier / 2^shift stand for ratios of scales (Jacob et al.
    2018; Yao et al. 2021): up to `requantize`, integer arithmetic throughout.
    `requantize_f32` is how ONNX Runtime's layers on codes round.

    Constraints, verified for every such op:
    - (E1) there are as many operands as the steps take, of those types.
    - (E2) a quantised result, which is `per_tensor` on an integer format,
      exactly where the last step is `quantize`, `requantize` or
      `requantize_f32`.
    - (E3) steps of the two kinds do not mix; integer steps end in `requantize`,
      `rescale` or `requantize_f32`, and need quantised operands on both sides,
      the weight's without offsets and in blocks `per_channel` or `per_tensor`;
      `requantize_f32` needs a weight of integers.
  }];
  let methods = [
    InterfaceMethod<"The steps.", "::mlir::ArrayAttr", "getEpilogue">,
    InterfaceMethod<"Their operands, in order.", "::mlir::OperandRange", "getExtra">
  ];
}

def QNT_LinearOp : QNT_Op<"linear", [Pure, QNT_EpilogueOp]> {
  let summary = "fully connected layer on quantised operands";
  let description = [{
    decode . dot . rescale . epilogue: y = x w^T in exact arithmetic on the
    decoded numbers (integers accumulate in 32 bits), then the steps of
    `epilogue` (see the interface EpilogueOp). `input` is [..., K], quantised or
    float; `weight` is [N, K], quantised; the result is [..., N], in f32, which
    need not be written, or quantised.

    ```mlir
    %y = qnt.linear %xq, %w : !qnt.tensor<?x384, int8, per_row, scale f32>, !qnt.tensor<384x384, int4, group<128>, scale f16>
    %z = qnt.linear %xq, %w epilogue [bias, gelu, add](%b, %r : tensor<384xf32>, tensor<?x384xf32>)
        : !qnt.tensor<?x384, int8, per_row, scale f32>, !qnt.tensor<384x384, int4, group<128>, scale f16>
    ```

    Constraints:
    - (C1) `weight` has rank 2 and static shape; K agrees, and the result has the
      shape of the input with N features.
    - (C2) a quantised input has integer codes in blocks `per_row` or
      `per_tensor` without offsets, and the weight has integer codes too, both of
      at most 8 bits, or scaled floats whose integers (above) have at most 24
      bits; or it has floats of a scaled format in blocks `per_row`, `per_tensor` or `group`,
      and so has the weight, in blocks of any kind.
    - (C3) (E1) to (E3) of EpilogueOp.
    - (C4) weights have no `per_row` block (it is written `per_channel`).
    - (C5) only the input has an activation's layout.
  }];
  let arguments = (ins QNT_AnyTensor:$input, QNT_TensorType:$weight,
                       Variadic<QNT_EpilogueOperand>:$extra,
                       DefaultValuedAttr<QNT_EpilogueArray, "{}">:$epilogue,
                       OptionalAttr<QNT_Strategy>:$strategy);
  let results = (outs QNT_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`epilogue` custom<Epilogue>($epilogue)^ (`(` $extra^ `:` type($extra) `)`)?)?
    (`strategy` `(` $strategy^ `)`)? attr-dict `:` type($input) `,` type($weight)
    custom<LinearResult>(type($result), ref(type($input)), ref(type($weight)))
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$weight,
                   "::mlir::ValueRange":$extra, "::mlir::ArrayAttr":$epilogue,
                   CArg<"::qnt::Strategy", "{}">:$strategy)>];
  let hasVerifier = 1;
}

def QNT_ConvOp : QNT_Op<"conv", [Pure, QNT_EpilogueOp]> {
  let summary = "convolution on quantised operands, channels last";
  let description = [{
    What `nn.conv` gives, on decoded numbers: `input` is [B, H, W, C], `weight`
    [N, KH, KW, C / groups], the result [B, OH, OW, N], and inputs outside the
    image are zero (the zero point of quantised ones). Then the steps of
    `epilogue` (see the interface EpilogueOp).

    ```mlir
    %y = qnt.conv %x, %w strides [2, 2] pads [1, 1, 1, 1] epilogue [bias, relu, quantize](%b, %s, %z : tensor<32xf32>, tensor<f32>, tensor<f32>)
        : !qnt.tensor<?x32x32x16, uint8, per_tensor, scale f32, zero>, !qnt.tensor<32x3x3x16, int8, per_channel, scale f32>
        -> !qnt.tensor<?x16x16x32, uint8, per_tensor, scale f32, zero>
    ```

    Constraints:
    - (C1) `input` and `weight` have rank 4, `weight` static shape; `groups`
      divides C and N; the last dimension of `weight` is C / groups.
    - (C2) windows are as `nn.conv` demands, and the result has the shape that
      they give.
    - (C3) a quantised input has integer codes in one block, `per_tensor`, without
      offsets, and the weight has integer codes too, both of at most 8 bits, or floats
      whose integers (`qnt.linear`) have at most 24.
    - (C4) the weight's block is `per_channel`, `per_tensor` or `unscaled`, without
      offsets.
    - (C5) (E1) to (E3) of EpilogueOp.
    - (C6) only the input and the result have activations' layouts.
  }];
  let arguments = (ins QNT_AnyTensor:$input, QNT_TensorType:$weight,
                       Variadic<QNT_EpilogueOperand>:$extra,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<QNT_EpilogueArray, "{}">:$epilogue,
                       OptionalAttr<QNT_ConvStrategyAttr>:$strategy);
  let results = (outs QNT_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`strides` $strides^)? (`pads` $pads^)?
    (`dilations` $dilations^)? (`groups` $groups^)?
    (`epilogue` custom<Epilogue>($epilogue)^ (`(` $extra^ `:` type($extra) `)`)?)?
    (`strategy` $strategy^)? attr-dict `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// How the windows lie on the images.
    ::qnt::nn::Windows getWindows() {
      return ::qnt::nn::Windows::of(*this, getWeight().getType().getShape().slice(1, 2));
    }
  }];
}

def QNT_MaxPoolOp : QNT_Op<"max_pool", [Pure]> {
  let summary = "largest codes of windows of quantised images";
  let description = [{
    `nn.pool max` on decoded numbers; as scales are positive, on codes. The
    result has the input's scale and zero point.

    ```mlir
    %m = qnt.max_pool %x kernel [2, 2] strides [2, 2] : !qnt.tensor<?x8x8x64, uint8, per_tensor, scale f32, zero> -> !qnt.tensor<?x4x4x64, uint8, per_tensor, scale f32, zero>
    ```

    Constraints:
    - (C1) `input` has rank 4 and integer codes of at most 8 bits in one block,
      `per_tensor`.
    - (C2) windows are as `nn.pool` demands, pads are smaller than the kernel's
      extent, and the result differs from the input in layout and in the shape
      that they give.
  }];
  let arguments = (ins QNT_TensorType:$input, DenseI64ArrayAttr:$kernel,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations);
  let results = (outs QNT_TensorType:$result);
  let assemblyFormat = [{
    $input `kernel` $kernel (`strides` $strides^)? (`pads` $pads^)?
    (`dilations` $dilations^)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// How the windows lie on the images.
    ::qnt::nn::Windows getWindows() {
      return ::qnt::nn::Windows::of(*this, getKernel());
    }
  }];
}

def QNT_AveragePoolOp : QNT_Op<"average_pool", [Pure, QNT_EpilogueOp]> {
  let summary = "means of windows of quantised images";
  let description = [{
    The exact sum of a window's codes, less their zero points, and then either,
    on the mean scale * sum / positions in f32, the f32 steps of `epilogue`, or
    its integer steps on the sum, whose multipliers contain the division; the
    factor of `requantize_f32` is input's scale / (scale * positions) (see the
    interface EpilogueOp). N is C.

    ```mlir
    %a = qnt.average_pool %x kernel [8, 8] epilogue [quantize](%s, %z : tensor<f32>, tensor<f32>)
        : !qnt.tensor<?x8x8x64, uint8, per_tensor, scale f32, zero> -> !qnt.tensor<?x1x1x64, uint8, per_tensor, scale f32, zero>
    ```

    Constraints:
    - (C1) `input` has rank 4 and integer codes of at most 8 bits in one block,
      `per_tensor`.
    - (C2) windows are as `nn.pool` demands, without pads, and the result has the
      shape that they give.
    - (C3) (E1) to (E3) of EpilogueOp.
  }];
  let arguments = (ins QNT_TensorType:$input,
                       Variadic<QNT_EpilogueOperand>:$extra,
                       DenseI64ArrayAttr:$kernel,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       DefaultValuedAttr<QNT_EpilogueArray, "{}">:$epilogue);
  let results = (outs QNT_AnyTensor:$result);
  let assemblyFormat = [{
    $input `kernel` $kernel (`strides` $strides^)? (`dilations` $dilations^)?
    (`epilogue` custom<Epilogue>($epilogue)^ (`(` $extra^ `:` type($extra) `)`)?)?
    attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// How the windows lie on the images.
    ::qnt::nn::Windows getWindows() {
      static constexpr int64_t noPads[4] = {0, 0, 0, 0};
      return {getKernel(), getStrides(), noPads, getDilations()};
    }
  }];
}

def QNT_AddOp : QNT_Op<"add", [Pure]> {
  let summary = "sum of two quantised tensors as codes";
  let description = [{
    code = round-half-even(fma(a, A, fma(b, B, c))), clamped to the code range,
    where a and b are the codes of `lhs` and `rhs`, A and B their scales over
    `scale`, and c = zero - fma(A, a's zero point, B * b's zero point), all in f32
    and rounded once an operation: what ONNX Runtime's QLinearAdd computes on
    machines with fused multiply-add.

    ```mlir
    %c = qnt.add %a, %b scale %s zero %z : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x8x8x4, int8, per_tensor, scale f32>, tensor<f32>, tensor<f32>
        -> !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
    ```

    Constraints:
    - (C1) operands and result have one shape, whose last dimension is static,
      and integer codes of at most 8 bits in one block, `per_tensor`.
    - (C2) `zero` is given exactly when the result has zero points.
    - (C3) layouts are those of activations.
  }];
  let arguments = (ins QNT_TensorType:$lhs, QNT_TensorType:$rhs,
                       QNT_F32Scalar:$scale, Optional<QNT_F32Scalar>:$zero);
  let results = (outs QNT_TensorType:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `scale` $scale (`zero` $zero^)? attr-dict `:` type($lhs) `,`
    type($rhs) `,` type($scale) (`,` type($zero)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // QNT_DIALECTS_QNT_QNTCONTRACTIONS_TD
