//===- Pipelines.cpp - the order of passes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Pipelines/Pipelines.h"

#include "CPUCostModel.h"
#include "CompiledFunctionRunner.h"
#include "CompiledModelRunner.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Target/CPU/Passes.h"
#include "qnt/Target/CUDA/Passes.h"
#include "qnt/Target/Common/Passes.h"
#include "qnt/Target/FPGA/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace qnt;

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

void qnt::buildCanonicalPipeline(OpPassManager &pm) {
  pm.addPass(createNNChannelsLast());
  pm.addPass(createNNFold());
}

/// As the whole model will be. A block may have no cache to quantise.
static LogicalResult quantizeBlock(ModuleOp block, QuantizeOptions options) {
  auto main = block.lookupSymbol<func::FuncOp>("main");
  if (llvm::none_of(main.getArgumentTypes(), llvm::IsaPred<nn::KVCacheType>))
    options.kv = "same";
  PassManager pm(block.getContext());
  pm.addPass(createQuantize(options));
  pm.addPass(createCSEPass());
  return pm.run(block);
}

/// The choice of formats, for what qnt-quantize will do with them.
static void addAllocation(OpPassManager &pm, const QuantizeRecipe &recipe) {
  QuantizeOptions quantize = recipe.quantize;
  auto makeQuantize = [quantize](StringRef weights, bool simulate) {
    QuantizeOptions options = quantize;
    options.weights = weights.str();
    options.simulate = simulate;
    return createQuantize(options);
  };
  AllocateOptions allocate = recipe.allocate;
  // What is measured depends on all that the trials do, and on the samples that
  // moments are of.
  llvm::raw_string_ostream key(allocate.key);
  makeQuantize("none", /*simulate=*/true)->printAsTextualPipeline(key);
  key << " moments=" << recipe.calibrate.count << " "
      << recipe.calibrate.statisticsFile;
  pm.addPass(
      createAllocate(std::move(allocate), makeQuantize,
                     {std::make_shared<CPUCostModel>(cpu::getNativeISA()),
                      std::make_shared<CompiledModelRunner>(),
                      std::make_shared<CompiledFunctionRunner>()}));
}

void qnt::buildQuantizePipeline(OpPassManager &pm,
                                const QuantizeRecipe &recipe) {
  auto addCalibration = [&](const CalibrateOptions &options) {
    QuantizeOptions quantize = recipe.quantize;
    auto quantizeIt = [quantize](ModuleOp block) {
      return quantizeBlock(block, quantize);
    };
    pm.addPass(createCalibrate(options, std::make_shared<CompiledModelRunner>(
                                            quantizeIt, recipe.text)));
  };
  auto addStatistics = [&](const std::string &tensors, bool moments,
                           bool keys = false) {
    CalibrateOptions options = recipe.calibrate;
    options.statisticsFile = options.output = "";
    options.tensors = tensors;
    options.sequential = options.integers = false;
    // MODEL.before-smoothing.safetensors: MODEL.before-smoothing.calibration.
    if (!options.work.empty())
      options.work =
          StringRef(tensors).drop_back(StringRef("safetensors").size()).str() +
          "calibration";
    options.moments = moments;
    options.keys = keys;
    addCalibration(options);
  };
  buildCanonicalPipeline(pm);
  PropagateCodesOptions propagate;
  propagate.everywhere = recipe.integerArithmetic;
  if (recipe.integerArithmeticAlone) {
    pm.addPass(createPropagateCodes(propagate));
    pm.addPass(createIntegerArithmetic());
    pm.addPass(createCSEPass());
    return;
  }
  if (recipe.rotates() && !recipe.rotatesByStatistics()) {
    NNFoldOptions fold;
    fold.norms = true;
    pm.addPass(createNNFold(fold));
  }
  if (recipe.smooths()) {
    SmoothOptions smooth = recipe.smooth;
    if (smooth.method.empty())
      smooth.method = "none";
    addStatistics(recipe.smoothingTensors,
                  smooth.method != "none" && smooth.alpha == "search",
                  smooth.keys);
    pm.addPass(createSmooth(smooth));
    if (smooth.keys)
      pm.addPass(createNNFold());
  }
  if (recipe.rotatesByStatistics())
    addStatistics(recipe.rotationTensors, /*moments=*/true);
  if (recipe.rotates())
    pm.addPass(createRotate(recipe.rotate));
  if (recipe.splitsOutliers) {
    addStatistics(recipe.splittingTensors, /*moments=*/false);
    pm.addPass(createSplitOutliers(recipe.split));
  }
  if (recipe.quantize.per == "tensor" || recipe.needsChannels())
    addCalibration(recipe.calibrate);
  if (recipe.allocates())
    addAllocation(pm, recipe);
  if (recipe.integerArithmetic)
    pm.addPass(createNNDropCaches());
  pm.addPass(createQuantize(recipe.quantize));
  pm.addPass(createCSEPass());
  if (recipe.quantize.per != "tensor")
    return;
  pm.addPass(createPropagateCodes(propagate));
  if (recipe.integerArithmetic)
    pm.addPass(createIntegerArithmetic());
  pm.addPass(createCSEPass());
}

