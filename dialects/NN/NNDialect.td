//===- NNDialect.td - the model graph ----------------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_NN_NNDIALECT_TD
#define QNT_DIALECTS_NN_NNDIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/DialectBase.td"
include "mlir/IR/EnumAttr.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::qnt::nn";
  let summary = "Model graphs on tensors";
  let description = [{
    The layers of a trained network, as far as the passes of this compiler need
    to know their algebra. Values are ranked tensors; leading dimensions may be
    dynamic; the last dimension holds features and is static. Everything else
    is upstream `tensor`, `linalg`, `arith`, `math` and `ml_program`.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

class NN_Type<string name, string typeMnemonic>
    : TypeDef<NN_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def NN_KVCacheType : NN_Type<"KVCache", "kv_cache"> {
  let summary = "the keys and values of every layer of a model";
  let description = [{
    An opaque buffer owned by the caller: for each of `layers` layers and each
    sequence, the keys and values of `heads` heads of `headDim` features, for as
    many positions as the buffer was sized for. It is updated in place.

    Elements f16 and f32 hold the numbers. `i8` and `i4` hold unsigned codes with an
    f16 scale and a zero point for the features of each head of each token: those of
    `!qnt.tensor<.., uint8 (uint4), per_row, scale f16, zero>` of these features, as
    `qnt.quantize` gives them.

    Constraints: (C1) `layers`, `heads` and `headDim` are positive; (C2) elements
    are f16, f32, i8 or i4, of i4 an even `headDim`.

    ```mlir
    !nn.kv_cache<6 layers, 2 heads, 64, f16>
    !nn.kv_cache<6 layers, 2 heads, 64, i4>
    ```
  }];
  let parameters = (ins "int64_t":$layers, "int64_t":$heads,
                        "int64_t":$headDim, "::mlir::Type":$elementType);
  let assemblyFormat = [{
    `<` $layers `layers` `,` $heads `heads` `,` $headDim `,` $elementType `>`
  }];
  let genVerifyDecl = 1;
}

def NN_RopeScalingKind : I32EnumAttr<"RopeScalingKind",
    "how rotary frequencies are stretched", [
      I32EnumAttrCase<"None", 0, "none">,
      I32EnumAttrCase<"Linear", 1, "linear">,
      I32EnumAttrCase<"Llama3", 2, "llama3">,
      I32EnumAttrCase<"Yarn", 3, "yarn">]> {
  let cppNamespace = "::qnt::nn";
  let genSpecializedAttr = 0;
}

def NN_Double : APFloatParameter<""> {
  let parser = "::qnt::nn::detail::parseDouble($_parser)";
  let printer = "$_printer.printFloat($_self)";
}

def NN_RopeScalingAttr : AttrDef<NN_Dialect, "RopeScaling"> {
  let mnemonic = "rope_scaling";
  let summary = "a rule that stretches rotary frequencies";
  let description = [{
    `linear` divides every frequency by `factor` (Chen et al. 2023); `llama3`
    divides low frequencies only, blending between `lowFrequency` and
    `highFrequency` wavelengths of `original` positions (Llama 3.1 release);
    `yarn` blends by rotations over `original` positions, with `lowFrequency` as
    beta_slow and `highFrequency` as beta_fast, and multiplies sines and cosines
    by `attention` (Peng et al. 2023).

    Constraints:
    - (C1) `factor` is positive, unless the kind is `none`.
    - (C2) for `llama3` and `yarn`, `original` is positive and `lowFrequency` is
      below `highFrequency`, both positive.
    - (C3) for `yarn`, `attention` is positive.
  }];
  let parameters = (ins EnumParameter<NN_RopeScalingKind>:$kind,
                        NN_Double:$factor, NN_Double:$lowFrequency,
                        NN_Double:$highFrequency, "int64_t":$original,
                        NN_Double:$attention);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // QNT_DIALECTS_NN_NNDIALECT_TD
