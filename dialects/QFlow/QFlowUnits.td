//===- QFlowUnits.td - what a piece of hardware computes ---*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QFLOW_QFLOWUNITS_TD
#define QNT_DIALECTS_QFLOW_QFLOWUNITS_TD

include "dialects/QFlow/QFlowDialect.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/OpBase.td"

/// The lanes of its streams are a unit's folding.
class QFlow_Unit<string opMnemonic> : Op<QFlow_Dialect, opMnemonic> {
  let hasVerifier = 1;
}

def QFlow_DotOp : QFlow_Unit<"dot"> {
  let summary = "products of vectors with the rows of a matrix";
  let description = [{
    y[..., n] = bias[n] + the sum over k of weights[n, k] * x[..., k], exact. So
    many k are multiplied at once as the input has lanes, for so many n as the
    result has: a vector takes K / lanes * N / lanes cycles.

    ```mlir
    %y = qflow.dot %x weights dense<1> : tensor<10x64xi2> bias dense<5> : tensor<10xi4>
        : !qflow.stream<64xui8, 4> -> !qflow.stream<10xsi16, 2>
    ```

    Weights and biases are signless integers of any width, read as signed. With
    `in_luts` products are made in LUTs, else in DSPs. With `shared` r, an input is
    multiplied with r rows by one multiplier: their weights lie beside each other in
    one factor, so far apart that their products, or sums of some of them, do not meet
    (`getSharedRows`).

    ```mlir
    %z = qflow.dot %x weights dense<1> : tensor<10x64xi4> shared 2 : !qflow.stream<64xui8, 4> -> !qflow.stream<10xsi16, 2>
    ```

    With `vectors` 2, the inputs of two vectors lie beside each other in the other
    factor: a multiplier makes four products with `shared` 2. The first vector of a
    pair is read while the one before is multiplied for the last time, and its sums
    are given before those of the second one. A frame of V vectors takes (V / 2 * N /
    P + 2) * K / lanes cycles, P the lanes of the result.

    ```mlir
    %u = qflow.dot %w weights dense<1> : tensor<8x64xi4> shared 2 vectors 2 : !qflow.stream<6x64xui4, 4> -> !qflow.stream<6x8xsi16, 2>
    ```

    With `minifloat` [e, m] weights are stored as floats of a sign, e bits of an
    exponent and m of a mantissa, in units of the smallest (`Minifloat`), and are
    decoded as they are multiplied.

    ```mlir
    %v = qflow.dot %x weights dense<-12> : tensor<10x64xi5> minifloat [2, 1] in_luts : !qflow.stream<64xui8, 4> -> !qflow.stream<10xsi20, 2>
    ```

    With `in_tables` weights of -1, 0 and 1 are multiplied by looking sums up, after
    T-MAC (Wei et al. 2024) and TeLLMe (Qiao et al. 2025). The inputs of a word are taken in
    threes; of their 27 sums 13 and 0 are filled into a table, one a cycle, which all
    rows read in the next round, while another table is filled. The loops are
    [vectors * K / lanes + 1, max(N / lanes, 14)] (`countTableCycles`).

    ```mlir
    %t = qflow.dot %x weights dense<1> : tensor<64x12xi2> in_tables : !qflow.stream<12xui8, 6> -> !qflow.stream<64xsi14, 4>
    ```

    With `port` the weights come from a memory outside, through a port of so many
    bits: the unit becomes a `qflow.fetch`, a `qflow.tiled_dot` and, of several
    vectors, a `qflow.reorder`.

    Constraints:
    - (C1) `weights` is [N, K], `bias` [N]; the last dimension of the input is K,
      of the result N; the others agree.
    - (C2) the result's elements are signed, and hold the sums that inputs of that
      type may have.
    - (C3) elements have at most 48 bits.
    - (C4) unless all of them are, weights that are multiplied at once have at most
      4096 bits.
    - (C5) `shared` is 2 or more, divides the result's lanes, and comes without
      `in_luts`; the factor of the weights has at most 25 bits, an input with a sign
      at most 18: those of a DSP48E1.
    - (C6) `port` is one of a `qflow.fetch`, and comes without `shared`.
    - (C7) `minifloat` has 1 to 5 bits of an exponent and 0 to 10 of a mantissa, all
      weights are such floats, and it comes without `shared`.
    - (C8) `vectors` is 2, and comes with an even number of vectors, of more words
      than those of their results, which are two or more, and without `in_luts`,
      `port` and `minifloat`; then `shared` may be missing. The factor of the inputs
      has at most 18 bits.
    - (C9) `in_tables` comes without any of these and `in_luts`, weights are -1, 0 or 1,
      and the numbers of 5 bits that are read at once have at most 4096 bits.
  }];
  let arguments = (ins QFlow_StreamType:$input, AnyIntElementsAttr:$weights,
                       OptionalAttr<DenseI64ArrayAttr>:$minifloat,
                       OptionalAttr<AnyIntElementsAttr>:$bias, UnitAttr:$in_luts,
                       OptionalAttr<I64Attr>:$shared, OptionalAttr<I64Attr>:$vectors,
                       OptionalAttr<I64Attr>:$port, UnitAttr:$in_tables);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `weights` $weights (`minifloat` $minifloat^)? (`bias` $bias^)? (`in_luts` $in_luts^)?
    (`in_tables` $in_tables^)? (`shared` $shared^)? (`vectors` $vectors^)? (`port` $port^)?
    attr-dict `:` qualified(type($input)) `->`
    qualified(type($result))
  }];
  let extraClassDeclaration = [{
    /// Of `pe` rows and `simd` inputs that are multiplied at once, row j * pe /
    /// shared + q has bits j * spacing and on of factor q. Products are summed with
    /// those of inputs simd / `inputs` on, as many as a DSP48E1's factor of 25 bits
    /// admits. None where it has no room for any. `vectors` share it, too.
    static std::optional<SharedRows>
    getSharedRows(::mlir::DenseIntElementsAttr weights, ::mlir::IntegerType input,
                  int64_t pe, int64_t simd, int64_t shared, int64_t vectors = 1);
    /// Whether pairs of vectors can be multiplied, `pe` rows by `simd` inputs at once.
    bool mayHavePairs(int64_t pe, int64_t simd);
    /// Cycles of a frame that is so multiplied.
    int64_t countPairCycles(int64_t pe, int64_t simd);
    /// Inputs that have a table together, and its entries.
    static constexpr int64_t tableInputs = 3, tableEntries = 14;
    /// Of an entry's number and whether it is subtracted.
    static constexpr int64_t tableCodeBits = 5;
    /// For the inputs of a word.
    static int64_t countTables(int64_t simd) {
      return (simd + tableInputs - 1) / tableInputs;
    }
    /// Of a frame of `words` of inputs, with rows that are read in `folds` parts.
    static int64_t countTableCycles(int64_t words, int64_t folds) {
      return (words + 1) * std::max(folds, tableEntries);
    }
    /// Whether weights are -1, 0 and 1 alone.
    bool isTernary();
    /// The least and the largest sum of inputs whose numbers are in `input`; none
    /// where one may be beyond 64 bits.
    static std::optional<Interval> getSums(::mlir::DenseIntElementsAttr weights,
                                        ::mlir::DenseIntElementsAttr bias, Interval input);
    /// How weights are stored, if not as integers.
    std::optional<Minifloat> getFormat();
    /// Of a weight as it is stored.
    unsigned getWeightBits();
  }];
}