/// Of a target that chooses layouts by the pass `layouts`.
static void buildParamsPipeline(OpPassManager &pm,
                                std::unique_ptr<Pass> layouts,
                                llvm::StringRef params, bool isTemporary) {
  buildCanonicalPipeline(pm);
  // Of models that were quantised before they were imported.
  pm.addPass(createPropagateCodes());
  pm.addPass(createRoundOnce());
  pm.addPass(target::createFuseEpiloguesPass());
  pm.addPass(createCSEPass());
  pm.addPass(std::move(layouts));
  pm.addPass(createCSEPass());
  MaterializeParamsOptions materialize;
  materialize.output = params.str();
  materialize.temporary = isTemporary;
  pm.addPass(createMaterializeParams(materialize));
}

void qnt::buildCPUParamsPipeline(OpPassManager &pm, llvm::StringRef params,
                                 bool isTemporary) {
  buildParamsPipeline(pm, cpu::createChooseLayoutsPass(), params, isTemporary);
}

void qnt::buildCUDAParamsPipeline(OpPassManager &pm, llvm::StringRef params) {
  buildParamsPipeline(pm, cuda::createChooseLayoutsPass(), params,
                      /*isTemporary=*/false);
}

void qnt::buildCUDACodePipeline(OpPassManager &pm, llvm::StringRef chip) {
  cuda::ChooseStrategiesPassOptions strategies;
  strategies.chip = chip.str();
  pm.addPass(cuda::createChooseStrategiesPass(strategies));
  cuda::LowerToCUDAPassOptions lowering;
  lowering.chip = chip.str();
  pm.addPass(cuda::createLowerToCUDAPass(lowering));
}

void qnt::buildFPGAParamsPipeline(OpPassManager &pm, llvm::StringRef params,
                                  const TargetOptions &target) {
  if (!target.block.empty()) {
    fpga::ExtractBlockPassOptions extract;
    extract.block = target.block;
    extract.tokens = target.tokens;
    pm.addPass(fpga::createExtractBlockPass(extract));
  }
  MaterializeParamsOptions materialize;
  materialize.output = params.str();
  materialize.temporary = true;
  pm.addPass(createMaterializeParams(materialize));
}

void qnt::buildFPGADesignPipeline(OpPassManager &pm,
                                  const TargetOptions &target) {
  pm.addPass(fpga::createLowerToQFlowPass());
  OpPassManager &designs = pm.nest<qflow::DesignOp>();
  fpga::FoldPassOptions fold;
  fold.cycles = target.cycles;
  fold.part = target.part->name.str();
  fold.clock = target.clock;
  fold.lutShare = target.lutShare;
  fold.weights = target.weights;
  fold.port = target.port;
  designs.addPass(fpga::createFoldPass(fold));
  designs.addPass(fpga::createSizeFifosPass());
  designs.addPass(fpga::createLowerUnitsPass());
  if (!target.fifos.empty()) {
    fpga::SetFifosPassOptions fifos;
    fifos.file = target.fifos;
    designs.addPass(fpga::createSetFifosPass(fifos));
  }
}

