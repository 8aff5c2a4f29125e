//===- QuantizePasses.td - passes on quantised models ------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_QUANTIZEPASSES
#define QNT_TRANSFORMS_QUANTIZEPASSES

include "mlir/Pass/PassBase.td"

def Quantize : Pass<"qnt-quantize", "::mlir::ModuleOp"> {
  let summary = "Choose and insert quantised weights and activations";
  let description = [{
    Every linear layer whose weight is a parameter expression becomes a
    `qnt.linear` on a quantised weight, with its bias as an epilogue; its input
    is quantised when the weights are integers and `activations` says so, once
    for all the layers that take it in one type. Embedding tables likewise.
    Weights stay expressions; `qnt-materialize-params` evaluates them.

    ```mlir
    %q = nn.linear %h, %wq : tensor<?x384xf32>, tensor<384x384xf32>
    %k = nn.linear %h, %wk : tensor<?x384xf32>, tensor<64x384xf32>
    // becomes, with weights=int4 group=32 activations=int8
    %hq = qnt.quantize %h : tensor<?x384xf32> -> !qnt.tensor<?x384, int8, per_row, scale f32>
    %a  = qnt.quantize %wq : tensor<384x384xf32> -> !qnt.tensor<384x384, int4, group<32>, scale f16>
    %q  = qnt.linear %hq, %a : ...
    %b  = qnt.quantize %wk : ...
    %k  = qnt.linear %hq, %b : ...
    ```

    The output head is the linear layer whose result an entry point returns,
    directly or through calls, casts and choices of rows. It has settings of its
    own, because it is large, is read once per token, and decides the token.

    Formats are the names of `!qnt.tensor` (`int4`, `uint8`, `e4m3`, `bf16`,
    ...). `f16`, `bf16` and `f32` weights have no scale and take float inputs.

    With `per=tensor`, activations are quantised statically, with ranges that
    `qnt-calibrate` left in the module's attribute `qnt.calibration`.

    `clip=output` and `rounding=gptq` choose codes by the second moment of a
    layer's input, and `correct-biases` by its mean, for which `qnt-calibrate` must
    have left `qnt.statistics`; of a convolution, by those of the patches that its
    windows see. Embedding tables have none.

    With `low-rank=r`, a layer adds what quantising its weight lost, as far as it has
    rank r (LoRC, Yao et al. 2023): two factors in bf16, whose product is a step of
    the layer's epilogue. Where `qnt-calibrate` left second moments, it is the error
    of the layer's output that is made small, not that of the weight.

    ```mlir
    %a = qnt.quantize %w : tensor<768x384xf32> -> !qnt.tensor<768x384, int3, ...>
    %e = ... // %w less qnt.dequantize %a
    %l, %r = qnt.low_rank %e : tensor<768x384xf32> -> tensor<768x8xf32>, tensor<8x384xf32>
    %s = qnt.linear %x, %r8 : tensor<?x384xf32>, !qnt.tensor<8x384, bf16>     // %r8: %r in bf16
    %t = qnt.linear %s, %l8 : tensor<?x8xf32>, !qnt.tensor<768x8, bf16>
    %y = qnt.linear %x, %a epilogue [add](%t : tensor<?x768xf32>) : ...
    ```

    A layer with `qnt.weights = "bf16"` (or "f16", "f32") keeps its weight in that
    format and its input in floats, whatever the options say.

    A module's `qnt.allocation`, which `qnt-allocate` leaves or a user writes, gives
    single tensors formats of their own, in place of `weights`, `activations` and
    `kv`; all else is as the options say. Parameters go by their names, inputs of
    linear layers by the first layer's and `.input`, the KV cache as `kv_cache`.

    ```mlir
    module attributes {qnt.allocation = {layers.0.down.weight = "int8", layers.0.up.input = "none"}} {
    ```

    With `simulate`, layers stay in floats, on what the codes of their weights decode
    to: what quantising weights loses, alone. Embeddings, heads with a format of
    their own, and the activations and caches that `qnt.allocation` does not name
    stay as they are.

    Preconditions: activations are f32; `nn-fold` has run, if biases are to be
    epilogues. What was chosen for each tensor is a remark of category
    `qnt-quantize`. Settings that contradict each other, and tensors that do not
    fit them, are errors.
  }];
  let options = [
    Option<"integers", "integers", "bool", "false",
           "Codes for all that is between linear layers, as arithmetic in "
           "integers needs them (qnt-integer-arithmetic).">,
    Option<"weights", "weights", "std::string", "\"none\"",
           "Format of linear weights, or none: what `floats` says. int3+16: but "
           "for the columns of the 16 inputs whose second moment is largest, which "
           "stay in bf16 (qnt.statistics).">,
    Option<"group", "group", "int64_t", "0",
           "Inputs that share a scale, a multiple of 16; 0: all of an output "
           "channel.">,
    Option<"scale", "scale", "std::string", "\"auto\"",
           "Type of the weights' scales: f16, bf16 or f32. auto: f16 for "
           "groups, f32 for channels.">,
    Option<"weightsZero", "weights-zero", "std::string", "\"false\"",
           "What the weights' blocks have beside a scale: true, an integer zero "
           "point; offset, an f32 offset; or false.">,
    Option<"clip", "clip", "std::string", "\"absmax\"",
           "How the range of a block of weights is chosen: absmax; mse, the least "
           "squared error; output, the least error of the layer's output; hqq, "
           "half-quadratic, with weights-zero=offset.">,
    Option<"rounding", "rounding", "std::string", "\"nearest\"",
           "How weights become codes: nearest, or gptq.">,
    Option<"actOrder", "act-order", "bool", "false",
           "With rounding=gptq: inputs with large moments first.">,
    Option<"damp", "damp", "double", "0.01",
           "With rounding=gptq: the share of the mean of the second moment's "
           "diagonal that is added to it.">,
    Option<"correctBiases", "correct-biases", "bool", "false",
           "Biases with what quantising weights takes from the means of "
           "outputs.">,
    Option<"simulate", "simulate", "bool", "false",
           "Leave layers in floats, on weights that were quantised and decoded.">,
    Option<"lowRank", "low-rank", "int64_t", "0",
           "Rank of the branch that adds what quantised weights of linear layers "
           "lack; 0: none.">,
    Option<"activations", "activations", "std::string", "\"none\"",
           "none, int4 to int8, uint4 to uint8 (with zero points), or auto: the "
           "8 bits that the target multiplies fastest with the weights.">,
    Option<"per", "per", "std::string", "\"token\"",
           "Which activations share a scale: those of a token, found when the "
           "model runs, or tensor, from calibration.">,
    Option<"head", "head", "std::string", "\"same\"",
           "Format of the output head, none, or same: like other weights.">,
    Option<"headGroup", "head-group", "int64_t", "0",
           "Inputs that share a scale in the head, where `head` is a format.">,
    Option<"embedding", "embedding", "std::string", "\"none\"",
           "Format of embedding tables, scaled by row, or none.">,
    Option<"floats", "floats", "std::string", "\"f32\"",
           "What linear weights and embedding tables that are not quantised "
           "are stored in: f32 or bf16.">,
    Option<"kv", "kv", "std::string", "\"same\"",
           "What the KV cache holds: f16, f32, codes with a scale and a zero "
           "point for each head of a token (int8, int4), or the same as "
           "before.">,
    ListOption<"keep", "keep", "std::string",
               "Regular expressions; a parameter or layer in whose name one of "
               "them is found is not quantised.">
  ];
  let dependentDialects = ["::qnt::QNTDialect",
                           "::mlir::arith::ArithDialect"];
}

