//===- Passes.td - passes of the FPGA target ---------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_PASSES_TD
#define QNT_TARGET_FPGA_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToQFlowPass : Pass<"qnt-lower-to-qflow", "::mlir::ModuleOp"> {
  let summary = "Integer models as units";
  let description = [{
    Makes a `qflow.design` of the module's public function, whose arithmetic is all
    integers (`qnt-integer-arithmetic`) and whose parameters are written
    (`qnt-materialize-params`). A linear layer becomes a `qflow.dot` and a
    `qflow.requantize`; a convolution has a `qflow.window` before; pools are a
    window and a `qflow.pool`. All have one lane; what several read is forked.

    ```mlir
    %y = qnt.linear %x, %w epilogue [int_bias, relu, requantize](%b, %m, %n, %s, %z : ...)
        : !qnt.tensor<1x64, uint8, per_tensor, scale f32, zero>, !qnt.tensor<10x64, int8, per_channel, scale f32> -> ...
    // becomes
    %sums = qflow.dot %x weights dense<...> : tensor<10x64xi8> : !qflow.stream<64xui8, 1> -> !qflow.stream<10xsi20, 1>
    %y = qflow.requantize %sums multipliers ... clamp [0, 255] : !qflow.stream<10xsi20, 1> -> !qflow.stream<10xui8, 1>
    ```

    A frame is a sample: a first dimension that is dynamic or 1 is none of the
    stream's. Codes of the first `qnt.quantize` come in; what makes the numbers
    that they are made of stays with the host. Codes that are dequantised and
    sums that are rescaled at the end go out, as integers. `qflow.scales` and
    `qflow.zero` of arguments and results say what they mean.

    Whatever has no unit is an error at its op.
  }];
  let options = [
    Option<"name", "name", "std::string", "\"model\"", "The design's name.">
  ];
  let dependentDialects = ["::qnt::qflow::QFlowDialect"];
}

