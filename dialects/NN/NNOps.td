//===- NNOps.td - layers -----------------------------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_NN_NNOPS_TD
#define QNT_DIALECTS_NN_NNOPS_TD

include "dialects/NN/NNDialect.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class NN_Op<string opMnemonic, list<Trait> traits = []>
    : Op<NN_Dialect, opMnemonic, traits>;

def NN_Tensor : RankedTensorOf<[AnyFloat]>;
def NN_Ids : RankedTensorOf<[I32]>;
def NN_Features : Type<
    And<[NN_Tensor.predicate, CPred<[{
      [](::mlir::RankedTensorType type) {
        return type.getRank() > 0 && !type.isDynamicDim(type.getRank() - 1);
      }(::llvm::cast<::mlir::RankedTensorType>($_self))
    }]>]>,
    "tensor of floats with a static last dimension",
    "::mlir::RankedTensorType">;

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

def NN_LinearOp : NN_Op<"linear", [Pure, InferTypeOpAdaptor]> {
  let summary = "fully connected layer, y = x w^T + b";
  let description = [{
    `input` is [..., K], `weight` is [N, K], `bias` is [N]; the result is
    [..., N] with the input's element type.

    ```mlir
    %q = nn.linear %h, %wq : tensor<?x384xf32>, tensor<384x384xf32>
    %o = nn.linear %h, %wo bias %b : tensor<?x384xf32>, tensor<384x384xf32>, tensor<384xf32>
    ```

    Constraints:
    - (C1) `weight` has rank 2 and static shape.
    - (C2) the last dimension of `input` equals K.
    - (C3) `bias` has shape [N].
  }];
  let arguments = (ins NN_Features:$input, NN_Tensor:$weight,
                       Optional<NN_Tensor>:$bias);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict `:`
    type($input) `,` type($weight) (`,` type($bias)^)?
  }];
  let hasVerifier = 1;
}

def NN_MatmulOp : NN_Op<"matmul", [Pure, InferTypeOpAdaptor]> {
  let summary = "product of two batches of matrices that are both computed";
  let description = [{
    `lhs` is [..., M, K], `rhs` is [..., K, N], or [..., N, K] with `transposed`;
    the result is [..., M, N]. Leading dimensions broadcast as in numpy: they are
    lined up from the right, and a dimension of size 1, or one that is missing,
    repeats.

    ```mlir
    %s = nn.matmul %q, %k transposed : tensor<?x12x?x64xf32>, tensor<?x12x?x64xf32>
    %y = nn.matmul %p, %v : tensor<?x12x?x?xf32>, tensor<?x12x?x64xf32>
    ```

    Constraints:
    - (C1) both have rank 2 at least and one element type.
    - (C2) K of `lhs` equals K of `rhs`.
    - (C3) leading dimensions that are lined up are equal, or one of them is 1.
  }];
  let arguments = (ins NN_Tensor:$lhs, NN_Tensor:$rhs, UnitAttr:$transposed);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`transposed` $transposed^)? attr-dict `:`
    type($lhs) `,` type($rhs)
  }];
}

