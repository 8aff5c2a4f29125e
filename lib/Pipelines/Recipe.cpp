//===- Recipe.cpp - what --quantize asks for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RecipeKeys.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace qnt;

namespace {

std::string listKeys(const std::vector<RecipeKey> &keys) {
  std::string text;
  for (const RecipeKey &key : keys)
    text += (text.empty() ? "" : ", ") + key.name.str();
  return text;
}

llvm::Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message.str());
}

} // namespace

bool QuantizeRecipe::setMethod(llvm::StringRef method) {
  if (method == "gptq") {
    quantize.rounding = "gptq";
    quantize.actOrder = true;
    quantize.clip = "mse";
  } else if (method == "hqq") {
    quantize.clip = "hqq";
    quantize.weightsZero = "offset";
  } else if (method == "mse") {
    quantize.clip = "mse";
  } else if (method == "awq") {
    quantize.clip = "output";
    smooth.method = "awq";
  } else if (method != "rtn") {
    return false;
  }
  return true;
}

bool QuantizeRecipe::setRotations(llvm::StringRef text) {
  bool isMade = text == "duquant" || text == "duquant++";
  rotatesAll = text == "hadamard" || isMade;
  if (isMade)
    rotate.kind = text.str();
  if (text == "none" || rotatesAll)
    return true;
  llvm::SmallVector<llvm::StringRef> places;
  text.split(places, ',');
  for (llvm::StringRef place : places) {
    bool RotateOptions::*member =
        llvm::StringSwitch<bool RotateOptions::*>(place)
            .Case("residual", &RotateOptions::residual)
            .Case("values", &RotateOptions::values)
            .Case("keys", &RotateOptions::keys)
            .Case("down", &RotateOptions::down)
            .Default(nullptr);
    if (!member)
      return false;
    rotate.*member = true;
  }
  return true;
}

bool QuantizeRecipe::rotates() const {
  return rotate.residual || rotate.values || rotate.keys || rotate.down;
}

/// Refuses what keys of allocation contradict; settles what they leave open.
llvm::Error QuantizeRecipe::completeAllocation(const llvm::StringSet<> &given) {
  if (!allocates()) {
    for (llvm::StringRef key :
         {"formats", "activation-formats", "kv-formats", "context",
          "sensitivity", "sensitivity-samples", "rounds", "pin"})
      if (given.contains(key))
        return failure("--quantize: " + key +
                       " is for bits=N, size=N, latency=N or bops=N, under "
                       "which formats are chosen");
    return llvm::Error::success();
  }
  if (!allocationFile.empty())
    return failure("--quantize: allocation with bits or size: formats are "
                   "chosen already");
  if (given.contains("weights"))
    return failure("--quantize: weights with bits or size, which choose among "
                   "formats: expected formats=A,B,... in its place");
  bool isOfErrors = allocate.metric == "output" || allocate.metric == "weight";
  bool hasThem = isOfErrors ? hasSamples() : !calibrate.samples.empty();
  if (allocate.metric != "weight" && !hasThem)
    return failure(
        "--quantize: sensitivity=" + allocate.metric +
        " needs samples: calib=FILE (sensitivity=weight needs none)");
  if (isOfErrors &&
      !(allocate.activationFormats.empty() && allocate.cacheFormats.empty()))
    return failure("--quantize: sensitivity=" + allocate.metric +
                   " measures weights alone: activation-formats and kv-formats "
                   "need loss, fisher or trace");
  if (given.contains("activation-formats") && allocate.latency == 0 &&
      allocate.bitOperations == 0)
    return failure("--quantize: activation-formats needs a budget that "
                   "activations take something of: latency=N or bops=N");
  if (given.contains("kv-formats") &&
      (allocate.bytes == 0 || allocate.context == 0))
    return failure("--quantize: kv-formats needs size=N, and context=N: how "
                   "many positions of the cache count");
  if (allocate.formats.empty())
    allocate.formats = {"int2", "int3", "int4", "int8"};
  // Of searches that come before the choice.
  quantize.weights = allocate.formats[allocate.formats.size() / 2];
  allocate.samples = calibrate.samples;
  allocate.seed = calibrate.seed;
  return llvm::Error::success();
}

