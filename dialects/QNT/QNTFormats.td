//===- QNTFormats.td - formats and layouts: interfaces ------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_QNTFORMATS_TD
#define QNT_DIALECTS_QNT_QNTFORMATS_TD

include "dialects/QNT/QNTDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/Interfaces.td"

def QNT_NumberFormat : AttrInterface<"NumberFormat"> {
  let cppNamespace = "::qnt";
  let description = [{
    How a code of a few bits stands for a number. A format is all that a target
    needs to know of a precision: targets lower the few kinds of `DecodeSpec`,
    never a format by name, so a new format is a new implementation of this
    interface and nothing else.

    Codes are held in the low `getBits()` bits of a 32-bit word.
  }];
  let methods = [
    InterfaceMethod<"Name as it is written in types and on the command line.",
      "std::string", "getName">,
    InterfaceMethod<"Bits of one code, 1 to 32.", "unsigned", "getBits">,
    InterfaceMethod<"How a target turns codes into numbers.",
      "::qnt::DecodeSpec", "getDecodeSpec">,
    InterfaceMethod<[{
      The code nearest to `value`; of two as near, the one whose last bit is
      zero, or, where a float format has no mantissa to tell, the larger number
      (IEEE 754-2019, 4.3.1). Values out of range, infinities too, give the
      nearest finite code; NaN gives the format's NaN, or zero without one.
      The reference that targets must agree with.}],
      "uint32_t", "encode", (ins "float":$value)>,
    InterfaceMethod<"The number a code stands for; exact.",
      "float", "decode", (ins "uint32_t":$code)>,
    InterfaceMethod<"The largest finite number.", "float", "getMax">,
    InterfaceMethod<"The smallest finite number (negative, or zero).",
      "float", "getMin">,
    InterfaceMethod<"Whether blocks of this format need a scale; f16 does not.",
      "bool", "isScaled">,
    InterfaceMethod<[{
      Whether a block of `length` consecutive elements may share a scale.}],
      "bool", "isLegalBlock", (ins "int64_t":$length)>
  ];
}

def QNT_Layout : AttrInterface<"Layout"> {
  let cppNamespace = "::qnt";
  let description = [{
    How a quantised tensor lies in memory as one blob of bytes. Targets define
    what they read best; a pass materialises it (`qnt.pack`).
  }];
  let methods = [
    InterfaceMethod<[{
      Bytes of a weight of this type, which must have static shape [N, K].}],
      "int64_t", "getByteSize", (ins "const ::qnt::QTensorType &":$type)>,
    InterfaceMethod<[{
      Rows must be packed in multiples of this many.}],
      "int64_t", "getRowMultiple">,
    InterfaceMethod<[{
      Packs rows [first, first + rows) of a [N, K] tensor into `blob`, the place
      of those rows. `first` is a multiple of `getRowMultiple`; so is `rows`,
      unless these are the last, which are padded. Calls are independent.}],
      "void", "packRows",
      (ins "const ::qnt::QTensorType &":$type, "const ::qnt::RowBlock &":$block,
           "::llvm::MutableArrayRef<char>":$blob)>,
    InterfaceMethod<[{
      Reads a whole blob back: `codes` [N, K], `scales` and `zeros` (zero
      points or offsets) [N, groups per row] or, without them, empty. A `per_tensor` scale is repeated for each
      row.}],
      "void", "unpack",
      (ins "const ::qnt::QTensorType &":$type, "::llvm::ArrayRef<char>":$blob,
           "::llvm::MutableArrayRef<uint32_t>":$codes,
           "::llvm::MutableArrayRef<float>":$scales,
           "::llvm::MutableArrayRef<float>":$zeros)>
  ];
}

def QNT_Strategy : AttrInterface<"Strategy"> {
  let cppNamespace = "::qnt";
  let description = [{
    How a target runs a contraction: tiles by buckets of rows of the input.
  }];
  let methods = [
    InterfaceMethod<[{
      Rows at most that each entry serves, increasing; the last entry serves
      larger inputs as well.}],
      "::llvm::ArrayRef<int64_t>", "getRows">
  ];
}

// No mnemonic: every format is written #qnt.format<name>.
class QNT_FormatAttr<string name, string kind>
    : AttrDef<QNT_Dialect, name,
              [DeclareAttrInterfaceMethods<QNT_NumberFormat>]> {
  let attrName = "qnt." # kind;
  let genVerifyDecl = 1;
}

def QNT_IntFormatAttr : QNT_FormatAttr<"IntFormat", "int"> {
  let summary = "integers of 1 to 8 bits, and of 16";
  let description = [{
    Two's complement when signed. `int1` holds -1 and +1 (code 0 and 1), as
    binary networks do; every other width is the usual integer range. Written
    `int4`, `uint8` in types. `int16` is for numbers that are computed as the model
    runs and not multiplied with weights, such as the sums of residual branches.

    Constraint (C1): 1 to 8 bits, or 16 with a sign.
  }];
  let parameters = (ins "unsigned":$width, "bool":$isSigned);
}

def QNT_FloatFormatAttr : QNT_FormatAttr<"FloatFormat", "float"> {
  let summary = "binary floating point with a sign, `exponent` and `mantissa` bits";
  let description = [{
    `special` says what the largest exponent means: `ieee` infinities and NaN,
    `fn` NaN only where exponent and mantissa are all ones (E4M3 of the OCP 8-bit
    specification), `finite` numbers throughout (E2M1, E2M3, E3M2 of the OCP
    MX specification). The bias is 2^(exponent-1) - 1. Subnormals are kept.
    Written `f16`, `bf16`, `f32`, or by their bits: `e4m3` is `fn`, others of 8
    bits and more are `ieee`, narrower ones `finite`; a suffix says otherwise, as
    in `e4m3_ieee`.

    Constraints:
    - (C1) 1 to 8 exponent bits, 0 to 23 mantissa bits.
    - (C2) `ieee` needs at least one mantissa bit to tell NaN from infinity.
    - (C3) 8 exponent bits are `ieee`: every number is one of f32.
    - (C4) `fn` has more codes than zero and NaN.
  }];
  let parameters = (ins "unsigned":$exponent, "unsigned":$mantissa,
                        "::qnt::FloatSpecial":$special);
}

#endif // QNT_DIALECTS_QNT_QNTFORMATS_TD
