//===- QFlowChannels.td - units of channels by themselves --*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QFLOW_QFLOWCHANNELS_TD
#define QNT_DIALECTS_QFLOW_QFLOWCHANNELS_TD

include "dialects/QFlow/QFlowUnits.td"

def QFlow_DepthwiseOp : QFlow_Unit<"depthwise"> {
  let summary = "products of the taps of windows, channel by channel";
  let description = [{
    Of windows [OH, OW, C / lanes, taps * lanes], as `qflow.window by_channel` gives
    them, M sums for each channel: [OH, OW, C * M], with

    y[..., c * M + m] = bias[c * M + m] + the sum over t of weights[c * M + m, t] *
    x[..., c, t], exact. A word of channels takes a cycle for each tap.

    ```mlir
    %y = qflow.depthwise %w weights dense<1> : tensor<8x9xi4>
        : !qflow.stream<4x4x4x18xui8, 2> -> !qflow.stream<4x4x8xsi13, 2>
    ```

    Weights and biases are signless integers of any width, read as signed. With
    `in_luts` products are made in LUTs, else in DSPs.

    Constraints:
    - (C1) `weights` is [C * M, taps], `bias` [C * M]; the shapes are as said, and
      the result has M times the input's lanes.
    - (C2) the result's elements are signed, and hold the sums that inputs of that
      type may have.
    - (C3) elements have at most 48 bits.
    - (C4) unless all of them are, weights that are multiplied at once have at most
      4096 bits.
  }];
  let arguments = (ins QFlow_StreamType:$input, AnyIntElementsAttr:$weights,
                       OptionalAttr<AnyIntElementsAttr>:$bias, UnitAttr:$in_luts);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `weights` $weights (`bias` $bias^)? (`in_luts` $in_luts^)? attr-dict `:`
    qualified(type($input)) `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    int64_t getTaps() {
      return getInput().getType().getShape().back() / getInput().getType().getLanes();
    }
    int64_t getChannels() {
      return getInput().getType().getShape()[2] * getInput().getType().getLanes();
    }
    /// Sums of a channel.
    int64_t getMultiplier() {
      return getResult().getType().getShape().back() / getChannels();
    }
  }];
}

def QFlow_ConcatOp : QFlow_Unit<"concat"> {
  let summary = "streams side by side";
  let description = [{
    Of each place of all dimensions but the last, the elements of one input after
    those of the other.

    ```mlir
    %y = qflow.concat %a, %b : !qflow.stream<4x4x2xui8, 2>, !qflow.stream<4x4x6xui8, 2> -> !qflow.stream<4x4x8xui8, 2>
    ```

    Constraints:
    - (C1) there are inputs; all dimensions but the last agree, which the result has
      the sum of.
    - (C2) elements and lanes agree.
  }];
  let arguments = (ins Variadic<QFlow_StreamType>:$inputs);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $inputs attr-dict `:` qualified(type($inputs)) `->` qualified(type($result))
  }];
}

#endif // QNT_DIALECTS_QFLOW_QFLOWCHANNELS_TD
