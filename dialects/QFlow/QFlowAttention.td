//===- QFlowAttention.td - units of a transformer block ----*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QFLOW_QFLOWATTENTION_TD
#define QNT_DIALECTS_QFLOW_QFLOWATTENTION_TD

include "dialects/QFlow/QFlowUnits.td"

// A frame is a window of T tokens, in rows. What heads have lies one after the
// other in a row: of H heads of D numbers, [T, H * D].

def QFlow_MultiplyOp : QFlow_Unit<"multiply"> {
  let summary = "products of two streams, element by element";
  let description = [{
    t = (a - zeros[0]) * (b - zeros[1]), exact: what qnt.multiply gives.

    ```mlir
    %t = qflow.multiply %a, %b zeros [3, 0] : !qflow.stream<4x8xui8, 2>, !qflow.stream<4x8xsi8, 2> -> !qflow.stream<4x8xsi17, 2>
    ```

    Constraints:
    - (C1) shapes and lanes of all streams agree; there are two zero points, each
      one that its elements hold.
    - (C2) the result's elements are signed and hold the products; elements have at
      most 48 bits.
  }];
  let arguments = (ins QFlow_StreamType:$a, QFlow_StreamType:$b, DenseI64ArrayAttr:$zeros);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $a `,` $b `zeros` $zeros attr-dict `:` qualified(type($a)) `,` qualified(type($b))
    `->` qualified(type($result))
  }];
}

def QFlow_NormalizeOp : QFlow_Unit<"normalize"> {
  let summary = "rows over the root of the sum of their squares";
  let description = [{
    What qnt.normalize gives of rows [..., K]: with S = max(sum over k of (x[k] -
    zero)^2 + stabilizer, 4), the integer h for which m = floor(S * 2^(-2h)) is in
    [256, 1024), and r = round(2^19 / sqrt(m + 0.5)),

    t[k] = ((x[k] - zero) * r + 2^(2 + h)) >> (3 + h), without the half where the
    shift is 0: x / sqrt(S), with 16 fractional bits.

    ```mlir
    %t = qflow.normalize %x zero 0 stabilizer 25 : !qflow.stream<4x64xsi16, 2> -> !qflow.stream<4x64xsi18, 2>
    ```

    A row is given while the next one is read. The lanes are how many numbers are
    squared, and how many multiplied by r, at once.

    Constraints:
    - (C1) shapes and lanes agree.
    - (C2) elements of the result are si18; those of the input have at most 24 bits
      and hold `zero`.
    - (C3) `stabilizer` is not negative, and S has at most 62 bits.
  }];
  let arguments = (ins QFlow_StreamType:$input, I64Attr:$zero, I64Attr:$stabilizer);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `zero` $zero `stabilizer` $stabilizer attr-dict `:` qualified(type($input))
    `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    /// Of an input less its zero point.
    Interval getNumbers() {
      int64_t zero = getZero();
      return *Interval::of(getInput().getType().getElement()).plus({-zero, -zero});
    }
    /// The largest S; none beyond 62 bits.
    std::optional<int64_t> getLargestSum();
    int64_t getRows() {
      return getInput().getType().getElements() / getInput().getType().getShape().back();
    }
  }];
}

def QFlow_RopeOp : QFlow_Unit<"rope"> {
  let summary = "rotations of pairs of numbers by a table";
  let description = [{
    What qnt.rope gives of rows [T, H * D]: of each head, and each i below D / 2, with
    c = table[t, i], s = table[t, i + D / 2], a = x[i] - zero, b = x[i + D / 2] - zero,

    t[i] = a * c - b * s and t[i + D / 2] = b * c + a * s.

    ```mlir
    %t = qflow.rope %x zero 0 table dense<1> : tensor<4x8xi16> heads 2 : !qflow.stream<4x16xsi16, 2> -> !qflow.stream<4x16xsi32, 2>
    ```

    A head is given while the next one is read. Of each lane two numbers are
    multiplied at once.

    Constraints:
    - (C1) input and result are [T, H * D] and have the same lanes, which divide
      D / 2; D is even, and `table` is [T, D], of i16.
    - (C2) the result's elements are signed and hold what is given; elements have at
      most 48 bits, and those of the input hold `zero`.
    - (C3) what of the table is taken at once, 32 bits a lane, has at most 4096 bits.
  }];
  let arguments = (ins QFlow_StreamType:$input, I64Attr:$zero, AnyIntElementsAttr:$table,
                       I64Attr:$heads);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `zero` $zero `table` $table `heads` $heads attr-dict `:`
    qualified(type($input)) `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    int64_t getTokens() { return getInput().getType().getShape().front(); }
    /// D.
    int64_t getHeadSize() { return getInput().getType().getShape().back() / int64_t(getHeads()); }
    /// The least and the largest number that is given; none where one may be
    /// beyond 64 bits.
    std::optional<Interval> getSums();
  }];
}

