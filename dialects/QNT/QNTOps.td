//===- QNTOps.td - ops on quantised tensors ----------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_QNTOPS_TD
#define QNT_DIALECTS_QNT_QNTOPS_TD

include "dialects/QNT/QNTIntegers.td"

def QNT_ClipMethod : I32EnumAttr<"ClipMethod", "how the range of a block is chosen", [
      I32EnumAttrCase<"AbsMax", 0, "absmax">,
      I32EnumAttrCase<"MSE", 1, "mse">,
      I32EnumAttrCase<"HQQ", 2, "hqq">,
      I32EnumAttrCase<"Output", 3, "output">,
      I32EnumAttrCase<"AbsMean", 4, "absmean">]> {
  let cppNamespace = "::qnt";
}

def QNT_Rounding : I32EnumAttr<"Rounding", "how numbers become codes", [
      I32EnumAttrCase<"Nearest", 0, "nearest">,
      I32EnumAttrCase<"GPTQ", 1, "gptq">]> {
  let cppNamespace = "::qnt";
}

def QNT_QuantizeOp : QNT_Op<"quantize", [Pure, AttrSizedOperandSegments]> {
  let summary = "float tensor to codes and scales";
  let description = [{
    Without `scale`, each block's scale is found from its own values. Symmetric
    types, `absmax`: scale = max|x| / format maximum. Types with zero points:
    the block's range widened to hold zero, scale = (max - min) / (code max -
    code min), zero point = code min - round(min / scale), clamped to the code
    range; types with offsets have the same scale, and offset = scale * code min -
    min. `mse` searches the clipping that minimises the squared error over the
    block: 1.00, 0.98, ..., 0.40 of that range, and for signed integers without
    either also the scale x_extreme / code min, which uses the whole two's
    complement range: x_extreme is the value of largest magnitude (of two equal
    ones the negative), so this scale is negative where that value is positive.
    Of equal errors the first in this order wins. Scales are rounded to the
    scale type, at least its smallest positive number (the smallest normal one of
    f32 and bf16) and at most its largest, before zero points and codes are
    computed; a block of zeros has scale 1 (of f8E4M3FN, the smallest). Scales of
    f8E8M0FNU are rounded up instead; those of f8E4M3FN are multiples of a power
    of two of their row, which max|x| of the row gives before blocks are looked
    at. Codes are round-half-even(x / scale) +
    zero, with offsets round-half-even((x + offset) / scale), clamped to the code
    range (floats: the nearest number to x / scale).
    All this is f32 arithmetic, rounded after each operation, except that squared
    errors are summed in double; NaNs do not count in ranges and errors.

    Two more ways of choosing a block's range are for weights. `hqq` is half-quadratic
    quantisation (Badri and Shaji 2023), for types with offsets: from the range of
    `absmax`, the offset alternates with a shrunken error, |e|^0.7 in place of
    squares, for at most 20 rounds while the mean |e| falls. `output` searches the
    shrinking of `mse`, but by the error of the layer's output, e M e^T over the
    block's part of `moment`, as AWQ clips (Lin et al. 2024); of a block of more
    than 128 inputs, over the parts of 128 on the diagonal.

    `absmean` is for ternary weights (Ma et al. 2024, BitNet b1.58): scale = mean|x|,
    summed in double, and codes are clamped to -1 ... 1.

    `moment` is the second moment M = X^T X / rows of the layer's inputs, [K, K], K
    the elements of a row of the weight; for a convolution, of the patches that
    its windows see. [G, K, K] holds one for each of G groups of rows, which take
    inputs of their own. Rounding `gptq` (Frantar et al. 2023) takes
    the inputs in order, or with `act_order` by decreasing M[k][k] (equal ones in
    order), and spreads the error of each over those not yet encoded, through the
    upper Cholesky factor of the inverse of M + damp * mean(diagonal of M) * I; an
    input that never was anything but 0 has weight 0. A block's scale is found from
    its numbers as they are when its first input comes, with `act_order` from the
    weight before any error was spread. Sums are in double; rows do not depend on
    each other.

    With `scale` (and `zero`: zero points or offsets), those are used (static
    quantisation).

    ```mlir
    %q = qnt.quantize %h : tensor<?x384xf32> -> !qnt.tensor<?x384, int8, per_row, scale f32>
    %w = qnt.quantize %v clip mse : tensor<384x384xf32> -> !qnt.tensor<384x384, int4, group<32>, scale f16>
    %s = qnt.quantize %h scale %a zero %z : tensor<?x384xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x384, uint8, per_tensor, scale f32, zero>
    ```

    Constraints:
    - (C1) input and result have one shape.
    - (C2) `zero` is given exactly when `scale` is and the type has zero points
      or offsets.
    - (C3) `scale` and `zero` have the type's scale shape, in f32.
    - (C4) the result has no layout, or an activation layout (`#qnt.rows`,
      `#qnt.image`).
    - (C5) `moment` is given exactly where `clip` is `output` or `rounding` is
      `gptq`; it is f32 [K, K] or [G, K, K], and the input static of rank 2 or
      more, K the product of all its dimensions but the first, which G divides.
    - (C6) `clip hqq` needs a type with offsets.
    - (C7) `act_order` and `damp` belong to `rounding gptq`; `damp` is not negative.
    - (C8) `clip absmean` is for int2 without zero points and offsets, rounded to
      nearest, without `scale`.
    - (C9) types with f8E4M3FN or f8E8M0FNU scales take neither `scale` nor `moment`.
  }];
  let arguments = (ins QNT_FloatTensor:$input, Optional<QNT_FloatTensor>:$scale,
                       Optional<QNT_FloatTensor>:$zero,
                       Optional<QNT_FloatTensor>:$moment,
                       DefaultValuedAttr<QNT_ClipMethod, "::qnt::ClipMethod::AbsMax">:$clip,
                       DefaultValuedAttr<QNT_Rounding, "::qnt::Rounding::Nearest">:$rounding,
                       UnitAttr:$actOrder,
                       DefaultValuedAttr<F64Attr, "0.0">:$damp);
  let results = (outs QNT_TensorType:$result);
  let assemblyFormat = [{
    $input (`scale` $scale^)? (`zero` $zero^)? (`clip` $clip^)?
    (`moment` $moment^)? (`rounding` $rounding^)? (`act_order` $actOrder^)?
    (`damp` $damp^)? attr-dict `:` type($input) (`,` type($scale)^)?
    (`,` type($zero)^)? (`moment` type($moment)^)? `->` type($result)
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input,
                   "::mlir::Value":$scale, "::mlir::Value":$zero,
                   CArg<"::qnt::ClipMethod", "::qnt::ClipMethod::AbsMax">:$clip), [{
      build($_builder, $_state, result, input, scale, zero, /*moment=*/{}, clip,
            ::qnt::Rounding::Nearest, /*actOrder=*/false, ::llvm::APFloat(0.0));
    }]>];
  let hasVerifier = 1;
}