def QFlow_RequantizeOp : QFlow_Unit<"requantize"> {
  let summary = "codes of sums";
  let description = [{
    y[..., n] = min(max((x[..., n] * multipliers[n] + offsets[n]) >> shifts[n],
    low), high), with an arithmetic shift. With `add`, b[..., n] * factors[n] is
    added before the shift. The result's lanes are how many are made at once.

    ```mlir
    %c = qflow.requantize %y multipliers dense<77> : tensor<10xi64> offsets dense<512> : tensor<10xi64>
        shifts dense<10> : tensor<10xi64> clamp [0, 255] : !qflow.stream<10xsi16, 1> -> !qflow.stream<10xui8, 1>
    %d = qflow.requantize %y multipliers dense<77> : tensor<10xi64> offsets dense<512> : tensor<10xi64>
        shifts dense<10> : tensor<10xi64> clamp [0, 255] add %c factors dense<3> : tensor<10xi64> : !qflow.stream<10xui8, 1>
        : !qflow.stream<10xsi16, 1> -> !qflow.stream<10xui8, 1>
    ```

    The step `requantize` of qnt's epilogues has a half, and whatever zero points
    give, in its offsets. With `in_luts` products are made in LUTs, else in DSPs.
    With `by_thresholds` there are none: of codes in ascending order, each has a
    least x, and a number is looked for among them (Umuroglu et al. 2017).

    ```mlir
    %e = qflow.requantize %y multipliers dense<7> : tensor<10xi64> offsets dense<512> : tensor<10xi64>
        shifts dense<10> : tensor<10xi64> clamp [0, 15] by_thresholds : !qflow.stream<10xsi16, 1> -> !qflow.stream<10xui4, 1>
    ```

    `tiled` streams are [tiles, vectors, channels of a tile], as `qflow.tiled_dot`
    gives them: N is the first dimension times the last.

    Constraints:
    - (C1) shapes and lanes of all streams agree, of rank 3 where they are `tiled`;
      tensors are [N], of i64.
    - (C2) shifts are 0 to 62.
    - (C3) nothing before the shift is beyond 64 bits.
    - (C4) the result's elements hold `low` and `high`, in this order.
    - (C5) elements have at most 48 bits.
    - (C6) unless all channels are made at once, their multipliers have at most
      4096 bits, and so have what is added and shifts, or their thresholds.
    - (C7) `by_thresholds` comes without `add` and `in_luts`, with multipliers that
      are not negative, and for at most 16 codes.
  }];
  let arguments = (ins QFlow_StreamType:$input, Optional<QFlow_StreamType>:$addend,
                       I64ElementsAttr:$multipliers, I64ElementsAttr:$offsets,
                       I64ElementsAttr:$shifts, OptionalAttr<I64ElementsAttr>:$factors,
                       DenseI64ArrayAttr:$clamp, UnitAttr:$in_luts, UnitAttr:$by_thresholds,
                       UnitAttr:$tiled);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `multipliers` $multipliers `offsets` $offsets `shifts` $shifts
    `clamp` $clamp (`in_luts` $in_luts^)? (`by_thresholds` $by_thresholds^)?
    (`tiled` $tiled^)?
    (`add` $addend^ `factors` $factors `:` qualified(type($addend)))? attr-dict `:` qualified(type($input)) `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    /// Of what is shifted; none where it may be beyond 64 bits.
    std::optional<Interval> getSums();
    /// The most bits that a number of a channel has: a multiplier, a factor, or
    /// an offset, which is as wide as the sums; or all its thresholds.
    unsigned getNumberBits();
    /// Whether codes may be found by thresholds (C7).
    bool mayHaveThresholds();
    /// Of each channel, for each code but the lowest the least x that has it or one
    /// above: one beyond the input's elements where none has. As many of them as
    /// make a power of two with one more.
    ::llvm::SmallVector<int64_t> getThresholds();
    /// Of a channel.
    unsigned countThresholds();
    unsigned getThresholdBits();
  }];
}

def QFlow_WindowOp : QFlow_Unit<"window"> {
  let summary = "the windows of an image";
  let description = [{
    Of an image [H, W, C], for each window the numbers under its taps: [OH, OW, KH *
    KW * C], taps row by row, channels innermost. Outside of the image it has
    `outside`. `pads` is above, left, below, right; windows begin `strides` apart,
    taps lie `dilations` apart.

    ```mlir
    %w = qflow.window %x kernel [3, 3] strides [2, 2] pads [0, 0, 1, 1] outside 0
        : !qflow.stream<32x32x16xui8, 8> -> !qflow.stream<16x16x144xui8, 8>
    ```

    `by_channel` has taps innermost: [OH, OW, C / lanes, KH * KW * lanes], for each
    word of channels those of one tap after the other.

    ```mlir
    %w = qflow.window %x by_channel kernel [2, 2] strides [2, 2] outside 0
        : !qflow.stream<8x8x16xui8, 4> -> !qflow.stream<4x4x4x16xui8, 4>
    ```

    Constraints:
    - (C1) the input has rank 3; kernel, strides and dilations are two positive
      numbers, pads four that are not negative and less than what a window extends
      over, and one fits.
    - (C2) the result has the shape that follows, elements and lanes of the input.
    - (C3) elements hold `outside`.
    - (C4) elements have at most 48 bits.
  }];
  let arguments = (ins QFlow_StreamType:$input, UnitAttr:$by_channel,
                       DenseI64ArrayAttr:$kernel,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       I64Attr:$outside);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input (`by_channel` $by_channel^)? `kernel` $kernel (`strides` $strides^)?
    (`pads` $pads^)? (`dilations` $dilations^)? `outside` $outside attr-dict `:`
    qualified(type($input)) `->` qualified(type($result))
  }];
}

def QFlow_PoolKind : I32EnumAttr<"PoolKind", "what is made of numbers",
    [I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Sum", 1, "sum">]> {
  let cppNamespace = "::qnt::qflow";
}

def QFlow_PoolOp : QFlow_Unit<"pool"> {
  let summary = "largest or sum of the taps of windows";
  let description = [{
    Of windows [OH, OW, C / lanes, taps * lanes], as `qflow.window by_channel` gives
    them, one number for each channel: [OH, OW, C].

    ```mlir
    %y = qflow.pool max %w : !qflow.stream<4x4x4x16xui8, 4> -> !qflow.stream<4x4x16xui8, 4>
    %z = qflow.pool sum %v : !qflow.stream<4x4x4x16xui8, 4> -> !qflow.stream<4x4x16xui10, 4>
    ```

    Constraints:
    - (C1) the shapes are as said, and lanes agree.
    - (C2) elements of the result have the input's signs, and hold what it gives.
    - (C3) elements have at most 48 bits.
  }];
  let arguments = (ins QFlow_PoolKind:$kind, QFlow_StreamType:$input);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $kind $input attr-dict `:` qualified(type($input)) `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    int64_t getTaps() {
      return getInput().getType().getShape().back() / getInput().getType().getLanes();
    }
  }];
}

