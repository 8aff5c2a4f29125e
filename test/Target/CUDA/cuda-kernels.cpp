//===- cuda-kernels.cpp - kernels of one chip, assembled -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// cuda-kernels CHIP OUT: writes OUT.ptx and OUT.cubin with kernels of every
// kind and bucket of rows, and prints what the chip has, then what ptxas says
// of each. Fails where one spills or does not fit the chip.
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "lib/Target/CUDA/Kernels/Elementwise.h"

#include "qnt/Target/CUDA/Codegen.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using namespace mlir;
using namespace qnt;

using Kernels = std::map<std::string, cuda::Kernel>;

static QTensorType parse(cuda::KernelLibrary &library,
                         const std::string &text) {
  return cast<QTensorType>(
      parseType("!qnt.tensor<" + text + ">", library.module.getContext()));
}

static void add(Kernels &kernels, cuda::Kernel kernel) {
  kernels[kernel.code.getName().str()] = kernel;
}

static void addRows(cuda::KernelLibrary &library, Kernels &kernels) {
  using Norm = cuda::NormSpec;
  using Output = cuda::RowsSpec::Output;
  for (const char *text :
       {"?x4096, int8, per_row, scale f32, #qnt.rows<pad = 16>",
        "?x4096, uint8, per_row, scale f32, zero, #qnt.rows<pad = 16, sums = "
        "128, excess = -128>"})
    for (auto norm : {Norm{}, Norm{Norm::Kind::RMS, 1e-5}})
      add(kernels, cuda::getQuantizeRowsKernel(library, parse(library, text),
                                               /*isStatic=*/false, norm));
  if (library.chip.hasFloat8)
    add(kernels,
        cuda::getQuantizeRowsKernel(
            library,
            parse(library,
                  "?x4096, e4m3, per_row, scale f32, #qnt.rows<pad = 16>"),
            /*isStatic=*/false, {Norm::Kind::RMS, 1e-5}));
  if (library.chip.hasBlockScaledMma || library.chip.hasTcgen05)
    for (const char *text :
         {"?x4096, e2m1, group<16>, scale f8E4M3FN, #qnt.rows<pad = 16>",
          "?x4096, e2m1, group<32>, scale f8E8M0FNU, #qnt.rows<pad = 16>"})
      add(kernels, cuda::getQuantizeRowsKernel(library, parse(library, text),
                                               /*isStatic=*/false,
                                               {Norm::Kind::RMS, 1e-5}));
  for (auto kind : {Norm::Kind::RMS, Norm::Kind::Layer, Norm::Kind::L2})
    for (auto output : {Output::F32, Output::F16})
      add(kernels, cuda::getRowsKernel(library, {4096, {kind, 1e-5}, output}));
  add(kernels, cuda::getSoftmaxKernel(library));
  for (cuda::RotationSpec rotation :
       {cuda::RotationSpec{4096, 4096, true},
        {11008, 256, true, true},
        {1152, 1152},
        {4096, 128, false, false, /*hasMatrices=*/true}})
    add(kernels, cuda::getRotateKernel(library, rotation));
  add(kernels,
      cuda::getQuantizeRowsKernel(
          library,
          parse(library,
                "?x4096, int8, per_row, scale f32, #qnt.rows<pad = 16>"),
          /*isStatic=*/false, {Norm::Kind::RMS, 1e-5},
          cuda::RotationSpec{4096, 4096, true}));
}

static void addLookups(cuda::KernelLibrary &library, Kernels &kernels) {
  Type f16 = Float16Type::get(library.module.getContext());
  add(kernels, cuda::getEmbeddingKernel(library, f16, 4096));
  for (const char *table :
       {"32000x4096, int4, group<32>, scale f16", "32000x4096, e4m3, per_row, "
                                                  "scale f32"})
    add(kernels,
        cuda::getQuantizedEmbeddingKernel(library, parse(library, table)));
  add(kernels, cuda::getPositionIdsKernel(library, /*hasStart=*/true));
  add(kernels, cuda::getSelectRowsKernel(library, 4096, /*hasRows=*/true));
  add(kernels, cuda::getSelectFeaturesKernel(library, 4096, 64));
  add(kernels, cuda::getMeanPoolKernel(library, 384));
  add(kernels, cuda::getRopeTableKernel(library, 128));
  add(kernels, cuda::getRopeKernel(library, {32, 128, 128}));
  add(kernels, cuda::getRopeKernel(library, {32, 80, 32, true}));
}