def QNT_DequantizeOp : QNT_Op<"dequantize", [Pure]> {
  let summary = "codes and scales to a float tensor";
  let description = [{
    value = scale * (decode(code) - zero), or scale * decode(code) - offset, in
    f32, rounded to the result's element type. Of an f32 tensor quantised as `f32`, it folds away.

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

def QNT_CodesOp : QNT_Op<"codes", [Pure]> {
  let summary = "the codes of a quantised tensor as integers";
  let description = [{
    The integers that the codes stand for. Of codes just wrapped (`qnt.wrap`), it folds away.

    ```mlir
    %c = qnt.codes %q : !qnt.tensor<?x32x32x16, uint8, per_tensor, scale f32, zero> -> tensor<?x32x32x16xi8>
    ```

    Constraints: (C1) one shape; (C2) the format is an integer one, the result
    holds integers of at least its width.
  }];
  let arguments = (ins QNT_TensorType:$input);
  let results = (outs QNT_IntegerTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def QNT_WrapOp : QNT_Op<"wrap", [Pure]> {
  let summary = "integers as the codes of a quantised tensor";
  let description = [{
    The other way round: `codes` mean scale * (code - zero). Integers that are
    no codes of the format are undefined.

    ```mlir
    %q = qnt.wrap %c scale %s zero %z : tensor<?x32x32x16xi8>, tensor<f32>, tensor<f32>
        -> !qnt.tensor<?x32x32x16, uint8, per_tensor, scale f32, zero>
    ```

    Constraints: (C1) one shape; (C2) the format is an integer one, `codes` holds
    integers of at least its width; (C3) `scale` and `zero` have the type's scale
    shape, in f32, and `zero` is given exactly when the type has zero
    points or offsets.
  }];
  let arguments = (ins QNT_IntegerTensor:$codes, QNT_FloatTensor:$scale,
                       Optional<QNT_FloatTensor>:$zero);
  let results = (outs QNT_TensorType:$result);
  let assemblyFormat = [{
    $codes `scale` $scale (`zero` $zero^)? attr-dict `:`
    type($codes) `,` type($scale) (`,` type($zero)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Numbers of integer arithmetic: parameter expressions
//===----------------------------------------------------------------------===//

def QNT_ScalesOp : QNT_Op<"scales", [Pure]> {
  let summary = "the scales of a quantised tensor";
  let description = [{
    ```mlir
    %s = qnt.scales %w : !qnt.tensor<32x3x3x16, int8, per_channel, scale f32> -> tensor<32xf32>
    ```

    Constraint (C1): the type has scales, the result their shape.
  }];
  let arguments = (ins QNT_TensorType:$input);
  let results = (outs QNT_F32Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def QNT_QuantizeBiasOp : QNT_Op<"quantize_bias", [Pure]> {
  let summary = "a bias in units of the sums of products";
  let description = [{
    result[n] = bias[n] / scale[n] in double, rounded half to even. `scale` is
    that of the input times those of the weight; a number beyond 32 bits is an
    error.

    ```mlir
    %i = qnt.quantize_bias %b scale %s : tensor<32xf32>, tensor<32xf32> -> tensor<32xi32>
    ```

    Constraint (C1): all have the shape [N].
  }];
  let arguments = (ins QNT_F32Tensor:$bias, QNT_F32Tensor:$scale);
  let results = (outs QNT_Ids:$result);
  let assemblyFormat = [{
    $bias `scale` $scale attr-dict `:` type($bias) `,` type($scale) `->` type($result)
  }];
  let hasVerifier = 1;
}

def QNT_DequantizeBiasOp : QNT_Op<"dequantize_bias", [Pure]> {
  let summary = "a bias given in units of the sums of products";
  let description = [{
    result[n] = codes[n] * (scale * weight's scale[n]) in f32, each operation
    rounded: what a layer on an input of that `scale` and on that `weight` adds
    when it adds `codes` to its sums. Models that were quantised elsewhere have
    such biases.

    ```mlir
    %b = qnt.dequantize_bias %i scale %s weight %w : tensor<32xi32>, tensor<f32>, !qnt.tensor<32x3x3x16, int8, per_channel, scale f32> -> tensor<32xf32>
    ```

    Constraints: (C1) `codes` and the result have the shape [N], N the first
    dimension of `weight`; (C2) the block of `weight` is `per_channel` or
    `per_tensor`.
  }];
  let arguments = (ins QNT_Ids:$codes, QNT_F32Scalar:$scale, QNT_TensorType:$weight);
  let results = (outs QNT_F32Tensor:$result);
  let assemblyFormat = [{
    $codes `scale` $scale `weight` $weight attr-dict `:` type($codes) `,`
    type($scale) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

def QNT_CorrectBiasOp : QNT_Op<"correct_bias", [Pure, AllTypesMatch<["bias", "result"]>]> {
  let summary = "a bias that keeps the mean of a layer's outputs";
  let description = [{
    result[n] = bias[n] + sum over k of (weight[n, k] - codes[n, k]) * mean[k], the
    codes decoded, sums in double: what quantising the weight takes from the mean of
    each output, given the mean of each input, as data-free quantisation corrects
    biases (Nagel et al. 2019, section 4.2). For a convolution, the inputs of a row
    are the elements of a patch, [kernel h, kernel w, channel]; of G groups of
    channels, `mean` has those of all groups, and the rows of a group take the
    channels of theirs.

    ```mlir
    %c = qnt.correct_bias %b weight %w codes %q mean %m : tensor<32xf32>, tensor<32x3x3x16xf32>, !qnt.tensor<32x3x3x16, int4, per_channel, scale f32>, tensor<144xf32>
    ```

    Constraints: (C1) `bias` and the result have the shape [N], N the first
    dimension of `weight`; (C2) `weight` is static of rank 2 or 4, and `codes` of
    its shape; (C3) `mean` has the shape [G * K], K the elements of a row, where G
    divides N and is 1 for a weight of rank 2.
  }];
  let arguments = (ins QNT_F32Tensor:$bias, QNT_F32Tensor:$weight,
                       QNT_TensorType:$codes, QNT_F32Tensor:$mean);
  let results = (outs QNT_F32Tensor:$result);
  let assemblyFormat = [{
    $bias `weight` $weight `codes` $codes `mean` $mean attr-dict `:`
    type($bias) `,` type($weight) `,` type($codes) `,` type($mean)
  }];
  let hasVerifier = 1;
}

def QNT_DyadicShiftOp : QNT_Op<"dyadic_shift", [Pure]> {
  let summary = "the shift that gives ratios of scales their most precise dyadic";
  let description = [{
    A ratio r = numerator[n] / denominator, computed in double, becomes
    multiplier / 2^shift: the shift is the largest of 1 to 62 for which r * 2^shift,
    rounded, is below 2^31 in magnitude, so that the multiplier has 31 bits and
    its product with a 32-bit sum has 62. With `addend`, a second numerator of
    all n, its ratio must fit likewise: both share the shift. A ratio of 2^30 or
    more is an error.

    ```mlir
    %s = qnt.dyadic_shift %n over %d : tensor<32xf32>, tensor<f32> -> tensor<32xi32>
    %t = qnt.dyadic_shift %n with %a over %d : tensor<32xf32>, tensor<f32>, tensor<f32> -> tensor<32xi32>
    ```

    Constraint (C1): `numerator` and the result have the shape [N].
  }];
  let arguments = (ins QNT_F32Tensor:$numerator, Optional<QNT_F32Scalar>:$addend,
                       QNT_F32Scalar:$denominator);
  let results = (outs QNT_Ids:$result);
  let assemblyFormat = [{
    $numerator (`with` $addend^)? `over` $denominator attr-dict `:`
    type($numerator) `,` type($denominator) (`,` type($addend)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def QNT_DyadicOp : QNT_Op<"dyadic", [Pure, AllTypesMatch<["shift", "result"]>]> {
  let summary = "ratios of scales as integers at given shifts";
  let description = [{
    result[n] = numerator[n] / denominator * 2^shift[n], computed in double, rounded
    half to even; a `numerator` of rank 0 counts for all n. A number beyond 32
    bits is an error.

    ```mlir
    %m = qnt.dyadic %n over %d shift %s : tensor<32xf32>, tensor<f32>, tensor<32xi32>
    ```

    Constraint (C1): `shift` has the shape [N], `numerator` that or [].
  }];
  let arguments = (ins QNT_F32Tensor:$numerator, QNT_F32Scalar:$denominator,
                       QNT_Ids:$shift);
  let results = (outs QNT_Ids:$result);
  let assemblyFormat = [{
    $numerator `over` $denominator `shift` $shift attr-dict `:`
    type($numerator) `,` type($denominator) `,` type($shift)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Changes of basis, and what quantisation leaves over
//===----------------------------------------------------------------------===//

def QNT_RotateOp : QNT_Op<"rotate", [AllTypesMatch<["input", "result"]>, Pure]> {
  let summary = "an orthogonal change of basis of features";
  let description = [{
    Rows times an orthogonal matrix: y = x R over the last dimension, with
    `transposed` x R^T. Of a weight [N, K] it rotates the inputs, W R, so that
    (x R)(W R)^T = x W^T; with `outputs` the first dimension, R^T W (`transposed`:
    R W), so that x (R^T W)^T = (x W^T) R.

    R is block-diagonal. Either all blocks are D H / sqrt(n), D the block's part of
    a diagonal of signs and H a Hadamard matrix (see `#qnt.hadamard`), or `matrices`
    [blocks, n, n] are given, which must be orthogonal.

    ```mlir
    %r = qnt.rotate %x hadamard <384, seed = 7> : tensor<?x384xf32>
    %w = qnt.rotate %v outputs hadamard <64> : tensor<384x256xf32>
    %s = qnt.rotate %x by %m : tensor<?x384xf32>, tensor<3x128x128xf32>
    ```

    As a parameter expression it is computed in double; on activations in f32, the
    butterflies of H from neighbours outward.

    Constraints:
    - (C1) the size of the dimension is static, and a multiple of the block.
    - (C2) either `hadamard` or `matrices`, which are f32 or f64
      [size / n, n, n].
    - (C3) `outputs` needs a static input of rank 2 or 1.
  }];
  let arguments = (ins QNT_FloatTensor:$input, Optional<QNT_FloatTensor>:$matrices,
                       OptionalAttr<QNT_HadamardAttr>:$hadamard,
                       UnitAttr:$outputs, UnitAttr:$transposed);
  let results = (outs QNT_FloatTensor:$result);
  let assemblyFormat = [{
    $input (`outputs` $outputs^)? (`transposed` $transposed^)?
    (`hadamard` $hadamard^)? (`by` $matrices^)? attr-dict `:` type($input)
    (`,` type($matrices)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The dimension that it rotates: the first or the last.
    int64_t getDimension() {
      return getOutputs() ? 0 : getInput().getType().getRank() - 1;
    }
    /// Rows and columns of a block of R.
    int64_t getBlock();
  }];
}

def QNT_LowRankOp : QNT_Op<"low_rank", [Pure]> {
  let summary = "the best factors of a given rank";
  let description = [{
    Factors of the singular value decomposition of `input` [N, K]: `left` [N, r]
    times `right` [r, K] is the matrix of rank r with the least squared
    difference (LoRC, Yao et al. 2023; SVDQuant, Li et al. 2025). With `moment`, the
    second moment M of a layer's inputs, it is that of the least expected squared
    error of the layer's output, tr(D M D^T), D the difference. The columns of `left`
    are orthogonal, in order of what they explain, and as long as the rows of
    `right`. A parameter expression.

    ```mlir
    %l, %r = qnt.low_rank %e : tensor<384x768xf32> -> tensor<384x16xf32>, tensor<16x768xf32>
    %a, %b = qnt.low_rank %e moment %m : tensor<384x768xf32> moment tensor<768x768xf32> -> tensor<384x16xf32>, tensor<16x768xf32>
    ```

    Constraints:
    - (C1) all are static, of rank 2, and r is at most N and K.
    - (C2) `moment` is [K, K].
  }];
  let arguments = (ins QNT_F32Tensor:$input, Optional<QNT_F32Tensor>:$moment);
  let results = (outs QNT_F32Tensor:$left, QNT_F32Tensor:$right);
  let assemblyFormat = [{
    $input (`moment` $moment^)? attr-dict `:` type($input)
    (`moment` type($moment)^)? `->` type($left) `,` type($right)
  }];
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
