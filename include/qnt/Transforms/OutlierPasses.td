//===- OutlierPasses.td - calibration, smoothing, rotation -*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_OUTLIERPASSES
#define QNT_TRANSFORMS_OUTLIERPASSES

include "mlir/Pass/PassBase.td"

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
    Option<"integers", "integers", "bool", "false",
           "Also ranges of what arithmetic in integers gives codes between linear "
           "layers: residual sums, queries, keys, values, gates.">,
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

#endif // QNT_TRANSFORMS_OUTLIERPASSES
