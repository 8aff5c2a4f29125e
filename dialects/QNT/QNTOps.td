//===- QNTOps.td - ops on quantised tensors ----------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_QNTOPS_TD
#define QNT_DIALECTS_QNT_QNTOPS_TD

include "dialects/QNT/QNTTypes.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class QNT_Op<string opMnemonic, list<Trait> traits = []>
    : Op<QNT_Dialect, opMnemonic, traits>;

def QNT_FloatTensor : RankedTensorOf<[AnyFloat]>;
def QNT_Ids : RankedTensorOf<[I32]>;
def QNT_AnyTensor : AnyTypeOf<[QNT_FloatTensor, QNT_TensorType]>;

def QNT_ClipMethod : I32EnumAttr<"ClipMethod", "how the range of a block is chosen", [
      I32EnumAttrCase<"AbsMax", 0, "absmax">,
      I32EnumAttrCase<"MSE", 1, "mse">]> {
  let cppNamespace = "::qnt";
}

def QNT_QuantizeOp : QNT_Op<"quantize", [Pure, AttrSizedOperandSegments]> {
  let summary = "float tensor to codes and scales";
  let description = [{
    Without `scale`, each block's scale is found from its own values. Symmetric
    types, `absmax`: scale = max|x| / format maximum. Types with zero points:
    the block's range widened to hold zero, scale = (max - min) / (code max -
    code min), zero point = code min - round(min / scale), clamped to the code
    range. `mse` searches the clipping that minimises the squared error over the
    block: 1.00, 0.98, ..., 0.40 of that range, and for signed integers without
    zero points also the scale x_extreme / code min, which uses the whole two's
    complement range: x_extreme is the value of largest magnitude (of two equal
    ones the negative), so this scale is negative where that value is positive.
    Of equal errors the first in this order wins. Scales are rounded to the
    scale type, at least its smallest positive number (the smallest normal one of
    f32 and bf16) and at most its largest, before zero points and codes are
    computed; a block of zeros has scale 1. Codes are round-half-even(x / scale) +
    zero, clamped to the code range (floats: the nearest number to x / scale).
    All this is f32 arithmetic, rounded after each operation, except that squared
    errors are summed in double; NaNs do not count in ranges and errors.

    With `scale` (and `zero`), those are used (static quantisation).

    ```mlir
    %q = qnt.quantize %h : tensor<?x384xf32> -> !qnt.tensor<?x384, int8, per_row, scale f32>
    %w = qnt.quantize %v clip mse : tensor<384x384xf32> -> !qnt.tensor<384x384, int4, group<32>, scale f16>
    %s = qnt.quantize %h scale %a zero %z : tensor<?x384xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x384, uint8, per_tensor, scale f32, zero>
    ```

    Constraints:
    - (C1) input and result have one shape.
    - (C2) `zero` is given exactly when `scale` is and the type has zero points.
    - (C3) `scale` and `zero` have the type's scale shape, in f32.
    - (C4) the result has no layout, or an activation layout (`#qnt.rows`).
  }];
  let arguments = (ins QNT_FloatTensor:$input, Optional<QNT_FloatTensor>:$scale,
                       Optional<QNT_FloatTensor>:$zero,
                       DefaultValuedAttr<QNT_ClipMethod, "::qnt::ClipMethod::AbsMax">:$clip);
  let results = (outs QNT_TensorType:$result);
  let assemblyFormat = [{
    $input (`scale` $scale^)? (`zero` $zero^)? (`clip` $clip^)? attr-dict `:`
    type($input) (`,` type($scale)^)? (`,` type($zero)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def QNT_DequantizeOp : QNT_Op<"dequantize", [Pure]> {
  let summary = "codes and scales to a float tensor";
  let description = [{
    value = scale * (decode(code) - zero), in f32, rounded to the result's element
    type. Of an f32 tensor quantised as `f32`, it folds away.

    ```mlir
    %x = qnt.dequantize %q : !qnt.tensor<?x384, int8, per_row, scale f32> -> tensor<?x384xf32>
    ```

    Constraint (C1): input and result have one shape.
  }];
  let arguments = (ins QNT_TensorType:$input);
  let results = (outs QNT_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def QNT_DimOp : QNT_Op<"dim", [Pure]> {
  let summary = "one dimension of a quantised tensor";
  let description = [{
    Static dimensions fold, and the size of what `qnt.quantize` makes is that of
    its input.

    ```mlir
    %n = qnt.dim %q, 0 : !qnt.tensor<?x384, int8, per_row, scale f32>
    ```

    Constraint (C1): `dimension` is below the rank.
  }];
  let arguments = (ins QNT_TensorType:$input, I64Attr:$dimension);
  let results = (outs Index:$result);
  let assemblyFormat = "$input `,` $dimension attr-dict `:` type($input)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def QNT_PackOp : QNT_Op<"pack", [Pure]> {
  let summary = "a weight in a target's memory layout";
  let description = [{
    The same numbers, stored as the result's layout says.

    ```mlir
    %p = qnt.pack %w : !qnt.tensor<64x96, int8, per_channel, scale f32> -> !qnt.tensor<64x96, int8, per_channel, scale f32, #qnt.panels<16>>
    ```

    Constraints: (C1) the types differ only in layout; (C2) the input has none,
    the result has one.
  }];
  let arguments = (ins QNT_TensorType:$input);
  let results = (outs QNT_TensorType:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def QNT_ObserveOp : QNT_Op<"observe", [AllTypesMatch<["input", "result"]>]> {
  let summary = "the identity, watched";
  let description = [{
    Passes its input on. A run of the model reports the value under `site`;
    calibration collects statistics there.

    ```mlir
    %y = qnt.observe %x "layers.0.mlp" : tensor<?x384xf32>
    ```
  }];
  let arguments = (ins QNT_FloatTensor:$input, StrAttr:$site);
  let results = (outs QNT_FloatTensor:$result);
  let assemblyFormat = "$input $site attr-dict `:` type($input)";
}

def QNT_EpilogueKind : I32EnumAttr<"EpilogueKind", "a step after a contraction", [
      I32EnumAttrCase<"Bias", 0, "bias">, I32EnumAttrCase<"Add", 1, "add">,
      I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Relu", 3, "relu">,
      I32EnumAttrCase<"Gelu", 4, "gelu">,
      I32EnumAttrCase<"GeluTanh", 5, "gelu_tanh">,
      I32EnumAttrCase<"Silu", 6, "silu">, I32EnumAttrCase<"Tanh", 7, "tanh">,
      I32EnumAttrCase<"Sigmoid", 8, "sigmoid">]> {
  let cppNamespace = "::qnt";
  let genSpecializedAttr = 0;
}
def QNT_EpilogueStep : EnumAttr<QNT_Dialect, QNT_EpilogueKind, "step"> {
  let assemblyFormat = "$value";
}
def QNT_EpilogueArray : TypedArrayAttrBase<QNT_EpilogueStep, "epilogue steps">;

def QNT_LinearOp : QNT_Op<"linear", [Pure, InferTypeOpAdaptor]> {
  let summary = "fully connected layer on quantised operands";
  let description = [{
    decode . dot . rescale . epilogue: y = x w^T in exact arithmetic on the
    decoded numbers (integers accumulate in 32 bits), then the `epilogue` steps
    in order. `bias` adds an [N] operand; `add` and `mul` take an operand of the
    result's shape; the others are functions of each element, as in
    `nn.activation`. `input` is [..., K], quantised or float; `weight` is
    [N, K], quantised; the result is [..., N] in f32.

    ```mlir
    %y = qnt.linear %xq, %w : !qnt.tensor<?x384, int8, per_row, scale f32>, !qnt.tensor<384x384, int4, group<128>, scale f16>
    %z = qnt.linear %xq, %w epilogue [bias, gelu, add](%b, %r : tensor<384xf32>, tensor<?x384xf32>)
        : !qnt.tensor<?x384, int8, per_row, scale f32>, !qnt.tensor<384x384, int4, group<128>, scale f16>
    ```

    Constraints:
    - (C1) `weight` has rank 2 and static shape; K agrees.
    - (C2) a quantised input has integer codes in blocks `per_row` or
      `per_tensor`, and the weight has integer codes too.
    - (C3) there are as many operands as `bias`, `add` and `mul` steps, of the
      shapes named above.
    - (C4) weights have no `per_row` block (it is written `per_channel`).
    - (C5) only the input has the layout `#qnt.rows`.
  }];
  let arguments = (ins QNT_AnyTensor:$input, QNT_TensorType:$weight,
                       Variadic<QNT_FloatTensor>:$extra,
                       DefaultValuedAttr<QNT_EpilogueArray, "{}">:$epilogue,
                       OptionalAttr<QNT_StrategyAttr>:$strategy);
  let results = (outs QNT_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`epilogue` custom<Epilogue>($epilogue)^ (`(` $extra^ `:` type($extra) `)`)?)?
    (`strategy` $strategy^)? attr-dict `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def QNT_EmbeddingOp : QNT_Op<"embedding", [Pure, InferTypeOpAdaptor]> {
  let summary = "rows of a quantised table, decoded";
  let description = [{
    `ids` is [...], `table` is [V, H]; the result is [..., H] in f32.

    Constraint (C1): `table` has rank 2 and static shape.
  }];
  let arguments = (ins QNT_Ids:$ids, QNT_TensorType:$table);
  let results = (outs QNT_FloatTensor:$result);
  let assemblyFormat = "$ids `,` $table attr-dict `:` type($ids) `,` type($table)";
  let hasVerifier = 1;
}

#endif // QNT_DIALECTS_QNT_QNTOPS_TD