def NN_ConvOp : NN_Op<"conv", [Pure, InferTypeOpAdaptor]> {
  let summary = "convolution of images, channels last";
  let description = [{
    `input` is [B, H, W, C], `weight` is [N, KH, KW, C / groups], `bias` is [N];
    the result is [B, OH, OW, N] with the input's element type:

    result[b, y, x, n] = bias[n] + sum over i, j, c of
      input[b, y * strides[0] + i * dilations[0] - pads[0],
            x * strides[1] + j * dilations[1] - pads[1], g * C / groups + c]
      * weight[n, i, j, c],   g = n / (N / groups),

    where inputs outside the image are zero. `pads` are the rows above, the
    columns to the left, the rows below and the columns to the right;
    OH = (H + pads[0] + pads[2] - dilations[0] * (KH - 1) - 1) / strides[0] + 1,
    rounded down, and OW likewise.

    ```mlir
    %y = nn.conv %x, %w bias %b strides [2, 2] pads [1, 1, 1, 1]
        : tensor<?x32x32x16xf32>, tensor<32x3x3x16xf32>, tensor<32xf32>
    %d = nn.conv %y, %k pads [1, 1, 1, 1] groups 32 : tensor<?x16x16x32xf32>, tensor<32x3x3x1xf32>
    ```

    Constraints:
    - (C1) `input` has rank 4; `weight` has rank 4 and static shape.
    - (C2) `groups` is positive and divides C and N; the last dimension of
      `weight` is C / groups.
    - (C3) `strides` and `dilations` are two positive numbers, `pads` four that
      are not negative.
    - (C4) the image with its pads is at least as large as the kernel.
    - (C5) `bias` has shape [N].
  }];
  let arguments = (ins NN_Features:$input, NN_Tensor:$weight,
                       Optional<NN_Tensor>:$bias,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? (`strides` $strides^)? (`pads` $pads^)?
    (`dilations` $dilations^)? (`groups` $groups^)? attr-dict `:`
    type($input) `,` type($weight) (`,` type($bias)^)?
  }];
  let hasVerifier = 1;
}

def NN_PoolKind : I32EnumAttr<"PoolKind", "what becomes of a window", [
      I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Average", 1, "average">]> {
  let cppNamespace = "::qnt::nn";
}

def NN_PoolOp : NN_Op<"pool", [Pure, InferTypeOpAdaptor]> {
  let summary = "maximum or mean of windows of images, channels last";
  let description = [{
    `input` is [B, H, W, C], the result [B, OH, OW, C], with windows of `kernel`
    rows and columns placed as those of `nn.conv`. Positions outside the image
    do not count, unless `count_pads` says that a mean divides by the size of
    the whole window; a window without any position gives -infinity (`max`) or
    NaN (`average`). Of a window with a NaN, the maximum is NaN.

    ```mlir
    %p = nn.pool max %x kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] : tensor<?x112x112x64xf32>
    ```

    Constraints:
    - (C1) `input` has rank 4.
    - (C2) `kernel`, `strides` and `dilations` are two positive numbers, `pads`
      four that are not negative.
    - (C3) the image with its pads is at least as large as the window.
  }];
  let arguments = (ins NN_PoolKind:$kind, NN_Features:$input,
                       DenseI64ArrayAttr:$kernel,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       UnitAttr:$count_pads);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $kind $input `kernel` $kernel (`strides` $strides^)? (`pads` $pads^)?
    (`dilations` $dilations^)? (`count_pads` $count_pads^)? attr-dict `:`
    type($input)
  }];
}

//===----------------------------------------------------------------------===//
// Lookups and positions
//===----------------------------------------------------------------------===//

def NN_EmbeddingOp : NN_Op<"embedding", [Pure, InferTypeOpAdaptor]> {
  let summary = "rows of a table";
  let description = [{
    `ids` is [...], `table` is [V, H]; the result is [..., H]. An id outside
    [0, V) is undefined here; entry points check ids before they run.

    Constraint (C1): `table` has rank 2 and static shape.
  }];
  let arguments = (ins NN_Ids:$ids, NN_Tensor:$table);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $ids `,` $table attr-dict `:` type($ids) `,` type($table)
  }];
  let hasVerifier = 1;
}

def NN_PositionIdsOp : NN_Op<"position_ids", [Pure, AllTypesMatch<["tokens", "result"]>]> {
  let summary = "the position of every token of a batch";
  let description = [{
    result[b, t] = start[b] + t, of the shape of `tokens`, [B, T]. Without
    `start` positions count from zero. Only the shape of `tokens` is read.

    Constraints: (C1) `tokens` has rank 2; (C2) `start` has shape [B].
  }];
  let arguments = (ins NN_Ids:$tokens, Optional<NN_Ids>:$start);
  let results = (outs NN_Ids:$result);
  let assemblyFormat = [{
    $tokens (`from` $start^)? attr-dict `:` type($tokens) (`,` type($start)^)?
  }];
  let hasVerifier = 1;
}

