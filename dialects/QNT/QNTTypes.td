//===- QNTTypes.td - quantised tensors and layouts ---------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_QNTTYPES_TD
#define QNT_DIALECTS_QNT_QNTTYPES_TD

include "dialects/QNT/QNTFormats.td"

def QNT_BlockAttr : AttrDef<QNT_Dialect, "Block"> {
  let mnemonic = "block";
  let summary = "which elements of a tensor share a scale";
  let description = [{
    | written | elements that share a scale | shape of the scales of [D0, ..., Dn] |
    |---|---|---|
    | `unscaled` | none: codes are the numbers | [0] |
    | `per_tensor` | all | [] |
    | `per_channel` | those with one index of the first dimension | [D0] |
    | `per_row` | those of one last-dimension row | [D0, ..., Dn-1] |
    | `group<n>` | n consecutive ones of a row; the last group may be short | [D0, ..., ceil(Dn / n)] |

    Constraint (C1): a group is a positive multiple of 16.
  }];
  let parameters = (ins "::qnt::BlockKind":$kind,
                        DefaultValuedParameter<"int64_t", "0">:$group);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def QNT_PanelsAttr : AttrDef<QNT_Dialect, "Panels",
    [DeclareAttrInterfaceMethods<QNT_Layout>]> {
  let mnemonic = "panels";
  let summary = "weights in panels of columns for SIMD dot products";
  let description = [{
    The layout of the CPU target for a weight [N, K]; docs/cpu-target.md draws
    it. Output features lie in panels of `columns`, zero padded; a panel is one
    contiguous stream, padded to 64 bytes: group after group along K (a row
    without groups is one), the group's scales, one for each column, its zero
    points in bytes or its offsets in f32, then its codes in chunks of 32 inputs, or of 16 where the
    group is no multiple of 32; the last chunk is padded with zeros. Codes of 8
    bits: byte 4c + j of a vector is column c, input 4v + j of vector v. Narrower
    codes are split, from the lowest bit up, in planes of 4, 2 and 1 bits, as the
    width needs them; field f of a plane's vector v is the 8-bit vector with index
    v * fields + f. Signed codes below 8 bits, and their zero points, are stored
    plus 2^(bits - 1). Codes of 16 and 32 bits: input after input, the words of
    all columns. With `sums`, a panel ends with the f32 sums over K of the
    decoded, scaled weights of each column, for asymmetric activations.

    Constraint (C1): `columns` is positive.
  }];
  let parameters = (ins "int64_t":$columns, DefaultValuedParameter<"bool", "false">:$sums);
  let assemblyFormat = "`<` $columns (`,` `sums` $sums^)? `>`";
  let genVerifyDecl = 1;
}

def QNT_FragmentsAttr : AttrDef<QNT_Dialect, "Fragments",
    [DeclareAttrInterfaceMethods<QNT_Layout>]> {
  let mnemonic = "fragments";
  let summary = "weights in the order in which lanes of a warp hold them";
  let description = [{
    The layout of the CUDA target for a weight [N, K]; docs/cuda-target.md draws
    it. Output features lie in panels of `columns`, zero padded: chunks of 128
    inputs, tile by tile of 8 features, then the scales [groups][columns], the
    zero points in bytes or offsets in f32 likewise, and with `sums` the f32 sums
    over K of the decoded, scaled weights of each feature; padded to 128 bytes.

    Of a tile, lane 4c + t holds, of feature c, the inputs
    quad * t + e + 4 * quad * w with e < `quad`, word after word. Codes are split,
    from the lowest bit up, in planes of 16, 8, 4, 2 and 1 bits, as the width
    needs them. A stored word of a plane of b bits has `quad` cells of 32 / quad
    bits, one for each e; field f of every cell, b bits wide, is word
    v * fields + f of the lane, where v counts the lane's stored words. A plane is
    in vectors of up to 4 stored words, lane after lane.

    Groups that divide 128 share a chunk, others begin a chunk each. Scales of 8
    bits lie chunk by chunk, those of a chunk feature by feature; those of
    f8E4M3FN are codes, and the f32 powers of two of the features follow them.

    Constraint (C1): `columns` is a positive multiple of 8, `quad` 2, 4 or 8.
  }];
  let parameters = (ins "int64_t":$columns, "int64_t":$quad,
                        DefaultValuedParameter<"bool", "false">:$sums);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def QNT_RowsAttr : AttrDef<QNT_Dialect, "Rows"> {
  let mnemonic = "rows";
  let summary = "activations in padded rows with block sums";
  let description = [{
    The targets' layout for quantised activations [.., K]: codes row by row,
    each padded with zeros to a multiple of `pad` bytes; per row an f32 scale, an
    f32 zero point and, where `sums` is not 0, the i32 sums of the stored codes
    over each `sums` consecutive inputs. Codes are stored plus `excess`, which
    the stored zero point includes: 128 stores signed codes in unsigned bytes,
    -128 the other way round, as the dot product of the target wants them.

    Codes of 4 bits with scales of 8 bits lie two a byte, the first in the low
    half. In the place of sums are the bytes of the groups' scales, padded with
    zeros to a multiple of 16, and the scale of the row is the power of two that
    they share (1 for f8E8M0FNU).

    Constraint (C1): `pad` is positive, `sums` is not negative.
  }];
  let parameters = (ins "int64_t":$pad, DefaultValuedParameter<"int64_t", "0">:$sums,
                        DefaultValuedParameter<"int64_t", "0">:$excess);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def QNT_FiltersAttr : AttrDef<QNT_Dialect, "Filters",
    [DeclareAttrInterfaceMethods<QNT_Layout>]> {
  let mnemonic = "filters";
  let summary = "weights of convolutions in panels of columns";
  let description = [{
    The layout of the CPU target for a weight [N, KH, KW, C], or [N, C], which
    counts as [N, 1, 1, C], in blocks `per_channel`, `per_tensor` or `unscaled`: `#qnt.panels` of the weight seen
    as [N, inputs]. The inputs of an output feature are KH * KW taps of
    `channels` numbers, of which the first C are the weight's and the others
    zero. `taps` of them make a run, which is padded with zeros to whole chunks;
    runs follow one another. A chunk holds as many inputs as fill each plane's
    vectors: 4 of 8 bits, 8 of 4 bits and so on. With `channels` 1, codes of up to
    8 bits are bytes, sign-extended, of all columns, tap after tap. Where `features` is not 0, each so many output
    features, those of a group, begin a new panel. Weights of integers of up to 8
    bits end each panel with the i32 sums over the inputs of each column's
    numbers.

    Constraint (C1): `columns`, `channels` and `taps` are positive, `features` is
    not negative.
  }];
  let parameters = (ins "int64_t":$columns, "int64_t":$channels,
                        DefaultValuedParameter<"int64_t", "1">:$taps,
                        DefaultValuedParameter<"int64_t", "0">:$features);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def QNT_ImageAttr : AttrDef<QNT_Dialect, "Image"> {
  let mnemonic = "image";
  let summary = "quantised images with a border, or rows of one scale";
  let description = [{
    The CPU target's layout for activations of integer codes in one block,
    `per_tensor`: images [B, H, W, C], channels last, or rows [.., C]. A pixel
    takes `channels` bytes, of which the first C are its codes and the others are
    undefined. Around every image lie `halo` rows above, columns to the left, rows
    below and columns to the right, whose codes are the zero point: what
    convolutions with pads read there. Signed codes are stored plus 128, so that
    all are unsigned bytes. Scale and zero point are where the producer read them.

    Constraint (C1): `channels` is positive, `halo` four numbers that are not
    negative.
  }];
  let parameters = (ins "int64_t":$channels, ArrayRefParameter<"int64_t">:$halo);
  let assemblyFormat = [{
    `<` `channels` `=` $channels `,` `halo` `=` `[` $halo `]` `>`
  }];
  let genVerifyDecl = 1;
}

def QNT_HadamardAttr : AttrDef<QNT_Dialect, "Hadamard"> {
  let mnemonic = "hadamard";
  let summary = "a random Hadamard rotation in blocks";
  let description = [{
    R = D H / sqrt(n) in every block of n features. H is the Kronecker product of a
    Hadamard matrix of order m and Sylvester's of order n / m, a power of two: m is 1
    where n is a power of two, otherwise the least order with n / m a power of two
    for which Paley's first or second construction with a prime gives one. D are
    signs: feature i of all is negated where bit 0 of SplitMix64 at state
    seed + (i + 1) * 0x9E3779B97F4A7C15 is set; seed 0 negates none.

    ```mlir
    #qnt.hadamard<64>
    #qnt.hadamard<384, seed = 7>
    ```

    Constraint (C1): `block` is 1, 2 or an order that this construction has
    (`getHadamardOrder`).
  }];
  let parameters = (ins "int64_t":$block, DefaultValuedParameter<"uint64_t", "0">:$seed);
  let assemblyFormat = "`<` $block (`,` `seed` `=` $seed^)? `>`";
  let genVerifyDecl = 1;
}

def QNT_ConvStrategyAttr : AttrDef<QNT_Dialect, "ConvStrategy"> {
  let mnemonic = "conv_strategy";
  let summary = "how a target runs a convolution";
  let description = [{
    A tile is `panels` panels of output features by `pixels` neighbouring pixels
    on each of `lines` lines of the result; tails are cut by smaller tiles. Work
    is divided in blocks of `block` lines, or pixels where the result is one
    line, by such panels. They follow each other block by block, or with
    `panelsFirst` panel by panel.

    ```mlir
    #qnt.conv_strategy<kernel = "dot4-avx512vnni", lines = 2, pixels = 7, panels = 2, block = 4, panelsFirst = true>
    ```

    Constraint (C1): the numbers are positive.
  }];
  let parameters = (ins StringRefParameter<>:$kernel, "int64_t":$lines,
                        "int64_t":$pixels, "int64_t":$panels, "int64_t":$block,
                        DefaultValuedParameter<"bool", "false">:$panelsFirst);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def QNT_PanelStrategyAttr : AttrDef<QNT_Dialect, "PanelStrategy", [QNT_Strategy]> {
  let mnemonic = "strategy";
  let summary = "how a CPU runs a contraction";
  let description = [{
    Chosen by one pass from a cost model, consumed by the lowering. `kernel`
    names the dot product of the target. A tile is `panels[i]` panels of output
    features by `rows[i]` rows of the input; entry i serves inputs of up to
    `rows[i]` rows, the last one larger inputs as well, whose tails are cut by
    the smaller ones.

    ```mlir
    #qnt.strategy<kernel = "u4s8-vnni", rows = [1, 4, 12], panels = [4, 2, 1]>
    ```

    Constraint (C1): `rows` increases from 1 and is as long as `panels`, whose
    entries are positive.
  }];
  let parameters = (ins StringRefParameter<>:$kernel,
                        ArrayRefParameter<"int64_t">:$rows,
                        ArrayRefParameter<"int64_t">:$panels);
  let assemblyFormat = [{
    `<` `kernel` `=` $kernel `,` `rows` `=` `[` $rows `]` `,`
    `panels` `=` `[` $panels `]` `>`
  }];
  let genVerifyDecl = 1;
}

def QNT_BlockStrategyAttr : AttrDef<QNT_Dialect, "BlockStrategy", [QNT_Strategy]> {
  let mnemonic = "block_strategy";
  let summary = "how a GPU runs a contraction";
  let description = [{
    Entry i serves inputs of up to `rows[i]` rows, the last one larger inputs as
    well. A block of threads computes `blockM[i]` rows by `blockN[i]` output
    features, divided among `warpsM[i]` by `warpsN[i]` warps, with `stages[i]`
    chunks of inputs in flight; `splits[i]` blocks share the inputs of a tile.

    ```mlir
    #qnt.block_strategy<rows = [16, 128], blockM = [16, 128], blockN = [64, 128], warpsM = [1, 2], warpsN = [4, 4], stages = [4, 4], splits = [8, 1]>
    ```

    Constraint (C1): `rows` increases from at least 1, and the others are as long
    as it and positive.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$rows,
                        ArrayRefParameter<"int64_t">:$blockM,
                        ArrayRefParameter<"int64_t">:$blockN,
                        ArrayRefParameter<"int64_t">:$warpsM,
                        ArrayRefParameter<"int64_t">:$warpsN,
                        ArrayRefParameter<"int64_t">:$stages,
                        ArrayRefParameter<"int64_t">:$splits);
  let assemblyFormat = [{
    `<` `rows` `=` `[` $rows `]` `,` `blockM` `=` `[` $blockM `]` `,`
    `blockN` `=` `[` $blockN `]` `,` `warpsM` `=` `[` $warpsM `]` `,`
    `warpsN` `=` `[` $warpsN `]` `,` `stages` `=` `[` $stages `]` `,`
    `splits` `=` `[` $splits `]` `>`
  }];
  let genVerifyDecl = 1;
}

def QNT_TensorType : TypeDef<QNT_Dialect, "QTensor"> {
  let summary = "a tensor of codes with their scales";
  let description = [{
    value = scale[block] * (code - zero[block]), where code stands for the number
    that the format decodes it to; with `offset` in the place of `zero`,
    value = scale[block] * code - offset[block]. Both are f32 arithmetic, rounded
    after each operation. Zero points are integers of the format, offsets f32.

    Groups may have scales of 8 bits: `f8E8M0FNU`, powers of two (OCP MX), or
    `f8E4M3FN`, numbers of e4m3 times a power of two that the groups of a row
    share, the least for which none is above 448 (NVFP4, whose f32 scale of a
    tensor is here one of each row). A scale is the product, exact in bf16.

    ```mlir
    !qnt.tensor<384x384, int4, group<32>, scale f16>
    !qnt.tensor<384x384, e2m1, group<16>, scale f8E4M3FN>
    !qnt.tensor<?x384, uint8, per_row, scale f32, zero>
    !qnt.tensor<384x384, uint4, group<32>, scale f32, offset>
    !qnt.tensor<384x384, bf16, unscaled>
    !qnt.tensor<384x384, int4, group<32>, scale f16, #qnt.panels<16>>
    ```

    Constraints:
    - (C1) rank at least 1.
    - (C2) the format allows the block (a group that it can share a scale in);
      `unscaled` exactly for formats that have no scale.
    - (C3) scales are f16, bf16 or f32, or, of groups without zero points or
      offsets, f8E4M3FN or f8E8M0FNU.
    - (C4) zero points and offsets only with integer formats and scales.
    - (C5) `per_channel` needs rank 2 or more.
    - (C6) a layout is `#qnt.rows` or `#qnt.image` or implements `Layout`;
      `#qnt.panels` holds static tensors of rank 2, `#qnt.filters` static ones of
      rank 4 or 2 without groups, both of formats of up to 8, of 16 or of 32 bits;
      `#qnt.fragments` holds static tensors of rank 2 of formats whose bits fit a
      cell; `#qnt.image` holds integers in one block, `per_tensor`; only
      `#qnt.panels` and `#qnt.fragments` hold offsets; only `#qnt.fragments` and
      `#qnt.rows` hold scales of 8 bits.
    - (C7) integers of 16 bits are `per_tensor`, without zero points, offsets and
      layout.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape,
                        "::qnt::NumberFormat":$format,
                        "::qnt::BlockAttr":$block,
                        "::mlir::Type":$scaleType,
                        "::qnt::ZeroKind":$zeroKind,
                        "::mlir::Attribute":$layout);
  let typeName = "qnt.tensor";
  // No mnemonic: a type with generated printing would lose its `!qnt.tensor` in
  // the ops. The dialect parses and prints it.
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getRank() const { return getShape().size(); }
    bool hasStaticShape() const {
      return !::llvm::any_of(getShape(), ::mlir::ShapedType::isDynamic);
    }
    /// Shape of the scales; see #qnt.block.
    ::llvm::SmallVector<int64_t> getScaleShape() const;
    /// Elements of the last dimension that share a scale (K itself unless the
    /// block is a group).
    int64_t getGroupSize() const;
    /// Scales along the last dimension.
    int64_t getGroupsPerRow() const;
    bool hasScale() const { return (bool)getScaleType(); }
    /// Whether blocks have zero points or offsets, stored alike.
    bool hasZeros() const { return getZeroKind() != ZeroKind::None; }
    bool hasOffsets() const { return getZeroKind() == ZeroKind::Offset; }
    /// The same tensor in another layout (null for none).
    QTensorType withLayout(::mlir::Attribute layout) const;
    QTensorType withShape(::llvm::ArrayRef<int64_t> shape) const;
    /// Whether the format is an integer one.
    bool isInteger() const;
    /// Whether scales are f8E4M3FN or f8E8M0FNU.
    bool hasSmallScales() const;
    /// Whether scales are f8E4M3FN, times a power of two of each row.
    bool hasRowScales() const;
    /// Average bits per element, scales, zero points and offsets included; needs
    /// a static last dimension.
    double getBitsPerElement() const;
  }];
}

#endif // QNT_DIALECTS_QNT_QNTTYPES_TD