def ExtractBlockPass : Pass<"qnt-fpga-extract-block", "::mlir::ModuleOp"> {
  let summary = "One block of a transformer as the model";
  let description = [{
    Leaves of a model the function `block`, public, for one sequence of `tokens`
    tokens, which are those of positions 0 and on. Tables of rotary embeddings, which
    its caller makes, become constants.

    ```mlir
    func.func private @layers.0(%x: tensor<?x?x256xf32>, %table: tensor<?x?x64xf32>) -> tensor<?x?x256xf32> {
      %0 = qnt.quantize %table scale %s : tensor<?x?x64xf32>, tensor<f32> -> !qnt.tensor<?x?x64, int16, per_tensor, scale f32>
      %1 = qnt.codes %0 : !qnt.tensor<?x?x64, int16, per_tensor, scale f32> -> tensor<?x?x64xi16>
    // with block=layers.0 tokens=16 becomes
    func.func @layers.0(%x: tensor<1x16x256xf32>) -> tensor<1x16x256xf32> {
      %1 = arith.constant dense<...> : tensor<1x16x64xi16>
    ```

    Preconditions: the model's arithmetic is in integers
    (`qnt-integer-arithmetic`). A name that no function has, arguments that are
    neither [batch, tokens, features] nor such a table, and other shapes that are
    not known then are errors.
  }];
  let options = [
    Option<"block", "block", "std::string", "\"\"",
           "The function, such as layers.0.">,
    Option<"tokens", "tokens", "int64_t", "0", "How many a frame has.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FoldPass : Pass<"qnt-fpga-fold", "::qnt::qflow::DesignOp"> {
  let summary = "How much of each unit works at once";
  let description = [{
    Gives lanes to the streams of a design of units, which have one each: a
    `qflow.dot` as many multipliers as let it finish a frame within `cycles`, the
    others as many lanes. Where neighbours differ, a `qflow.width` is between.

    ```mlir
    %y = qflow.dot %x weights dense<1> : tensor<10x64xi2> : !qflow.stream<64xui8, 1> -> !qflow.stream<10xsi15, 1>
    // with cycles=64 becomes
    %w = qflow.width %x : !qflow.stream<64xui8, 1> -> !qflow.stream<64xui8, 16>
    %y = qflow.dot %w weights dense<1> : tensor<10x64xi2> : !qflow.stream<64xui8, 16> -> !qflow.stream<10xsi15, 1>
    ```

    The inputs that are multiplied at once divide the channels of an image, the
    rows those of the weight. A unit that cannot be so fast is an error.

    With a `part`, products are made in DSPs or in LUTs (`in_luts`), so that the
    design is within what the part has, by the estimate, and takes the fewest
    cycles; or, with `cycles`, the least of what there is. Where nothing fits, an
    error says what the design takes at the least.

    A `qflow.dot` whose weights are in memory (`weights`, or its `port`) is folded
    as the units that it becomes: `qflow.fetch`, `qflow.tiled_dot`, `qflow.reorder`.
  }];
  let options = [
    Option<"cycles", "cycles", "int64_t", "0",
           "Clock cycles that a frame may take; 0 with a part: as few as fit.">,
    Option<"part", "part", "std::string", "\"\"", "The FPGA, such as xc7z020.">,
    Option<"lutShare", "lut-share", "double", "0.8", "Of the part's LUTs that may be used.">,
    Option<"clock", "clock", "double", "100", "In MHz: pipelines are made for it.">,
    Option<"weights", "weights", "std::string", "\"chip\"",
           "Where weights are: chip; dram: those of at least `least` bytes in memory; auto: "
           "in memory what the part has no room for, the most first.">,
    Option<"least", "least", "int64_t", "512", "Bytes of a unit's weights that go to memory.">,
    Option<"port", "port", "int64_t", "64", "Bits of the port of each to memory.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def SizeFifosPass : Pass<"qnt-fpga-size-fifos", "::qnt::qflow::DesignOp"> {
  let summary = "Room for what waits for another stream";
  let description = [{
    Where codes are added that come from one `qflow.fork` by two ways, one way has
    rows in its windows that the other has not. The words that may be ahead wait
    in a `qflow.fifo` in front of the sum: so many rows as the windows can hold.

    In front of a window wait the words of the next frame that come while those of
    the last rows are taken, by the slowest unit up to the next window.

    ```mlir
    %late = qflow.fifo %short depth 416 : !qflow.stream<8x8x64xui8, 1>
    ```
  }];
}

def SetFifosPass : Pass<"qnt-fpga-set-fifos", "::qnt::qflow::DesignOp"> {
  let summary = "FIFOs as deep as was measured";
  let description = [{
    Of a design of processes, gives FIFOs the depths that `file` has for them, 2
    or more; the others keep theirs. A FIFO is called by the process that reads it
    and the number of the stream, or by the stream of the design that it ends in:

    ```json
    {"format": "qnt-fpga-fifos", "version": 1, "depths": {"dot_in0": 18, "out0": 2}}
    ```

    A design's `make rtlsim` writes such a file. A name that is none of the design's
    is an error.
  }];
  let options = [Option<"file", "file", "std::string", "\"\"", "With the depths.">];
}

def LowerUnitsPass : Pass<"qnt-fpga-lower-units", "::qnt::qflow::DesignOp"> {
  let summary = "Units as processes";
  let description = [{
    Makes a `qflow.process` of every unit, so that a design is processes and
    FIFOs alone.

    ```mlir
    %a, %b = qflow.fork %x : !qflow.stream<8x4xui8, 2> -> 2
    // becomes
    %y:2 = qflow.process "fork"(%x) loops [16] : ... {
      ^bb0(%in: !qflow.stream<8x4xui8, 2>, %0: ..., %1: ..., %i: i4):
        %w = qflow.read %in if %true : !qflow.stream<8x4xui8, 2>
        qflow.write %w to %0 if %true : !qflow.stream<8x4xui8, 2>
        qflow.write %w to %1 if %true : !qflow.stream<8x4xui8, 2>
        qflow.next
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // QNT_TARGET_FPGA_PASSES_TD