def PropagateCodes : Pass<"qnt-propagate-codes", "::mlir::ModuleOp"> {
  let summary = "Let codes flow from layer to layer";
  let description = [{
    In functions with convolutions, or with linear layers whose input and weight
    are decoded, what is computed on decoded images (`qnt.dequantize`, per tensor,
    with given scales) is computed on their codes where that is the same:

    - data movement (linalg.transpose, tensor.extract_slice, tensor.concat of one
      scale, tensor.pad of zeros, changes of shape) moves the integers, zeros
      being zero points; parts of several scales whose concatenation is
      quantised are quantised first;
    - `nn.pool max` is `qnt.max_pool`, `nn.pool average` is `qnt.average_pool`;
    - layers take the codes;
    - sums with decoded images, activations, clamps and quantisation after a
      contraction that nothing else uses are steps of its epilogue; after
      anything else, of a `qnt.average_pool` of single pixels.

    ```mlir
    %r = qnt.dequantize %q : !qnt.tensor<?x8x8x4, ...> -> tensor<?x8x8x4xf32>
    %c = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [bias](%b : tensor<4xf32>) : ... -> tensor<?x8x8x4xf32>
    %a = nn.add %c, %r : tensor<?x8x8x4xf32>, tensor<?x8x8x4xf32>
    %p = nn.activation relu %a : tensor<?x8x8x4xf32>
    %y = qnt.quantize %p scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x8x8x4, ...>
    // becomes
    %y = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [bias, add, relu, quantize](%b, %q, %s, %z : ...)
        : ... -> !qnt.tensor<?x8x8x4, ...>
    ```

    Numbers change by rounding only: a contraction rounds once where its layer,
    sum and activation rounded each.
  }];
  let options = [
    Option<"everywhere", "everywhere", "bool", "false",
           "Also in functions without convolutions and without linear layers "
           "on decoded numbers.">
  ];
  let dependentDialects = ["::qnt::QNTDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def RoundOnce : Pass<"qnt-round-once", "::mlir::ModuleOp"> {
  let summary = "Round sums of codes as ONNX Runtime does";
  let description = [{
    Contractions of codes that give codes round once, where their f32 steps are a
    bias that was given in units of the sums (`qnt.dequantize_bias`, or none) and
    a relu at most: the step `requantize_f32` multiplies the integer sum, with its
    bias, by one factor. Sums of two images of codes are `qnt.add`. So layers of
    models that ONNX Runtime quantised give the codes that it gives.

    ```mlir
    %b = qnt.dequantize_bias %i scale %sx weight %w
    %y = qnt.conv %x, %w epilogue [bias, relu, quantize](%b, %s, %z : ...)
    // becomes
    %y = qnt.conv %x, %w epilogue [int_bias, relu, requantize_f32](%i, %s, %z : ...)
    ```

    Precondition: `qnt-propagate-codes` has run.
  }];
  let dependentDialects = ["::qnt::QNTDialect"];
}

def IntegerArithmetic : Pass<"qnt-integer-arithmetic", "::mlir::ModuleOp"> {
  let summary = "Compute from the first codes to the last sums in integers";
  let description = [{
    Epilogues of f32 steps on quantised operands become epilogues of integer
    steps (see the interface EpilogueOp): multiplications and shifts in place of
    scales (Jacob et al. 2018; Yao et al. 2021). Biases, multipliers and shifts
    are parameter expressions.

    ```mlir
    %y = qnt.conv %x, %w epilogue [bias, add, relu, quantize](%b, %r, %s, %z : ...)
    // becomes
    %n = nn.mul (qnt.scales %w), %sx                  // of the sums
    %i = qnt.quantize_bias %b scale %n
    %t = qnt.dyadic_shift %n with %sr over %s
    %m = qnt.dyadic %n over %s shift %t
    %a = qnt.dyadic %sr over %s shift %t
    %y = qnt.conv %x, %w epilogue [int_bias, int_add, relu, requantize](%i, %r, %a, %m, %t, %s, %z : ...)
    ```

    Between linear layers of transformers, nn.rms_norm, nn.rope, nn.attention,
    nn.activation and nn.mul of decoded codes whose result is quantised become
    qnt.normalize, qnt.rope, qnt.attention, qnt.lookup and qnt.multiply.

    A bias that was given in units of the sums (`qnt.dequantize_bias`) is what it
    was. What gives floats ends in `rescale`. A clamp that the range of the codes
    implies goes, one from zero on is a relu.

    Preconditions: `qnt-propagate-codes` has run. Where floats would be computed
    between codes, the op that does is an error, and so are steps, blocks and
    scales that have no integer form.
  }];
  let dependentDialects = ["::qnt::QNTDialect", "::mlir::arith::ArithDialect"];
}

def MaterializeParams : Pass<"qnt-materialize-params", "::mlir::ModuleOp"> {
  let summary = "Evaluate expressions on parameters into a new store";
  let description = [{
    Evaluates every maximal parameter expression, equal ones once, and streams
    the results to a new safetensors file; loads of external globals of the
    result's type replace the expressions. Parameters that are only loaded are
    copied, those that nothing uses are left out. `qnt.params` and
    `qnt.params_sha256` then name the new file.

    ```mlir
    ml_program.global private @w(#ml_program.extern : tensor<64x384xbf16>) : tensor<64x384xbf16>
    %0 = ml_program.global_load_const @w : tensor<64x384xbf16>
    %1 = arith.extf %0 : tensor<64x384xbf16> to tensor<64x384xf32>
    %2 = qnt.quantize %1 : tensor<64x384xf32> -> !qnt.tensor<64x384, int8, per_channel, scale f32>
    // becomes
    ml_program.global private @w(#ml_program.extern : !qnt.tensor<64x384, int8, per_channel, scale f32>) : !qnt.tensor<64x384, int8, per_channel, scale f32>
    %2 = ml_program.global_load_const @w : !qnt.tensor<64x384, int8, per_channel, scale f32>
    ```

    A parameter is named after the tensor it was made from; a second one made
    from the same tensor gets `.2` and so on. How quantised tensors are stored
    is written in docs/ir.md.

    Rows are evaluated in blocks, on as many threads as the context has; the
    file does not depend on their number. Memory in use is a few blocks and the
    scales of one tensor; only `per_tensor` weights are held whole. Tensors that
    miss in the store, or whose shape or type is not that of the global, and
    numbers that are NaN or infinite are errors.
  }];
  let options = [
    Option<"output", "output", "std::string", "\"\"",
           "The safetensors file to write.">,
    Option<"temporary", "temporary", "bool", "false",
           "For a file that is read once: it need not outlive a crash of the "
           "machine, and names are numbers.">
  ];
  let dependentDialects = ["::mlir::ml_program::MLProgramDialect"];
}

#endif // QNT_TRANSFORMS_QUANTIZEPASSES
