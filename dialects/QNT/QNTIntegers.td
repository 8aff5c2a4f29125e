//===- QNTIntegers.td - functions of codes in integers -----*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_QNTINTEGERS_TD
#define QNT_DIALECTS_QNT_QNTINTEGERS_TD

include "dialects/QNT/QNTContractions.td"

def QNT_RopeIntegers : RankedTensorOf<[I16]>;

class QNT_IntegerOp<string mnemonic> : QNT_Op<mnemonic, [Pure, QNT_EpilogueOp]> {
  let results = (outs QNT_AnyTensor:$result);
  let hasVerifier = 1;
}

def QNT_NormalizeOp : QNT_IntegerOp<"normalize"> {
  let summary = "rows over their root mean square, in integers";
  let description = [{
    Of each row x of K codes, less their zero point: S = max(sum of x[k]^2 +
    `stabilizer`, 4); h is the integer for which m = floor(S 2^(-2h)) is in
    [256, 1024), r = round(2^19 / sqrt(m + 0.5)) from a table, and

    t[k] = (x[k] r + 2^(2+h)) >> (3 + h)

    with an arithmetic shift, without the half where 3 + h is 0: x[k] / sqrt(S) in
    16 fractional bits, of 18 bits. Then the integer steps of `epilogue` on t (see
    the interface EpilogueOp). The relative error of r is below 2^-9.

    RMS norm with the factors g (Zhang and Sennrich 2019) is that with the scale
    g[k] sqrt(K) 2^-16 of feature k's t and K eps / scale^2 as `stabilizer`.

    ```mlir
    %y = qnt.normalize %x stabilizer 41 epilogue [requantize](%m, %h, %s : tensor<256xi32>, tensor<256xi32>, tensor<f32>)
        : !qnt.tensor<?x256, int16, per_tensor, scale f32> -> !qnt.tensor<?x256, int8, per_tensor, scale f32>
    ```

    Constraints:
    - (C1) `input` has integer codes in one block, `per_tensor`, without offsets,
      a static last dimension, and the result's shape.
    - (C2) `stabilizer` is from 0 to 2^48, and so is the largest sum of squares.
    - (C3) (E1) to (E3) of EpilogueOp; the steps are of integers, and end in
      `requantize` or `rescale`.
  }];
  let arguments = (ins QNT_TensorType:$input, Variadic<QNT_EpilogueOperand>:$extra,
                       I64Attr:$stabilizer,
                       DefaultValuedAttr<QNT_EpilogueArray, "{}">:$epilogue);
  let assemblyFormat = [{
    $input `stabilizer` $stabilizer
    (`epilogue` custom<Epilogue>($epilogue)^ (`(` $extra^ `:` type($extra) `)`)?)?
    attr-dict `:` type($input) `->` type($result)
  }];
}

def QNT_RopeOp : QNT_IntegerOp<"rope"> {
  let summary = "rotary position embedding of codes";
  let description = [{
    `nn.rope` in integers: of the codes x of a head, less their zero point, and
    its row of `table`, D / 2 cosines c and then D / 2 sines s times 2^14,

    t[i] = x[i] c[i] - x[i + D/2] s[i],
    t[i + D/2] = x[i + D/2] c[i] + x[i] s[i].

    Then the integer steps of `epilogue` (see the interface EpilogueOp). The scale
    of t is the input's times 2^-14.

    ```mlir
    %r = qnt.rope %q, %table heads 4 epilogue [requantize](%m, %h, %s : tensor<256xi32>, tensor<256xi32>, tensor<f32>)
        : !qnt.tensor<?x256, int16, per_tensor, scale f32>, tensor<?x64xi16> -> !qnt.tensor<?x256, int8, per_tensor, scale f32>
    ```

    Constraints:
    - (C1) `input` is [..., H * D] with integer codes in one block, `per_tensor`,
      without offsets, and the result has its shape; `heads` divides the last
      dimension, which is static, and D is even.
    - (C2) `table` is [..., D], with the input's other dimensions.
    - (C3) (E1) to (E3) of EpilogueOp; the steps are of integers, and end in
      `requantize` or `rescale`.
  }];
  let arguments = (ins QNT_TensorType:$input, QNT_RopeIntegers:$table,
                       Variadic<QNT_EpilogueOperand>:$extra, I64Attr:$heads,
                       DefaultValuedAttr<QNT_EpilogueArray, "{}">:$epilogue);
  let assemblyFormat = [{
    $input `,` $table `heads` $heads
    (`epilogue` custom<Epilogue>($epilogue)^ (`(` $extra^ `:` type($extra) `)`)?)?
    attr-dict `:` type($input) `,` type($table) `->` type($result)
  }];
}