/// What keys say of each other's passes.
void QuantizeRecipe::complete() {
  quantize.integers = calibrate.integers = integerArithmetic;
  rotate.fallback = "online";
  if (rotatesAll) {
    rotate.residual = rotate.values = true;
    rotate.keys = hasCodesInCache() && !smooth.keys;
    rotate.down = quantize.activations != "none";
  }
  if (rotate.kind == "duquant++" && rotate.block == 0)
    rotate.block = quantize.group;
  // Rotations as the model runs leave norms their scales.
  smooth.sites = rotate.residual && !rotatesByStatistics() ? "linear" : "all";
  split.keep = quantize.keep;
  split.heads = !llvm::is_contained({"none", "f16", "bf16", "f32"},
                                    quantize.head == "same" ? quantize.weights
                                                            : quantize.head);
  smooth.weights = quantize.weights;
  smooth.group = quantize.group;
  smooth.scale = quantize.scale;
  smooth.weightsZero = quantize.weightsZero;
  smooth.activations =
      quantize.activations == "auto" ? "int8" : quantize.activations;
}

bool QuantizeRecipe::hasSamples() const {
  return !calibrate.samples.empty() || !calibrate.statisticsFile.empty();
}

bool QuantizeRecipe::hasOutlierColumns() const {
  auto isOne = [](llvm::StringRef format) { return format.contains('+'); };
  return isOne(quantize.weights) || isOne(quantize.head) ||
         llvm::any_of(allocate.formats, isOne);
}

bool QuantizeRecipe::needsMoments() const {
  return quantize.rounding == "gptq" || quantize.clip == "output" ||
         hasOutlierColumns() ||
         (hasSamples() &&
          (allocates() || !allocationFile.empty() || quantize.lowRank > 0));
}

bool QuantizeRecipe::needsChannels() const {
  return needsMoments() || quantize.correctBiases;
}