/// Every op of elementwise kernels on f32 that is no one-to-one lowering, and
/// a copy.
static void addElementwise(cuda::KernelLibrary &library, Kernels &kernels) {
  using Spec = cuda::ElementwiseSpec;
  OpBuilder b(library.module.getContext());
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  Spec::Operand rows{f32, {Spec::Stride::Runtime, Spec::Stride::One}};
  Spec::Operand row{f32, {Spec::Stride::Zero, Spec::Stride::One}};
  Spec chain;
  chain.loops = 2;
  chain.isWide = true;
  chain.inputs = {rows, row};
  chain.results = {rows, {i32, rows.strides}};
  auto kind = b.getNamedAttr("kind", b.getStringAttr("silu"));
  unsigned x =
      chain.addStep("nn.activation", {0}, f32, b.getDictionaryAttr(kind));
  x = chain.addStep("nn.mul", {x, 1}, f32);
  for (const char *op :
       {"math.exp", "math.tanh", "math.erf", "math.rsqrt", "math.ceil",
        "math.floor", "math.trunc", "math.roundeven", "math.absf"})
    x = chain.addStep(op, {x}, f32);
  x = chain.addStep("arith.maximumf", {x, 0}, f32);
  unsigned whole = chain.addStep("arith.fptosi", {x}, i32);
  chain.yields = {x, chain.addStep("arith.divsi", {whole, whole}, i32)};
  add(kernels, cuda::getElementwiseKernel(library, chain));
  Spec copy;
  copy.loops = 4;
  copy.inputs = {{f32, SmallVector<Spec::Stride>(4, Spec::Stride::Runtime)}};
  copy.results = copy.inputs;
  copy.yields = {0};
  add(kernels, cuda::getElementwiseKernel(library, copy));
}

/// Of every cache, and of some sizes of heads: few tokens and many.
static void addAttention(cuda::KernelLibrary &library, Kernels &kernels) {
  OpBuilder b(library.module.getContext());
  cuda::AttentionSpec spec;
  spec.scale = 0.125;
  spec.limits = cuda::AttentionSpec::Limits::Start;
  for (Type element : {Type(b.getF32Type()), Type(b.getF16Type()),
                       Type(b.getI8Type()), Type(b.getIntegerType(4))})
    for (int64_t dim : {64, 128, 192, 256}) {
      spec.heads = 32;
      spec.cache = {8, dim, element};
      bool hasColumns = cuda::checkAttentionColumns(spec).empty();
      if (dim == 64 ? !element.isF16() : dim > 128 && !hasColumns)
        continue;
      int64_t splits =
          cuda::chooseAttentionSplits(library.chip, spec.cache.heads);
      add(kernels, cuda::getCacheStoreKernel(library, spec.cache));
      add(kernels, hasColumns
                       ? cuda::getAttentionColumnsKernel(library, spec, splits)
                       : cuda::getAttentionRowsKernel(library, spec, splits));
      if (cuda::checkAttentionTiles(spec).empty())
        add(kernels, cuda::getAttentionTilesKernel(library, spec));
    }
  // An encoder.
  spec.heads = 12;
  spec.limits = cuda::AttentionSpec::Limits::Lengths;
  spec.isCached = false;
  spec.cache = {12, 32, b.getF32Type()};
  add(kernels, cuda::getAttentionRowsKernel(library, spec, /*splits=*/1));
  add(kernels, cuda::getAttentionTilesKernel(library, spec));
}