def QNT_AttentionOp : QNT_IntegerOp<"attention"> {
  let summary = "causal attention of codes";
  let description = [{
    softmax(q k^T) v of each head in integers, for `heads` query heads that share
    `kv_heads` heads of keys and values; token t attends to tokens 0 to t.

    - s[t][j] = sum over d of q[t][d] k[j][d].
    - z[t][j] = min(((max over j' <= t of s[t][j'] - s[t][j]) `multiplier` +
      2^(`shift` - 1)) >> `shift`, 511), p[t][j] = round(255 * 2^(-9 z / 512)) from
      a table, whose last entry is 0; for j > t, p is 0.
    - l[t] = sum over j of p[t][j], at least 255; o[t][d] = sum over j of
      p[t][j] v[j][d].
    - h is the integer for which m = floor(l 2^(-h)) is in [512, 1024), r =
      round(2^24 / (m + 0.5)) from a table, and t[t][d] = (o[t][d] r + 2^(15+h)) >>
      (16 + h): o / l in 8 fractional bits.

    Then the integer steps of `epilogue` on t (see the interface EpilogueOp), whose
    scale is that of `value` times 2^-8. `multiplier` / 2^`shift` stands for
    scale(q) scale(k) a log2(e) 512 / 9, a the factor of the scores. Weights below
    2^-9 of the largest are 0.

    ```mlir
    %y = qnt.attention %q, %k, %v heads 4 kv_heads 2 multiplier 40123 shift 21 epilogue [requantize](%m, %h, %s : tensor<256xi32>, tensor<256xi32>, tensor<f32>)
        : !qnt.tensor<?x256, int8, per_tensor, scale f32>, !qnt.tensor<?x128, int8, per_tensor, scale f32>, !qnt.tensor<?x128, int8, per_tensor, scale f32>
        -> !qnt.tensor<?x256, int8, per_tensor, scale f32>
    ```

    Constraints:
    - (C1) `query` is [..., T, heads * D], `key` and `value` are [..., T,
      kv_heads * D] of one shape; the result has the shape of `query`; last
      dimensions are static.
    - (C2) codes are integers of at most 8 bits in one block, `per_tensor`,
      without zero points or offsets.
    - (C3) `kv_heads` divides `heads`.
    - (C4) `multiplier` is from 1 to 65535, `shift` from 1 to 62.
    - (C5) (E1) to (E3) of EpilogueOp; the steps are of integers, and end in
      `requantize` or `rescale`.
  }];
  let arguments = (ins QNT_TensorType:$query, QNT_TensorType:$key,
                       QNT_TensorType:$value, Variadic<QNT_EpilogueOperand>:$extra,
                       I64Attr:$heads, I64Attr:$kvHeads, I64Attr:$multiplier,
                       I64Attr:$shift,
                       DefaultValuedAttr<QNT_EpilogueArray, "{}">:$epilogue);
  let assemblyFormat = [{
    $query `,` $key `,` $value `heads` $heads `kv_heads` $kvHeads
    `multiplier` $multiplier `shift` $shift
    (`epilogue` custom<Epilogue>($epilogue)^ (`(` $extra^ `:` type($extra) `)`)?)?
    attr-dict `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
}

def QNT_MultiplyOp : QNT_IntegerOp<"multiply"> {
  let summary = "products of codes, one by one";
  let description = [{
    t = lhs * rhs, codes less their zero points, and then the integer steps of
    `epilogue` (see the interface EpilogueOp). The scale of t is the product of both.

    ```mlir
    %y = qnt.multiply %a, %b epilogue [requantize](%m, %h, %s : tensor<768xi32>, tensor<768xi32>, tensor<f32>)
        : !qnt.tensor<?x768, int16, per_tensor, scale f32>, !qnt.tensor<?x768, int8, per_tensor, scale f32>
        -> !qnt.tensor<?x768, int8, per_tensor, scale f32>
    ```

    Constraints:
    - (C1) operands and result have one shape, whose last dimension is static, and
      the operands integer codes in one block, `per_tensor`, without offsets.
    - (C2) (E1) to (E3) of EpilogueOp; the steps are of integers, and end in
      `requantize` or `rescale`.
  }];
  let arguments = (ins QNT_TensorType:$lhs, QNT_TensorType:$rhs,
                       Variadic<QNT_EpilogueOperand>:$extra,
                       DefaultValuedAttr<QNT_EpilogueArray, "{}">:$epilogue);
  let assemblyFormat = [{
    $lhs `,` $rhs
    (`epilogue` custom<Epilogue>($epilogue)^ (`(` $extra^ `:` type($extra) `)`)?)?
    attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
}

def QNT_LookupOp : QNT_Op<"lookup", [Pure]> {
  let summary = "codes by a table";
  let description = [{
    The code of the result is the entry of `table` for that of the input: any
    function of one number. Entries are in the order of the codes' bits as
    unsigned numbers, those of negative codes last.

    ```mlir
    %y = qnt.lookup %x table dense<[0, 7, -7, -1]> : tensor<4xi16> scale %s
        : !qnt.tensor<?x768, int2, per_tensor, scale f32>, tensor<f32> -> !qnt.tensor<?x768, int16, per_tensor, scale f32>
    ```

    Constraints:
    - (C1) input and result have one shape and integer codes in one block,
      `per_tensor`, without offsets, the input of at most 8 bits.
    - (C2) `table` has an entry for each pattern of the input's bits, and all are
      numbers of the result's format.
    - (C3) `zero` is given exactly when the result has zero points.
  }];
  let arguments = (ins QNT_TensorType:$input, QNT_F32Scalar:$scale,
                       Optional<QNT_F32Scalar>:$zero,
                       IntElementsAttrOf<16>:$table);
  let results = (outs QNT_TensorType:$result);
  let assemblyFormat = [{
    $input `table` $table `scale` $scale (`zero` $zero^)? attr-dict `:`
    type($input) `,` type($scale) (`,` type($zero)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // QNT_DIALECTS_QNT_QNTINTEGERS_TD