void qnt::buildCPUCodePipeline(OpPassManager &pm, llvm::StringRef isa,
                               llvm::StringRef tiles) {
  cpu::ChooseStrategiesPassOptions strategies;
  strategies.isa = isa.str();
  strategies.tiles = tiles.str();
  pm.addPass(cpu::createChooseStrategiesPass(strategies));
  cpu::LowerToCPUPassOptions lowering;
  lowering.isa = isa.str();
  pm.addPass(cpu::createLowerToCPUPass(lowering));
  pm.addPass(cpu::createLowerKernelsToLLVMPass());
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

namespace {

struct QuantizePipelineOptions
    : public PassPipelineOptions<QuantizePipelineOptions> {
  Option<std::string> recipe{
      *this, "recipe",
      llvm::cl::desc("What to quantise how, as in quant-opt --quantize.")};
};

struct CPUParamsPipelineOptions
    : public PassPipelineOptions<CPUParamsPipelineOptions> {
  Option<std::string> params{
      *this, "params",
      llvm::cl::desc("The safetensors file to write parameters to.")};
};

struct CPUCodePipelineOptions
    : public PassPipelineOptions<CPUCodePipelineOptions> {
  Option<std::string> isa{
      *this, "isa",
      llvm::cl::desc("Instruction set: native, amx, avx512vnni, avxvnni, "
                     "avx2, portable; i8mm, dotprod or neon."),
      llvm::cl::init("native")};
};

struct CPUPipelineOptions : public PassPipelineOptions<CPUPipelineOptions> {
  Option<std::string> params{
      *this, "params",
      llvm::cl::desc("The safetensors file to write parameters to.")};
  Option<std::string> isa{
      *this, "isa",
      llvm::cl::desc("Instruction set: native, amx, avx512vnni, avxvnni, "
                     "avx2, portable; i8mm, dotprod or neon."),
      llvm::cl::init("native")};
};

} // namespace

void qnt::registerPipelines() {
  // A recipe is a language of its own, whose errors are the pipeline's.
  registerPassPipeline(
      "qnt-quantize-pipeline", "From a float model to a quantised one",
      [](OpPassManager &pm, StringRef text,
         function_ref<LogicalResult(const Twine &)> emitError)
          -> LogicalResult {
        QuantizePipelineOptions options;
        if (failed(options.parseFromString(text)))
          return failure();
        auto recipe = QuantizeRecipe::parse(options.recipe);
        if (!recipe)
          return emitError(llvm::toString(recipe.takeError()));
        buildQuantizePipeline(pm, *recipe);
        return success();
      },
      [](function_ref<void(const mlir::detail::PassOptions &)> describe) {
        describe(QuantizePipelineOptions());
      });
  PassPipelineRegistration<CPUParamsPipelineOptions>(
      "qnt-cpu-params-pipeline",
      "Fuse, choose layouts for the CPU, write the parameters",
      [](OpPassManager &pm, const CPUParamsPipelineOptions &options) {
        buildCPUParamsPipeline(pm, options.params);
      });
  PassPipelineRegistration<CPUCodePipelineOptions>(
      "qnt-cpu-code-pipeline",
      "From written parameters to the llvm dialect of one instruction set",
      [](OpPassManager &pm, const CPUCodePipelineOptions &options) {
        buildCPUCodePipeline(pm, options.isa);
      });
  PassPipelineRegistration<CPUPipelineOptions>(
      "qnt-cpu-pipeline", "From a model to the llvm dialect and its parameters",
      [](OpPassManager &pm, const CPUPipelineOptions &options) {
        buildCPUParamsPipeline(pm, options.params);
        buildCPUCodePipeline(pm, options.isa);
      });
}