def QFlow_LookupOp : QFlow_Unit<"lookup"> {
  let summary = "codes by a table";
  let description = [{
    y = table[x]: an entry for each pattern of bits of an input's element, in the
    order of the patterns as unsigned numbers.

    ```mlir
    %y = qflow.lookup %x table dense<[3, 2, 1, 0]> : tensor<4xi2> : !qflow.stream<8xui2, 4> -> !qflow.stream<8xui2, 4>
    ```

    Constraints:
    - (C1) shapes and lanes agree.
    - (C2) elements of the input have at most 16 bits, and the table as many
      entries as they have patterns, of the width of the result's elements.
  }];
  let arguments = (ins QFlow_StreamType:$input, AnyIntElementsAttr:$table);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `table` $table attr-dict `:` qualified(type($input)) `->`
    qualified(type($result))
  }];
}

def QFlow_SliceOp : QFlow_Unit<"slice"> {
  let summary = "some elements of each frame";
  let description = [{
    y[i, j, ...] = x[offsets[0] + i * strides[0], offsets[1] + j * strides[1], ...].

    ```mlir
    %y = qflow.slice %x offsets [0, 0, 0] strides [2, 2, 1] : !qflow.stream<32x32x16xui8, 8> -> !qflow.stream<16x16x16xui8, 8>
    ```

    Constraints:
    - (C1) ranks agree, with an offset and a positive stride for each dimension, 1
      for the last; what is taken is there.
    - (C2) elements and lanes agree; lanes divide the last offset.
  }];
  let arguments = (ins QFlow_StreamType:$input, DenseI64ArrayAttr:$offsets,
                       DenseI64ArrayAttr:$strides);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `offsets` $offsets `strides` $strides attr-dict `:`
    qualified(type($input)) `->` qualified(type($result))
  }];
}

def QFlow_PadOp : QFlow_Unit<"pad"> {
  let summary = "frames with a number around them";
  let description = [{
    Of each dimension `low` elements before the input's, and as many behind them as
    the result has, are `outside`.

    ```mlir
    %y = qflow.pad %x low [0, 0, 8] outside 0 : !qflow.stream<16x16x16xui8, 8> -> !qflow.stream<16x16x32xui8, 8>
    ```

    Constraints:
    - (C1) ranks agree, with a number that is not negative for each dimension; the
      input fits.
    - (C2) elements and lanes agree; lanes divide the last of `low`.
    - (C3) elements hold `outside`, and have at most 48 bits.
  }];
  let arguments = (ins QFlow_StreamType:$input, DenseI64ArrayAttr:$low, I64Attr:$outside);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `low` $low `outside` $outside attr-dict `:` qualified(type($input)) `->`
    qualified(type($result))
  }];
}

#endif // QNT_DIALECTS_QFLOW_QFLOWUNITS_TD
