//===- Passes.td - passes on models ------------------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_PASSES
#define QNT_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def NNPreprocess : Pass<"nn-preprocess", "::mlir::ModuleOp"> {
  let summary = "Make a model take images as they are stored";
  let description = [{
    Puts what is done to images before a model sees them into the model: an input
    of f32 images becomes one of bytes (`u8`), in another order of dimensions
    (`nhwc` for a model of [B, C, H, W], which `model=nhwc` says it is not), with
    another name where `name` gives one, and the model computes (x * scale - mean) / std for each channel. `mean` and
    `std` hold a number for each channel or one for all.

    ```mlir
    func.func @main(%image: tensor<?x3x32x32xf32> {qnt.name = "image", qnt.dims = ["N", "", "", ""]})
    // becomes, with input="image: u8 nhwc scale=1/255 mean=.5 std=.25"
    func.func @main(%image: tensor<?x32x32x3xi8> {qnt.name = "image", qnt.dims = ["N", "", "", ""], qnt.dtype = "u8"}) {
      %0 = linalg.generic ... arith.uitofp ...
      %1 = nn.mul %0, %factor : tensor<?x32x32x3xf32>, tensor<3xf32>   // scale / std
      %2 = nn.add %1, %offset : tensor<?x32x32x3xf32>, tensor<3xf32>   // -mean / std
      %3 = linalg.transpose ... permutation = [0, 3, 1, 2]
    ```

    An input that no entry point has, and one that is not of f32 images, are
    errors.
  }];
  let options = [
    Option<"input", "input", "std::string", "\"\"",
           "What is done to an input: NAME: [u8|f32] [nhwc|nchw] "
           "[model=nhwc|nchw] [name=NEW] [scale=A|A/B] [mean=A,...] "
           "[std=A,...].">
  ];
  let dependentDialects = ["::qnt::nn::NNDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def NNChannelsLast : Pass<"nn-channels-last", "::mlir::ModuleOp"> {
  let summary = "Move transpositions until they cancel";
  let description = [{
    Importers of models whose images are [B, C, H, W] write every convolution and
    pooling between two transpositions. This pass moves transpositions down:
    through nn.activation, nn.clamp, nn.add and nn.mul of equal shapes, qnt.observe,
    qnt.quantize with qnt.dequantize per tensor, linalg.generic on each element,
    tensor.pad of a constant, tensor.extract_slice and tensor.concat. Two that
    meet become one or none; one that moves dimensions of size 1 only is a
    tensor.reshape. What stays is, as a rule, that of an entry point's images.

    ```mlir
    %0 = linalg.transpose ins(%y : tensor<?x8x8x4xf32>) outs(%e) permutation = [0, 3, 1, 2]
    %1 = nn.activation relu %0 : tensor<?x4x8x8xf32>
    %2 = linalg.transpose ins(%1 : tensor<?x4x8x8xf32>) outs(%f) permutation = [0, 2, 3, 1]
    // becomes
    %2 = nn.activation relu %y : tensor<?x8x8x4xf32>
    ```

    Sizes asked for by `tensor.dim` are looked for as far up as they go, so that
    they keep no tensor alive. Numbers do not change.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect",
                           "::qnt::QNTDialect"];
}

def NNFold : Pass<"nn-fold", "::mlir::ModuleOp"> {
  let summary = "Bring linear layers and convolutions to their canonical form";
  let description = [{
    An `nn.add` of a parameter [N] to the result of a linear layer or convolution
    that nothing else uses becomes the layer's bias, or joins the bias it has; an
    `nn.mul` by a parameter [N] goes into its weight and bias. So batch norms
    disappear.

    ```mlir
    %p = nn.linear %h, %w : tensor<?x384xf32>, tensor<64x384xf32>
    %y = nn.add %p, %b : tensor<?x64xf32>, tensor<64xf32>
    // becomes
    %y = nn.linear %h, %w bias %b : tensor<?x384xf32>, tensor<64x384xf32>, tensor<64xf32>
    ```

    A `tensor.pad` of zeros around the images of a convolution becomes its
    `pads`, and one of no zeros disappears.

    ```mlir
    %x = tensor.pad %i low[0, 1, 1, 0] high[0, 1, 1, 0] { ... 0.0 } : tensor<?x8x8x4xf32> to tensor<?x10x10x4xf32>
    %c = nn.conv %x, %w : tensor<?x10x10x4xf32>, tensor<16x3x3x4xf32>
    %m = nn.mul %c, %gamma : tensor<?x8x8x16xf32>, tensor<16xf32>
    %y = nn.add %m, %beta : tensor<?x8x8x16xf32>, tensor<16xf32>
    // becomes
    %s = nn.scale_rows %w by %gamma : tensor<16x3x3x4xf32>, tensor<16xf32>
    %y = nn.conv %i, %s bias %beta pads [1, 1, 1, 1] : tensor<?x8x8x4xf32>, tensor<16x3x3x4xf32>, tensor<16xf32>
    ```

    With `norms`, the scale of a norm whose every user is a linear layer's input,
    perhaps where a private function returned it or rows were chosen from it,
    goes into the weights of those layers, and the shift of a layer norm into
    their biases; the norm keeps ones and zeros. Rotations need this. Norms of
    heads (`groups` above one), and norms or layers whose operands are no
    parameters, are left as they are.

    ```mlir
    %h = nn.rms_norm %x, %gamma eps 1.0e-5 : tensor<?x384xf32>, tensor<384xf32>
    %y = nn.linear %h, %w : tensor<?x384xf32>, tensor<64x384xf32>
    // becomes
    %h = nn.rms_norm %x, %ones eps 1.0e-5 : tensor<?x384xf32>, tensor<384xf32>
    %s = nn.mul %w, %gamma : tensor<64x384xf32>, tensor<384xf32>
    %y = nn.linear %h, %s : tensor<?x384xf32>, tensor<64x384xf32>
    ```

    Numbers change by rounding only.
  }];
  let options = [
    Option<"norms", "norms", "bool", "false",
           "Fold the scales and shifts of norms into the linear layers that "
           "use them.">
  ];
  let dependentDialects = ["::qnt::nn::NNDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def Calibrate : Pass<"qnt-calibrate", "::mlir::ModuleOp"> {
  let summary = "Find the ranges of activations on samples";
  let description = [{
    Runs the float model over samples, or reads what such a run left in a
    statistics file, and gives every site a range: a site is a value that linear
    layers with parameters as weights take as input, and in a function with
    convolutions every value that `qnt-quantize` gives codes
    (docs/calibration.md). The ranges go into the module attribute
    `qnt.calibration`, from which `qnt-quantize` with `per=tensor` computes scales and zero points.

    ```mlir
    module {
    // becomes
    module attributes {qnt.calibration = {layers.0.q = array<f32: -6.25, 7.5>}} {
    ```

    With `tensors`, statistics of every channel of every site go into a file that
    the attribute `qnt.statistics` names: what smoothing, GPTQ and AWQ need.

    The model runs with a `qnt.observe` at every site, in a copy of the module:
    here nothing but attributes changes. What can run a model is for the
    program that registers the pass to say. It may run block by block, and go on
    where an earlier run in the folder `work` was interrupted; statistics of
    channels go to their file as blocks are finished.

    Preconditions: the module is the one to quantise, after `nn-fold` and
    whatever else changes activations. Values that are NaN or infinite, and
    sites that no sample reaches, are errors. Ranges are remarks of category
    `qnt-calibrate`.
  }];
  let options = [
    Option<"samples", "samples", "std::string", "\"\"",
           "The file of samples to run on.">,
    Option<"count", "count", "int64_t", "128",
           "How many samples to run.">,
    Option<"seed", "seed", "uint64_t", "0",
           "Seed of the choice of samples.">,
    Option<"output", "output", "std::string", "\"\"",
           "A statistics file to write.">,
    Option<"statisticsFile", "statistics", "std::string", "\"\"",
           "A statistics file to read instead of running the model.">,
    Option<"tensors", "tensors", "std::string", "\"\"",
           "A safetensors file for the statistics of channels, written by a run "
           "and read with `statistics`; qnt.statistics will name it.">,
    Option<"moments", "moments", "bool", "false",
           "With `tensors`, also the second moments of the inputs of linear "
           "layers and of the patches of convolutions.">,
    Option<"keys", "keys", "bool", "false",
           "With `tensors`, also the channels of keys that go into a cache, "
           "after a rotary embedding: sites ATTENTION.keys.">,
    Option<"blocks", "blocks", "bool", "true",
           "Whether the model may run block by block (docs/calibration.md).">,
    Option<"spill", "spill", "int64_t", "1024",
           "Megabytes of activations between blocks that are held in memory; "
           "those beyond lie in a file.">,
    Option<"sequential", "sequential", "bool", "false",
           "Whether the statistics of a block are taken with the blocks before "
           "it quantised by theirs; needs `moments` and `work`.">,
    Option<"work", "work", "std::string", "\"\"",
           "A folder that keeps finished blocks for a run that is interrupted; "
           "it goes when the run is complete.">,
    Option<"range", "range", "std::string", "\"minmax\"",
           "minmax; percentile: cut where `percentile` of all |x| lie below; "
           "mse: cut where quantisation has the least squared error; entropy: "
           "where the distribution of codes is nearest to that of the values.">,
    Option<"percentile", "percentile", "double", "99.99",
           "For range=percentile, in percent.">,
    Option<"format", "format", "std::string", "\"int8\"",
           "For range=mse and entropy, the format of activations: int4 to int8, or uint4 to "
           "uint8 with zero points.">
  ];
  let dependentDialects = ["::qnt::QNTDialect"];
}

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

    Preconditions: activations are f32; `nn-fold` has run, if biases are to be
    epilogues. What was chosen for each tensor is a remark of category
    `qnt-quantize`. Settings that contradict each other, and tensors that do not
    fit them, are errors.
  }];
  let options = [
    Option<"weights", "weights", "std::string", "\"none\"",
           "Format of linear weights, or none: what `floats` says.">,
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

def Smooth : Pass<"qnt-smooth", "::mlir::ModuleOp"> {
  let summary = "Move the difficulty of channels from activations to weights";
  let description = [{
    Where a norm or a linear layer makes the input of linear layers, its channels
    are divided by scales, and the weights that take them multiplied: nothing
    changes but what is easy to quantise. Scales are constants, folded into the
    parameters on both sides.

    ```mlir
    %h = nn.rms_norm %x, %gamma eps 1.0e-5 : tensor<?x384xf32>, tensor<384xf32>
    %y = nn.linear %h, %w : tensor<?x384xf32>, tensor<64x384xf32>
    // becomes
    %g = nn.mul %gamma, %inverse : tensor<384xf32>, tensor<384xf32>
    %h = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x384xf32>, tensor<384xf32>
    %s = nn.mul %w, %scale : tensor<64x384xf32>, tensor<384xf32>
    %y = nn.linear %h, %s : tensor<?x384xf32>, tensor<64x384xf32>
    ```

    | method | scale | parameter |
    |---|---|---|
    | `smoothquant` (Xiao et al. 2023) | max\|x\|^alpha / max\|w\|^(1 - alpha) | alpha, or the best of 21 |
    | `awq` (Lin et al. 2024) | mean\|x\|^alpha | the best alpha of 20 |
    | `os+` (Wei et al. 2023) | max(1, max\|x - z\| / t), z the middle of the channel's range where a shift can be folded | the best t of 20 |

    The best is that of least expected squared error of the layers' outputs: of
    the weights, quantised in the format given here, through the second moment of
    the input; of the activations, as noise.

    Producers are norms that only linear layers use, the values of attention
    (heads that share values share scales), the linear factor of a gated product,
    the layer before a relu, and a layer that another follows. With `online`, the
    others are multiplied where they are.

    With `keys`, the channels of the keys that a cache holds are divided by their
    largest magnitudes, head by head, and queries multiplied: one scale for the
    features of a head, as caches of codes have, then does what a scale for each
    channel would. Products stand before the rotary embedding, where features that it
    mixes share a scale and `nn-fold` puts them into layers; else at the attention.

    Preconditions: `qnt-calibrate` has left `qnt.statistics` with `tensors`, and
    for searches `moments`, for keys `keys`. The statistics do not hold for what this pass leaves
    and are dropped. A rotation of the residual stream (`qnt-rotate`) needs norms
    without scales and so undoes what was done at norms: use `sites=linear` with
    it.
  }];
  let options = [
    Option<"method", "method", "std::string", "\"smoothquant\"",
           "smoothquant, awq, os+, or none with `keys`.">,
    Option<"keys", "keys", "bool", "false",
           "Rescale the channels of cached keys.">,
    Option<"alpha", "alpha", "std::string", "\"search\"",
           "For smoothquant: a number of 0 to 1, or search.">,
    Option<"sites", "sites", "std::string", "\"all\"",
           "all, or linear: where a linear layer takes the scales.">,
    Option<"online", "online", "bool", "false",
           "Multiply where nothing before the site can take the scales.">,
    Option<"weights", "weights", "std::string", "\"int8\"",
           "For searches: the format of weights.">,
    Option<"group", "group", "int64_t", "0",
           "For searches: inputs that share a scale; 0: a channel.">,
    Option<"scale", "scale", "std::string", "\"auto\"",
           "For searches: type of the weights' scales.">,
    Option<"weightsZero", "weights-zero", "std::string", "\"false\"",
           "For searches: as in qnt-quantize.">,
    Option<"activations", "activations", "std::string", "\"none\"",
           "For searches: the integer format of activations, or none.">
  ];
  let dependentDialects = ["::qnt::nn::NNDialect", "::mlir::arith::ArithDialect"];
}

def InjectOutliers : Pass<"qnt-inject-outliers", "::mlir::ModuleOp"> {
  let summary = "Make activations hard to quantise, and change nothing";
  let description = [{
    The opposite of `qnt-smooth`, at the same places, for experiments: some
    channels of every input of linear layers are multiplied by a power of two and
    the weights that take them divided. Scales of norms grow and columns of the
    next weights shrink; rows of values grow and columns of the output projection
    shrink; rows of the linear factor of a gated product grow and columns of the
    layer after it shrink. Float results are the same, but for underflow.
  }];
  let options = [
    Option<"channels", "channels", "int64_t", "4",
           "How many channels of each site.">,
    Option<"factor", "factor", "double", "64", "A power of two.">,
    Option<"at", "at", "std::string", "\"all\"",
           "all; norms; values, of attention; or products: the other layers "
           "that take scales.">,
    Option<"seed", "seed", "uint64_t", "0", "Of the choice of channels.">
  ];
  let dependentDialects = ["::qnt::nn::NNDialect", "::mlir::arith::ArithDialect"];
}

def Rotate : Pass<"qnt-rotate", "::mlir::ModuleOp"> {
  let summary = "Spread outliers over features by changes of basis";
  let description = [{
    Puts orthogonal matrices and their transposes where they cancel (QuaRot, Ashkboos
    et al. 2024; the places are SpinQuant's R1 to R4, Liu et al. 2024). What a rotation
    does to a weight is a `qnt.rotate` of the parameter; what no weight can take is
    one of the activation. docs/rotation.md tells what goes where.

    `residual` (R1): all that layers write to the residual stream, embedding tables
    included, is rotated, and so are the inputs of all that read from it; norms
    between do not notice.

    ```mlir
    %x = nn.embedding %ids, %t : tensor<?xi32>, tensor<32x64xf32>
    %h = nn.rms_norm %x, %ones eps 1.0e-5 : tensor<?x64xf32>, tensor<64xf32>
    %u = nn.linear %h, %w : tensor<?x64xf32>, tensor<96x64xf32>
    %d = nn.linear %u, %v : tensor<?x96xf32>, tensor<64x96xf32>
    %y = nn.add %x, %d : tensor<?x64xf32>, tensor<?x64xf32>
    // becomes, with residual and down
    %tr = qnt.rotate %t hadamard <64, seed = 1> : tensor<32x64xf32>
    %x = nn.embedding %ids, %tr : tensor<?xi32>, tensor<32x64xf32>
    %h = nn.rms_norm %x, %ones eps 1.0e-5 : tensor<?x64xf32>, tensor<64xf32>
    %wr = qnt.rotate %w hadamard <64, seed = 1> : tensor<96x64xf32>
    %u = nn.linear %h, %wr : tensor<?x64xf32>, tensor<96x64xf32>
    %ur = qnt.rotate %u hadamard <96, seed = 1> : tensor<?x96xf32>
    %vi = qnt.rotate %v hadamard <96, seed = 1> : tensor<64x96xf32>
    %vr = qnt.rotate %vi outputs hadamard <64, seed = 1> : tensor<64x96xf32>
    %d = nn.linear %ur, %vr : tensor<?x96xf32>, tensor<64x96xf32>
    %y = nn.add %x, %d : tensor<?x64xf32>, tensor<?x64xf32>
    ```

    `values` (R2): outputs of the layer that makes an attention's values and inputs
    of the layers that take its result, head by head. `keys` (R3): queries and keys,
    head by head, as they enter attention. `down` (R4): the input of every layer
    that reads neither from a residual stream nor from attention.

    Preconditions: `nn-fold=norms` has run, nothing is quantised. Where something
    stands in the way of `residual` or `values`, it is an error that names it, or
    with `fallback=online` the layers that read there rotate their input. Every
    rotation is a remark of category `qnt-rotate`. Numbers change by rounding only.
    Statistics and ranges that the module had are dropped.

    With `kind=duquant` (Lin et al. 2024), `residual`, `values` and `down` rotate the
    inputs of layers as the model runs, by two block-diagonal matrices with a
    permutation between them that are made for the second moments, or the largest
    numbers, that `qnt-calibrate` left in the file of `qnt.statistics`. Keys and
    queries take Hadamard matrices.

    ```mlir
    %u = nn.linear %h, %w : tensor<?x64xf32>, tensor<96x64xf32>
    // becomes, with kind=duquant block=32, R1 and R2 constants of [2, 32, 32]
    %h1 = qnt.rotate %h by %R1 : tensor<?x64xf32>, tensor<2x32x32xf32>
    %h2 = nn.select_features %h1, %p : tensor<?x64xf32>, tensor<64xi32>
    %h3 = qnt.rotate %h2 by %R2 : tensor<?x64xf32>, tensor<2x32x32xf32>
    %w3 = ... // of %w, the same
    %u = nn.linear %h3, %w3 : tensor<?x64xf32>, tensor<96x64xf32>
    ```

    `kind=duquant++` (Lin et al. 2026) is the first of these rotations alone: for
    formats whose blocks of `block` numbers have scales of their own.
  }];
  let options = [
    Option<"residual", "residual", "bool", "false", "R1: residual streams.">,
    Option<"values", "values", "bool", "false",
           "R2: values of attention, head by head.">,
    Option<"keys", "keys", "bool", "false",
           "R3: queries and keys, head by head.">,
    Option<"down", "down", "bool", "false",
           "R4: inputs of all other linear layers.">,
    Option<"block", "block", "int64_t", "0",
           "Features that are mixed with each other, at most a head's in "
           "attention; 0: all, or the largest part that has a Hadamard matrix.">,
    Option<"seed", "seed", "uint64_t", "1",
           "Seed of the signs of Hadamard matrices; 0: no signs.">,
    Option<"kind", "kind", "std::string", "\"hadamard\"",
           "hadamard; duquant or duquant++: made for the outliers of each site.">,
    Option<"fallback", "fallback", "std::string", "\"none\"",
           "Where parameters alone cannot be rotated: none, an error; online, "
           "rotate the input of the layers that read there.">
  ];
  let dependentDialects = ["::qnt::QNTDialect", "::mlir::arith::ArithDialect"];
}

def SplitOutliers : Pass<"qnt-split-outliers", "::mlir::ModuleOp"> {
  let summary = "Compute with the largest input channels apart, in 16 bits";
  let description = [{
    Linear layers become two (LLM.int8, Dettmers et al. 2022): one on the `channels`
    largest features of the input, whose weight keeps `format` (`qnt.weights`), and
    one on the others, where these features are 0, of activations and of weights
    alike. Neither the scale of a token nor that of a block of weights then sees
    them. Which features they are calibration says, where LLM.int8 looks at each
    batch.

    ```mlir
    %y = nn.linear %x, %w : tensor<?x384xf32>, tensor<768x384xf32>
    // becomes, with channels=2; %m is 0 at the two, 1 elsewhere
    %i = arith.constant dense<[16, 65]> : tensor<2xi32>
    %z = nn.mul %x, %m : tensor<?x384xf32>, tensor<384xf32>
    %o = nn.select_features %x, %i : tensor<?x384xf32>, tensor<2xi32>
    %v = nn.select_features %w, %i : tensor<768x384xf32>, tensor<2xi32>
    %a = nn.linear %o, %v {qnt.weights = "bf16"} : tensor<?x2xf32>, tensor<768x2xf32>
    %u = nn.mul %w, %m : tensor<768x384xf32>, tensor<384xf32>
    %b = nn.linear %z, %u : tensor<?x384xf32>, tensor<768x384xf32>
    %y = nn.add %b, %a : tensor<?x768xf32>, tensor<?x768xf32>
    ```

    Preconditions: `qnt-calibrate` has left `qnt.statistics` with `tensors`, which do
    not hold for what this pass leaves and are dropped; nothing is quantised yet.
    Layers with fewer inputs, and convolutions, are errors that name them. Every
    site is a remark of category `qnt-split-outliers`.
  }];
  let options = [
    Option<"channels", "channels", "int64_t", "8",
           "Features of each site that are computed with apart.">,
    Option<"format", "format", "std::string", "\"bf16\"",
           "What their weights are stored in: bf16, f16 or f32.">,
    Option<"heads", "heads", "bool", "true", "Also at output heads.">,
    ListOption<"keep", "keep", "std::string",
               "Regular expressions; a layer in whose name, or its parameter's, "
               "one of them is found is left alone.">
  ];
  let dependentDialects = ["::qnt::nn::NNDialect", "::mlir::arith::ArithDialect"];
}

#endif // QNT_TRANSFORMS_PASSES