def NN_SelectRowsOp : NN_Op<"select_rows", [Pure, InferTypeOpAdaptor]> {
  let summary = "one row of each sequence";
  let description = [{
    `input` is [B, T, H], `rows` is [B]; result[b, h] = input[b, rows[b], h];
    without `rows`, the last row, T - 1.

    Constraint (C1): `input` has rank 3, `rows` has shape [B].
  }];
  let arguments = (ins NN_Tensor:$input, Optional<NN_Ids>:$rows);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input (`at` $rows^)? attr-dict `:` type($input) (`,` type($rows)^)?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

class NN_BroadcastOp<string mnemonic, string text>
    : NN_Op<mnemonic, [Pure, AllTypesMatch<["lhs", "result"]>]> {
  let summary = text;
  let description = [{
    `rhs` has the shape of `lhs` or of its trailing dimensions, over which it is
    broadcast: [H] against [B, T, H].

    A splat constant of ones (`nn.mul`) or zeros (`nn.add`) folds away.

    Constraint (C1): the shape of `rhs` is a suffix of the shape of `lhs`.
  }];
  let hasFolder = 1;
  let arguments = (ins NN_Tensor:$lhs, NN_Tensor:$rhs);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs)
  }];
  let hasVerifier = 1;
}
def NN_AddOp : NN_BroadcastOp<"add", "sum, broadcast over leading dimensions">;
def NN_MulOp : NN_BroadcastOp<"mul", "product, broadcast over leading dimensions">;

def NN_ScaleRowsOp : NN_Op<"scale_rows", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "each index of the first dimension times a number of its own";
  let description = [{
    result[n, ...] = input[n, ...] * scale[n]: what a factor of the outputs of a
    layer does to its weight.

    ```mlir
    %s = nn.scale_rows %w by %gamma : tensor<32x3x3x16xf32>, tensor<32xf32>
    ```

    Constraint (C1): `scale` has the shape of the first dimension of `input`.
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$scale);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `by` $scale attr-dict `:` type($input) `,` type($scale)
  }];
  let hasVerifier = 1;
}

def NN_ActivationKind : I32EnumAttr<"ActivationKind", "an activation function", [
      I32EnumAttrCase<"Relu", 0, "relu">,
      I32EnumAttrCase<"Gelu", 1, "gelu">,
      I32EnumAttrCase<"GeluTanh", 2, "gelu_tanh">,
      I32EnumAttrCase<"Silu", 3, "silu">,
      I32EnumAttrCase<"Tanh", 4, "tanh">,
      I32EnumAttrCase<"Sigmoid", 5, "sigmoid">]> {
  let cppNamespace = "::qnt::nn";
}

def NN_ActivationOp : NN_Op<"activation", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "a function of each element";
  let description = [{
    `relu` max(x, 0); `gelu` x Phi(x) with the error function; `gelu_tanh` its
    tanh approximation (Hendrycks and Gimpel 2016); `silu` x sigmoid(x); `tanh`;
    `sigmoid`. A second `relu` folds away.

    ```mlir
    %y = nn.activation silu %x : tensor<?x768xf32>
    ```
  }];
  let arguments = (ins NN_ActivationKind:$kind, NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($input)";
  let hasFolder = 1;
}

def NN_ClampOp : NN_Op<"clamp", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "each element within bounds";
  let description = [{
    min(max(x, low), high); NaN stays NaN. Bounds may be infinite.

    ```mlir
    %y = nn.clamp %x low 0.0 high 6.0 : tensor<?x56x56x64xf32>
    ```

    Constraint (C1): `low` is at most `high`.
  }];
  let arguments = (ins NN_Tensor:$input, F64Attr:$low, F64Attr:$high);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input `low` $low `high` $high attr-dict `:` type($input)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

