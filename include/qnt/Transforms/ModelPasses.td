//===- ModelPasses.td - passes on float models -------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_MODELPASSES
#define QNT_TRANSFORMS_MODELPASSES

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

def NNDropCaches : Pass<"nn-drop-caches", "::mlir::ModuleOp"> {
  let summary = "Let a language model see whole sequences";
  let description = [{
    Attention with a KV cache becomes causal attention within the tokens that are
    given, which are those of positions 0 and on; the cache and the position are
    no longer arguments, of entry points either.

    ```mlir
    func.func @score(%tokens: tensor<?x?xi32>, %position: tensor<?xi32>, %kv: !nn.kv_cache<6 layers, 2 heads, 64, f16>)
    %y = nn.attention %q, %k, %v cache(%kv : ...) layer 0 at(%position : tensor<?xi32>) heads 4 kv_heads 2 scale 0.125 : ...
    // becomes
    func.func @score(%tokens: tensor<?x?xi32>)
    %y = nn.attention %q, %k, %v heads 4 kv_heads 2 scale 0.125 causal : ...
    ```

    Whatever else uses a cache, or a position but for `nn.position_ids`, is an
    error.
  }];
  let dependentDialects = ["::qnt::nn::NNDialect"];
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

def NNGradient : Pass<"nn-gradient", "::mlir::ModuleOp"> {
  let summary = "Add a function that computes gradients";
  let description = [{
    Adds a public function, `name`, that takes the inputs of the entry point and what
    the loss compares its output with, and gives the loss, `tensor<f32>`, and its
    gradient with respect to each chosen weight, in f32 and of the weight's shape. The
    weights are the parameter expressions that linear layers and convolutions take as
    weights, or those that `wrt` finds. docs/gradients.md defines losses, weights and
    the rules of ops.

    ```mlir
    func.func @main(%x: tensor<?x64xf32> {qnt.name = "x", qnt.dims = ["batch", ""]})
        -> (tensor<?x10xf32> {qnt.name = "y"}) {
      %w = ml_program.global_load_const @w : tensor<10x64xf32>
      %y = nn.linear %x, %w : tensor<?x64xf32>, tensor<10x64xf32>
      return %y : tensor<?x10xf32>
    }
    // stays, and with loss=cotangent there is also
    func.func @gradient(%x: tensor<?x64xf32> {qnt.name = "x", ...},
                        %c: tensor<?x10xf32> {qnt.name = "cotangent", ...})
        -> (tensor<f32> {qnt.name = "loss"}, tensor<10x64xf32> {qnt.name = "w"}) {
      ...
      %loss = linalg.generic ...                                  // sum of y c
      %t = linalg.transpose ins(%c : tensor<?x10xf32>) ... permutation = [1, 0]
      %dw = nn.matmul %t, %x : tensor<10x?xf32>, tensor<?x64xf32>
      return %loss, %dw : tensor<f32>, tensor<10x64xf32>
    }
    ```

    Calls are inlined, KV caches dropped: sequences begin at position 0. An op between a
    weight and the output that has no rule is an error that names it.
  }];
  let options = [
    Option<"entry", "entry", "std::string", "\"\"",
           "The entry point; unless given score, forward, main or the only one.">,
    Option<"result", "result", "unsigned", "0",
           "Which result of the entry point is the output.">,
    ListOption<"wrt", "wrt", "std::string",
               "Regular expressions; parameters in whose name, or in that of a layer "
               "that has them as weight, one of them is found.">,
    Option<"loss", "loss", "std::string", "\"cotangent\"",
           "cotangent, cross_entropy, squared_error or kl.">,
    Option<"asArguments", "weights-as-arguments", "bool", "false",
           "The function takes the weights, after the others, rather than loads them.">,
    Option<"layersOnly", "layers-only", "bool", "false",
           "Gradients with respect to weights as linear layers and convolutions take "
           "them; what else takes one takes a constant.">,
    Option<"alone", "alone", "bool", "false",
           "Erase the other functions, and parameters that this one does not load.">,
    Option<"name", "name", "std::string", "\"gradient\"", "Of the function.">
  ];
  let dependentDialects = ["::qnt::nn::NNDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // QNT_TRANSFORMS_MODELPASSES