llvm::Expected<QuantizeRecipe> QuantizeRecipe::parse(llvm::StringRef text) {
  QuantizeRecipe recipe;
  recipe.text = text.str();
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(text, words);
  // A method sets what other keys then change.
  std::stable_partition(words.begin(), words.end(), [](llvm::StringRef word) {
    return word.starts_with("method=");
  });
  llvm::StringSet<> given;
  for (llvm::StringRef word : words) {
    auto [name, value] = word.split('=');
    auto key = llvm::find_if(getRecipeKeys(), [&](const RecipeKey &key) {
      return key.name == name;
    });
    if (key == getRecipeKeys().end())
      return failure("--quantize: unknown key '" + name +
                     "', expected one of " + listKeys(getRecipeKeys()));
    if (!given.insert(name).second)
      return failure("--quantize: key '" + name + "' is given twice");
    if (value.empty() || !key->set(recipe, value))
      return failure("--quantize: bad value '" + value + "' of '" + name +
                     "': " + key->meaning);
  }
  recipe.integerArithmeticAlone = recipe.integerArithmetic && given.size() == 1;
  if (recipe.integerArithmeticAlone)
    return recipe;
  if (llvm::Error error = recipe.completeAllocation(given))
    return error;
  if (recipe.integerArithmetic && recipe.quantize.per != "tensor")
    return failure("--quantize: arithmetic=integer needs activations quantised "
                   "per tensor: per=tensor");
  if (recipe.needsMoments() && !recipe.hasSamples())
    return failure("--quantize: gptq, awq, clip=output and columns in 16 bits "
                   "(int3+16) need samples to find second moments on: "
                   "calib=FILE");
  if (recipe.hasOutlierColumns() && recipe.integerArithmetic)
    return failure("--quantize: columns in 16 bits (int3+16) with "
                   "arithmetic=integer: what they give is added in floats");
  if (recipe.hasOutlierColumns() && recipe.splitsOutliers)
    return failure("--quantize: columns in 16 bits (int3+16) with outliers=N, "
                   "which leaves such columns in every layer: expected one of "
                   "the two");
  if (recipe.quantize.correctBiases && recipe.quantize.lowRank)
    return failure(
        "--quantize: bias=correct with lowrank: the branch adds what "
        "the means lack already");
  if (recipe.quantize.correctBiases && !recipe.hasSamples())
    return failure("--quantize: bias=correct needs samples to find means on: "
                   "calib=FILE");
  if (recipe.quantize.correctBiases && recipe.quantize.weights == "none")
    return failure("--quantize: bias=correct without weights to quantise");
  if (recipe.calibrate.sequential &&
      (!recipe.needsMoments() || recipe.quantize.per == "tensor" ||
       recipe.calibrate.samples.empty()))
    return failure("--quantize: sequential=true needs second moments taken on "
                   "samples, and activations without static ranges: "
                   "method=gptq calib=FILE, without per=tensor");
  if (recipe.smooths() && recipe.calibrate.samples.empty())
    return failure("--quantize: " +
                   (recipe.smooth.keys ? "kv-keys=channel"
                                       : "smooth=" + recipe.smooth.method) +
                   " needs samples to find channels on: calib=FILE");
  if (recipe.smooth.keys && !recipe.hasCodesInCache())
    return failure("--quantize: kv-keys=channel is for caches of codes: "
                   "expected kv=int8 or kv=int4");
  if (recipe.smooth.keys && recipe.rotate.keys)
    return failure("--quantize: kv-keys=channel with rotate=keys: a rotation "
                   "mixes the channels that have scales");
  if (!recipe.smooth.method.empty() && recipe.quantize.weights == "none")
    return failure("--quantize: smooth=" + recipe.smooth.method +
                   " without weights: nothing would be quantised");
  if (recipe.smooth.alpha != "search" && recipe.smooth.method != "smoothquant")
    return failure("--quantize: alpha=" + recipe.smooth.alpha +
                   " is for smooth=smoothquant");
  if (recipe.rotate.block && !recipe.rotatesAll && !recipe.rotates())
    return failure("--quantize: rotate-block without rotate");
  if (recipe.rotatesByStatistics()) {
    const std::string &kind = recipe.rotate.kind;
    if (recipe.calibrate.samples.empty())
      return failure("--quantize: rotate=" + kind +
                     " needs samples to find outliers on: calib=FILE");
    if (recipe.quantize.activations == "none")
      return failure("--quantize: rotate=" + kind +
                     " without activations: rotates them as the model runs, "
                     "for their own sake; rotate=hadamard is for weights");
    if (kind == "duquant++" && !recipe.rotate.block && !recipe.quantize.group)
      return failure("--quantize: rotate=duquant++ rotates numbers that share "
                     "a scale: expected group=N or rotate-block=N");
  }
  if (recipe.quantize.lowRank && recipe.integerArithmetic)
    return failure("--quantize: lowrank with arithmetic=integer: the branch is "
                   "computed in floats");
  if (recipe.splitsOutliers) {
    if (recipe.calibrate.samples.empty())
      return failure("--quantize: outliers needs samples to find them on: "
                     "calib=FILE");
    if (recipe.quantize.weights == "none")
      return failure("--quantize: outliers without weights: nothing would be "
                     "quantised that they stand out of");
    if (recipe.integerArithmetic)
      return failure("--quantize: outliers with arithmetic=integer: what they "
                     "give is added in floats");
    const RotateOptions &rotate = recipe.rotate;
    if (recipe.rotatesAll || rotate.residual || rotate.values || rotate.down)
      return failure(
          "--quantize: outliers with rotate: a rotation spreads them "
          "over all features; expected one of the two, or "
          "rotate=keys");
  }
  recipe.complete();
  if (recipe.quantize.per == "tensor" && !recipe.hasSamples())
    return failure("--quantize: per=tensor needs samples to calibrate on: "
                   "calib=FILE");
  return recipe;
}

void QuantizeRecipe::keepStatisticsBeside(llvm::StringRef output) {
  llvm::StringRef stem = output.substr(0, output.rfind('.'));
  calibrate.work = (stem + ".calibration").str();
  if (allocates())
    allocate.cache = (stem + ".sensitivity.json").str();
  if (smooths())
    smoothingTensors = (stem + ".before-smoothing.safetensors").str();
  if (rotatesByStatistics())
    rotationTensors = (stem + ".before-rotation.safetensors").str();
  if (splitsOutliers)
    splittingTensors = (stem + ".before-splitting.safetensors").str();
  if (!needsChannels())
    return;
  if (calibrate.statisticsFile.empty())
    calibrate.output = (stem + ".statistics.json").str();
  else
    stem = llvm::StringRef(calibrate.statisticsFile)
               .drop_back(llvm::StringRef(".statistics.json").size());
  calibrate.tensors = (stem + ".statistics.safetensors").str();
  calibrate.moments = needsMoments();
  allocate.statistics = calibrate.statisticsFile.empty()
                            ? calibrate.output
                            : calibrate.statisticsFile;
}

std::string QuantizeRecipe::help() {
  std::string text = "Quantisation recipe, key=value by spaces:\n";
  for (const RecipeKey &key : getRecipeKeys())
    text += "  " + key.name.str() + ": " + key.meaning.str() + "\n";
  return text;
}