def NN_RMSNormOp : NN_Op<"rms_norm", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "root mean square normalisation";
  let description = [{
    Each of `groups` equal slices of the last dimension, x, becomes
    x / sqrt(mean(x^2) + eps) * scale (Zhang and Sennrich 2019). With `groups`
    above one this is the per-head norm of queries and keys.

    ```mlir
    %h = nn.rms_norm %x, %gamma eps 1.0e-5 : tensor<?x384xf32>, tensor<384xf32>
    %n = nn.rms_norm %q, %head_gamma groups 16 eps 1.0e-6 : tensor<?x?x2048xf32>, tensor<128xf32>
    ```

    Constraints:
    - (C1) `groups` is at least 1 and divides the last dimension.
    - (C2) `scale` has shape [last / groups].
    - (C3) `eps` is not negative.
  }];
  let arguments = (ins NN_Features:$input, NN_Tensor:$scale,
                       DefaultValuedAttr<I64Attr, "1">:$groups, F64Attr:$eps);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $scale (`groups` $groups^)? `eps` $eps attr-dict `:`
    type($input) `,` type($scale)
  }];
  let hasVerifier = 1;
}

def NN_LayerNormOp : NN_Op<"layer_norm", [Pure, AllTypesMatch<["input", "result"]>, AllTypesMatch<["scale", "shift"]>]> {
  let summary = "layer normalisation";
  let description = [{
    (x - mean(x)) / sqrt(var(x) + eps) * scale + shift over the last dimension
    (Ba et al. 2016), with the biased variance.

    Constraints: (C1) `scale` and `shift` have the shape of the last dimension;
    (C2) `eps` is not negative.
  }];
  let arguments = (ins NN_Features:$input, NN_Tensor:$scale, NN_Tensor:$shift,
                       F64Attr:$eps);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $scale `,` $shift `eps` $eps attr-dict `:`
    type($input) `,` type($scale)
  }];
  let hasVerifier = 1;
}

def NN_SelectFeaturesOp : NN_Op<"select_features", [Pure, InferTypeOpAdaptor]> {
  let summary = "some features, in a given order";
  let description = [{
    `input` is [..., K], `indices` is [M], each at least 0 and below K; result[..., m]
    = input[..., indices[m]]. A permutation where the indices are one. `indices` are
    constant.

    ```mlir
    %o = nn.select_features %x, %i : tensor<?x384xf32>, tensor<8xi32>
    ```

    Constraint (C1): `input` has rank 1 at least, `indices` is static of rank 1.
  }];
  let arguments = (ins NN_Tensor:$input, NN_Ids:$indices);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices attr-dict `:` type($input) `,` type($indices)
  }];
}

def NN_SoftmaxOp : NN_Op<"softmax", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "exponentials of a row, divided by their sum";
  let description = [{
    exp(x - max(x)) / sum(exp(x - max(x))) over the last dimension.

    ```mlir
    %p = nn.softmax %s : tensor<?x12x?x?xf32>
    ```

    Constraint (C1): `input` has rank 1 at least.
  }];
  let arguments = (ins NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def NN_L2NormalizeOp : NN_Op<"l2_normalize", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "rows of unit length";
  let description = [{ x / max(|x|, 1e-12) over the last dimension. }];
  let arguments = (ins NN_Features:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def NN_MeanPoolOp : NN_Op<"mean_pool", [Pure, InferTypeOpAdaptor]> {
  let summary = "mean over the valid tokens of each sequence";
  let description = [{
    `input` is [B, T, H], `lengths` is [B]; result[b] is the mean of the first
    lengths[b] rows.

    Constraint (C1): `input` has rank 3, `lengths` has shape [B].
  }];
  let arguments = (ins NN_Tensor:$input, NN_Ids:$lengths);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $lengths attr-dict `:` type($input) `,` type($lengths)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

def NN_RopeTableOp : NN_Op<"rope_table", [Pure, InferTypeOpAdaptor]> {
  let summary = "cosines and sines of rotary position embedding";
  let description = [{
    For positions [B, T] gives [B, T, dim]: `dim`/2 cosines, then `dim`/2 sines,
    of position * frequency(i), frequency(i) = theta^(-2i/dim) (Su et al. 2021),
    stretched by `scaling` where given. Computed once, used by every layer.

    Constraints: (C1) `dim` is even and positive; (C2) `theta` is positive;
    (C3) `positions` has rank 2.
  }];
  let arguments = (ins NN_Ids:$positions, I64Attr:$dim, F64Attr:$theta,
                       OptionalAttr<NN_RopeScalingAttr>:$scaling);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $positions (`scaling` $scaling^)? `dim` $dim `theta` $theta attr-dict `:`
    type($positions)
  }];
  let hasVerifier = 1;
}

def NN_RopeOp : NN_Op<"rope", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "rotary position embedding";
  let description = [{
    `input` is [B, T, heads * D], `table` is [B, T, R] from `nn.rope_table`, R at
    most D. The first R features of every head are rotated: feature i pairs with
    i + R/2, or with `interleaved` 2i with 2i+1.

    ```mlir
    %r = nn.rope %q, %table heads 4 : tensor<?x?x256xf32>, tensor<?x?x64xf32>
    ```

    Constraints: (C1) `heads` divides the last dimension; (C2) R is at most the
    head size; (C3) both operands have rank 3.
  }];
  let arguments = (ins NN_Features:$input, NN_Features:$table, I64Attr:$heads,
                       UnitAttr:$interleaved);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $table `heads` $heads (`interleaved` $interleaved^)? attr-dict
    `:` type($input) `,` type($table)
  }];
  let hasVerifier = 1;
}