static void addLinears(cuda::KernelLibrary &library, Kernels &kernels) {
  // Float activations where there is no input.
  struct Layer {
    std::string weight, input;
    SmallVector<EpilogueKind> epilogue;
    SmallVector<int64_t> rows = {16, 4096};
  };
  const SmallVector<int64_t> all = {16, 32, 64, 512, 4096};
  std::string quad2 = ", #qnt.fragments<columns = 64, quad = 2>";
  std::string quad4 = ", #qnt.fragments<columns = 64, quad = 4>";
  std::string rows = "?x4096, int8, per_row, scale f32, #qnt.rows<pad = 16>";
  std::string quad8 = ", #qnt.fragments<columns = 64, quad = 8>";
  std::string floats = "?x4096, e4m3, per_row, scale f32, #qnt.rows<pad = 16>";
  using Step = EpilogueKind;
  const Layer layers[] = {
      {"4096x4096, int8, per_channel, scale f32" + quad4,
       rows,
       {},
       {16, 512, 4096}},
      {"4096x4096, int4, per_channel, scale f16" + quad4,
       rows,
       {Step::Bias, Step::Gelu}},
      {"11008x4096, int4, group<128>, scale f16" + quad4,
       rows,
       {Step::Silu, Step::Mul},
       all},
      {"333x1000, uint4, group<32>, scale f16, zero, #qnt.fragments<columns = "
       "64, quad = 4, sums = true>",
       "?x1000, uint8, per_row, scale f32, zero, #qnt.rows<pad = 16, sums = "
       "32, excess = -128>",
       {Step::Add}},
      {"11008x4096, int4, group<128>, scale f16" + quad2, "", {}, all},
      {"4096x4096, uint3, group<64>, scale f16, zero" + quad2, "", {}},
      {"4096x4096, int2, per_channel, scale f32" + quad2, "", {Step::Bias}},
      {"4096x4096, e4m3, per_channel, scale f32" + quad2, "", {}},
      {"4096x4096, e2m1, group<32>, scale f16" + quad2, "", {}},
      {"4096x4096, bf16, unscaled" + quad2, "", {}},
      {"4096x4096, e4m3, per_channel, scale f32" + quad4, floats, {}, all},
      {"11008x4096, e4m3, group<128>, scale f32" + quad4,
       floats,
       {Step::Silu, Step::Mul}},
      {"4096x4096, e2m1, group<16>, scale f8E4M3FN" + quad8,
       "?x4096, e2m1, group<16>, scale f8E4M3FN, #qnt.rows<pad = 16>",
       {Step::Silu, Step::Mul},
       all},
      {"4096x4096, e2m1, group<32>, scale f8E8M0FNU" + quad8,
       "?x4096, e2m1, group<32>, scale f8E8M0FNU, #qnt.rows<pad = 16>",
       {}},
  };
  for (const Layer &layer : layers)
    for (int64_t rows : layer.rows) {
      cuda::LinearShape shape{parse(library, layer.weight),
                              layer.input.empty() ? QTensorType()
                                                  : parse(library, layer.input),
                              layer.epilogue};
      std::string error = cuda::checkLinear(shape);
      if (!cuda::checkLinear(shape, library.chip).empty())
        continue;
      if (!error.empty()) {
        llvm::errs() << error << "\n";
        std::exit(1);
      }
      add(kernels, cuda::getLinearKernel(
                       library, shape,
                       cuda::chooseLinearTile(shape, library.chip, rows)));
    }
}

/// What limits a kernel's time.
static void printChip(const cuda::Chip &chip) {
  llvm::outs() << chip.name << ": " << chip.multiprocessors
               << " multiprocessors, " << chip.registers << " registers, "
               << int64_t(chip.bandwidth) << " bytes/s, "
               << int64_t(chip.halfOps) << " f16/s, " << int64_t(chip.int8Ops)
               << " int8/s\n";
}

/// Whether everything fits.
static bool report(const cuda::Assembled &assembled, const cuda::Chip &chip,
                   Kernels &kernels) {
  bool ok = assembled.kernels.size() == kernels.size();
  for (auto &[name, kernel] : kernels) {
    auto found = assembled.kernels.find(name);
    if (found == assembled.kernels.end()) {
      llvm::outs() << "missing: " << name << "\n";
      ok = false;
      continue;
    }
    const cuda::KernelResources &used = found->second;
    int64_t registers = llvm::alignTo(used.registers, 8) * kernel.threads;
    llvm::outs() << chip.name << " " << name << ": " << kernel.threads
                 << " threads, " << used.registers << " registers, "
                 << kernel.sharedBytes << " bytes shared, "
                 << used.spillStores + used.spillLoads << " bytes spilled"
                 << (used.isSerialized ? ", serialized" : "") << "\n";
    ok &= used.registers > 0 && !used.isSerialized &&
          used.spillStores + used.spillLoads == 0 &&
          registers <= chip.registers && kernel.sharedBytes <= chip.sharedBytes;
  }
  return ok;
}

static bool write(StringRef path, StringRef text) {
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  file << text;
  return !error;
}

int main(int argc, char **argv) {
  const cuda::Chip *chip = argc == 3 ? cuda::findChip(argv[1]) : nullptr;
  if (!chip)
    return 2;
  auto context = test::makeContext();
  OwningOpRef<ModuleOp> module =
      ModuleOp::create(UnknownLoc::get(context.get()));
  OpBuilder b = OpBuilder::atBlockBegin(module->getBody());
  auto code = gpu::GPUModuleOp::create(b, module->getLoc(), "kernels");
  cuda::KernelLibrary library(code, *chip);
  Kernels kernels;
  addRows(library, kernels);
  addLookups(library, kernels);
  addElementwise(library, kernels);
  addAttention(library, kernels);
  addLinears(library, kernels);
  if (failed(verify(*module)))
    return 1;
  std::string out = argv[2], error, ptx = cuda::emitPTX(code, *chip);
  if (ptx.empty() || !write(out + ".ptx", ptx))
    return 1;
  auto assembled = cuda::assemble(ptx, *chip, cuda::findAssembler(), error);
  if (failed(assembled)) {
    llvm::errs() << error << "\n";
    return 1;
  }
  if (!write(out + ".cubin", assembled->cubin))
    return 1;
  printChip(*chip);
  return !report(*assembled, *chip, kernels);
}