def QFlow_ScoresOp : QFlow_Unit<"scores"> {
  let summary = "products of queries with the keys of tokens before";
  let description = [{
    Of queries [T, H * D] and keys [T, G * D], s[t, h, j] = the sum over d of q[t, h *
    D + d] * k[j, g * D + d] with g = h / (H / G), for j <= t, exact. For the tokens
    behind, j > t, it is the least number of the result's elements, which no sum is.

    ```mlir
    %s = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi20, 1>
    ```

    The lanes of queries and keys are how many are multiplied at once; a score takes
    D / lanes cycles, also where none is computed.

    Constraints:
    - (C1) shapes are as said, and `kv_heads` divides `heads`.
    - (C2) queries and keys have the same lanes, which divide D; the result has one.
    - (C3) the result's elements are signed, hold the sums, and a number below them;
      elements have at most 24 bits.
  }];
  let arguments = (ins QFlow_StreamType:$queries, QFlow_StreamType:$keys, I64Attr:$heads,
                       I64Attr:$kvHeads);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $queries `,` $keys `heads` $heads `kv_heads` $kvHeads attr-dict `:`
    qualified(type($queries)) `,` qualified(type($keys)) `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    int64_t getTokens() { return getQueries().getType().getShape().front(); }
    /// D.
    int64_t getHeadSize() {
      return getQueries().getType().getShape().back() / int64_t(getHeads());
    }
    /// The least and the largest sum; none where one may be beyond 64 bits.
    std::optional<Interval> getSums();
  }];
}

def QFlow_ExponentialsOp : QFlow_Unit<"exponentials"> {
  let summary = "powers of two of scores below the largest of their row";
  let description = [{
    Of rows s[T, H, T], where the least number of their elements stands for a token
    that is not seen, m being the largest of the row: with z = min(((m - s[j]) *
    multiplier + 2^(shift - 1)) >> shift, 511),

    p[j] = round(255 * 2^(-9 z / 512)), but 0 where z is 511 and for tokens that are
    not seen; l is the sum of the row's.

    ```mlir
    %p, %l = qflow.exponentials %s multiplier 300 shift 12 : !qflow.stream<6x4x6xsi20, 2> -> !qflow.stream<6x4x6xui8, 2>, !qflow.stream<6x4xui11, 1>
    ```

    A row is given while the next one is read, l with its last word.

    Constraints:
    - (C1) `s` and `p` are [T, H, T] with the same lanes, `l` is [T, H] with one.
    - (C2) elements of `s` are signed and have at most 47 bits, those of `p` are ui8,
      those of `l` are unsigned and hold the sum.
    - (C3) `multiplier` is 1 to 65535, `shift` 1 to 62.
  }];
  let arguments = (ins QFlow_StreamType:$scores, I64Attr:$multiplier, I64Attr:$shift);
  let results = (outs QFlow_StreamType:$powers, QFlow_StreamType:$sums);
  let assemblyFormat = [{
    $scores `multiplier` $multiplier `shift` $shift attr-dict `:`
    qualified(type($scores)) `->` qualified(type($powers)) `,` qualified(type($sums))
  }];
}

def QFlow_MixOp : QFlow_Unit<"mix"> {
  let summary = "sums of values by weights of their tokens";
  let description = [{
    Of weights p[T, H, T] and values [T, G * D], o[t, h * D + d] = the sum over j <= t of
    p[t, h, j] * v[j, g * D + d] with g = h / (H / G), exact.

    ```mlir
    %o = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x32xsi20, 4>
    ```

    The lanes of values and results are how many are multiplied at once; a token's
    weights are read for the first of them and kept for the others.

    Constraints:
    - (C1) shapes are as said, and `kv_heads` divides `heads`.
    - (C2) values and results have the same lanes, which divide D; weights have one.
    - (C3) the result's elements are signed and hold the sums; elements have at most
      24 bits, those of weights are unsigned.
  }];
  let arguments = (ins QFlow_StreamType:$weights, QFlow_StreamType:$values, I64Attr:$heads,
                       I64Attr:$kvHeads);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $weights `,` $values `heads` $heads `kv_heads` $kvHeads attr-dict `:`
    qualified(type($weights)) `,` qualified(type($values)) `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    int64_t getTokens() { return getWeights().getType().getShape().front(); }
    /// D.
    int64_t getHeadSize() {
      return getResult().getType().getShape().back() / int64_t(getHeads());
    }
    /// The least and the largest sum; none where one may be beyond 64 bits.
    std::optional<Interval> getSums();
  }];
}

def QFlow_DivideOp : QFlow_Unit<"divide"> {
  let summary = "sums of heads over one number of each head";
  let description = [{
    Of sums o[T, H * D] and l[T, H], with the integer h for which m = floor(l * 2^(-h))
    is in [512, 1024), and r = round(2^24 / (m + 0.5)),

    t[d] = (o[d] * r + 2^(15 + h)) >> (16 + h): o / l, with 8 fractional bits.

    ```mlir
    %t = qflow.divide %o, %l heads 4 : !qflow.stream<6x32xsi20, 2>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi17, 2>
    ```

    Of an l of 0 it is some number. Where o is beyond 128 l or below -128 l, it is the
    low bits of t.

    Constraints:
    - (C1) sums and results are [T, H * D], `l` is [T, H]; sums and results have the
      same lanes, which divide D, `l` has one.
    - (C2) elements of sums are signed, of at most 40 bits; those of `l` are unsigned,
      of at most 24 bits, those of results are si17.
  }];
  let arguments = (ins QFlow_StreamType:$sums, QFlow_StreamType:$divisors, I64Attr:$heads);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $sums `,` $divisors `heads` $heads attr-dict `:` qualified(type($sums)) `,`
    qualified(type($divisors)) `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    /// D.
    int64_t getHeadSize() { return getResult().getType().getShape().back() / int64_t(getHeads()); }
  }];
}

#endif // QNT_DIALECTS_QFLOW_QFLOWATTENTION_TD