def NN_AttentionOp : NN_Op<"attention", [
    AttrSizedOperandSegments, AllTypesMatch<["query", "result"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "scaled dot-product attention";
  let description = [{
    softmax(scale q k^T) v for `heads` query heads that share `kvHeads` heads of
    keys and values (Vaswani et al. 2017; grouped queries, Ainslie et al. 2023).
    `query` is [B, T, heads * D], `key` and `value` are [B, T, kvHeads * D].

    With `cache`, the keys and values of the T tokens are first written to layer
    `layer` of the cache at positions start[b] .. start[b] + T - 1, and token t
    attends to positions 0 .. start[b] + t (always causal). Without one, tokens
    attend to the first lengths[b] tokens of their sequence (all T without
    `lengths`), with `causal` to none after themselves. `window` w restricts a
    token to the last w positions, its own included. A token that may attend to
    nothing yields zeros.

    ```mlir
    %y = nn.attention %q, %k, %v cache(%kv : !nn.kv_cache<6 layers, 2 heads, 64, f16>) layer 3 at(%pos : tensor<?xi32>)
        heads 4 kv_heads 2 scale 0.125 : tensor<?x?x256xf32>, tensor<?x?x128xf32>, tensor<?x?x128xf32>
    %z = nn.attention %q1, %k1, %v1 lengths(%n : tensor<?xi32>) heads 12 kv_heads 12 scale 0.177
        : tensor<?x?x384xf32>, tensor<?x?x384xf32>, tensor<?x?x384xf32>
    ```

    Constraints:
    - (C1) operands have rank 3; `heads` divides the features of `query` and
      `kvHeads` those of `key`; head sizes agree.
    - (C2) `kvHeads` divides `heads`.
    - (C3) `key` and `value` have one type, and the batch of `query`; `lengths`
      and `start` have shape [B].
    - (C4) `cache` and `start` come together, without `lengths`; the cache has
      `kvHeads` heads of that size and more than `layer` layers.
    - (C5) `window`, where given, is positive, and the attention is causal or has
      a cache.
  }];
  let arguments = (ins NN_Features:$query, NN_Features:$key, NN_Features:$value,
                       Optional<NN_Ids>:$lengths,
                       Optional<NN_KVCacheType>:$cache, Optional<NN_Ids>:$start,
                       OptionalAttr<I64Attr>:$layer,
                       I64Attr:$heads, I64Attr:$kvHeads, F64Attr:$scale,
                       UnitAttr:$causal, OptionalAttr<I64Attr>:$window);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    (`cache` `(` $cache^ `:` type($cache) `)` `layer` $layer
     `at` `(` $start `:` type($start) `)`)?
    `heads` $heads `kv_heads` $kvHeads `scale` $scale
    (`causal` $causal^)? (`window` $window^)? attr-dict `:`
    type($query) `,` type($key) `,` type($value)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getHeadDim() {
      return getQuery().getType().getShape().back() / getHeads();
    }
  }];
}

#endif // QNT_DIALECTS_NN_NNOPS_TD
