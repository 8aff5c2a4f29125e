//===- Options.cpp - what the command line asks for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Pipelines/Options.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

#include <functional>

using namespace qnt;

namespace {

/// A key of a recipe: what it means, and how its value is taken.
struct Key {
  llvm::StringRef name, meaning;
  std::function<bool(QuantizeRecipe &, llvm::StringRef value)> set;
};

auto setString(std::string QuantizeOptions::*member) {
  return [member](QuantizeRecipe &recipe, llvm::StringRef value) {
    recipe.quantize.*member = value.str();
    return true;
  };
}

auto setNumber(int64_t QuantizeOptions::*member) {
  return [member](QuantizeRecipe &recipe, llvm::StringRef value) {
    return !value.getAsInteger(10, recipe.quantize.*member);
  };
}

bool isActivation(llvm::StringRef name) {
  return llvm::StringSwitch<bool>(name)
      .Cases({"none", "int4", "int5", "int6", "int7", "int8"}, true)
      .Cases({"uint4", "uint5", "uint6", "uint7", "uint8"}, true)
      .Default(false);
}

const std::vector<Key> &getKeys() {
  static const std::vector<Key> keys = {
      {"weights",
       "format of linear weights: int2..int8, uint2..uint8, e4m3, "
       "e2m1, nf4, bf16, ..., none",
       setString(&QuantizeOptions::weights)},
      {"group", "inputs that share a scale (multiple of 16; 0: all)",
       setNumber(&QuantizeOptions::group)},
      {"scale", "type of the scales: auto, f16, bf16, f32",
       setString(&QuantizeOptions::scale)},
      {"zero",
       "zero points for weights: true, false, or offset: f32 offsets in their "
       "place",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.quantize.weightsZero = value.str();
         return value == "true" || value == "false" || value == "offset";
       }},
      {"method",
       "how weights are quantised: rtn (nearest, absmax), mse (nearest, range "
       "of "
       "least error), hqq, gptq, awq (gptq and awq need calib=)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return recipe.setMethod(value);
       }},
      {"smooth",
       "channels rescaled first: none, smoothquant, awq, os+ (need calib=)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.smooth.method = value == "none" ? "" : value.str();
         return value == "none" || value == "smoothquant" || value == "awq" ||
                value == "os+";
       }},
      {"alpha", "of smooth=smoothquant: a number of 0 to 1, or search",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.smooth.alpha = value.str();
         double number;
         return value == "search" ||
                (!value.getAsDouble(number) && number >= 0 && number <= 1);
       }},
      {"rotate",
       "changes of basis: none, hadamard (those that help what is quantised), "
       "some of residual,values,keys,down, or made for outliers of "
       "activations: "
       "duquant, duquant++ (one rotation, of the weights' groups; need calib=)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return recipe.setRotations(value);
       }},
      {"rotate-block", "features that a rotation mixes (0: all)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return !value.getAsInteger(10, recipe.rotate.block);
       }},
      {"outliers",
       "input features of each layer, the largest, that stay in 16 bits with "
       "their weights (needs calib=)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.splitsOutliers = true;
         return !value.getAsInteger(10, recipe.split.channels) &&
                recipe.split.channels > 0;
       }},
      {"clip", "range of a block of weights: absmax, mse, output, hqq",
       setString(&QuantizeOptions::clip)},
      {"order",
       "inputs that gptq takes first: moment (the largest), model (as they "
       "come)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.quantize.actOrder = value == "moment";
         return value == "model" || value == "moment";
       }},
      {"bias",
       "keep, or correct: with what quantising weights takes from the means of "
       "outputs (needs calib)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.quantize.correctBiases = value == "correct";
         return value == "keep" || value == "correct";
       }},
      {"damp", "share of the mean moment that gptq adds to its diagonal",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return !value.getAsDouble(recipe.quantize.damp) &&
                recipe.quantize.damp >= 0;
       }},
      {"lowrank",
       "rank of what 16 bits add to quantised weights (0: nothing; with calib= "
       "weighed by second moments)",
       setNumber(&QuantizeOptions::lowRank)},
      {"activations",
       "int8 (signedness as the target multiplies fastest), int4 to int7, "
       "uint4 to uint8 (with zero points), none",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.quantize.activations = value == "int8" ? "auto" : value.str();
         if (value != "none")
           recipe.calibrate.format = value.str();
         return isActivation(value);
       }},
      {"per",
       "activations that share a scale: token (dynamic), tensor (static, "
       "needs calib=)",
       setString(&QuantizeOptions::per)},
      {"head", "format of the output head: a format, none, same",
       setString(&QuantizeOptions::head)},
      {"head-group", "inputs that share a scale in the head",
       setNumber(&QuantizeOptions::headGroup)},
      {"embedding", "format of embedding tables: int8, bf16, f16, none",
       setString(&QuantizeOptions::embedding)},
      {"floats", "storage of what is not quantised: f32, bf16",
       setString(&QuantizeOptions::floats)},
      {"keep", "parameters left alone: regular expressions, by commas",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         llvm::SmallVector<llvm::StringRef> parts;
         value.split(parts, ',', -1, /*KeepEmpty=*/false);
         for (llvm::StringRef part : parts)
           recipe.quantize.keep.push_back(part.str());
         return !parts.empty();
       }},
      {"kv", "what the KV cache holds: f16, f32, int8, int4",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.quantize.kv = value.str();
         return value == "f16" || value == "f32" || value == "int8" ||
                value == "int4";
       }},
      {"kv-keys",
       "scales of cached keys: token, channel (rescaled first; needs calib=)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.smooth.keys = value == "channel";
         return value == "token" || value == "channel";
       }},
      {"arithmetic",
       "between codes: float, integer (multiplications and shifts; needs "
       "per=tensor, or a model that is quantised already)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.integerArithmetic = value == "integer";
         return value == "float" || value == "integer";
       }},
      {"calib", "samples to calibrate on: .txt, .npy or .npz",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.calibrate.samples = value.str();
         return true;
       }},
      {"statistics",
       "what an earlier run left, in place of samples: MODEL.statistics.json",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.calibrate.statisticsFile = value.str();
         return value.ends_with(".statistics.json");
       }},
      {"samples", "how many samples to calibrate on",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return !value.getAsInteger(10, recipe.calibrate.count);
       }},
      {"seed", "seed of the choice of samples and of rotations",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         if (value.getAsInteger(10, recipe.calibrate.seed))
           return false;
         // 0 would be a matrix without signs.
         recipe.rotate.seed = recipe.calibrate.seed + 1;
         return true;
       }},
      {"sequential",
       "statistics of a block with those before it quantised, for gptq: true, "
       "false",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.calibrate.sequential = value == "true";
         return value == "true" || value == "false";
       }},
      {"spill",
       "megabytes of activations that calibration holds in memory; those "
       "beyond "
       "lie in a file",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return !value.getAsInteger(10, recipe.calibrate.spill) &&
                recipe.calibrate.spill >= 0;
       }},
      {"range", "static range of activations: minmax, percentile, mse, entropy",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.calibrate.range = value.str();
         return value == "minmax" || value == "percentile" || value == "mse" ||
                value == "entropy";
       }},
  };
  return keys;
}

std::string listKeys(const std::vector<Key> &keys) {
  std::string text;
  for (const Key &key : keys)
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

/// What keys say of each other's passes.
void QuantizeRecipe::complete() {
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

bool QuantizeRecipe::needsMoments() const {
  return quantize.rounding == "gptq" || quantize.clip == "output" ||
         (quantize.lowRank > 0 && hasSamples());
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
    auto key = llvm::find_if(getKeys(),
                             [&](const Key &key) { return key.name == name; });
    if (key == getKeys().end())
      return failure("--quantize: unknown key '" + name +
                     "', expected one of " + listKeys(getKeys()));
    if (!given.insert(name).second)
      return failure("--quantize: key '" + name + "' is given twice");
    if (value.empty() || !key->set(recipe, value))
      return failure("--quantize: bad value '" + value + "' of '" + name +
                     "': " + key->meaning);
  }
  recipe.integerArithmeticAlone = recipe.integerArithmetic && given.size() == 1;
  if (recipe.integerArithmeticAlone)
    return recipe;
  if (recipe.integerArithmetic && recipe.quantize.per != "tensor")
    return failure("--quantize: arithmetic=integer needs activations quantised "
                   "per tensor: per=tensor");
  if (recipe.needsMoments() && !recipe.hasSamples())
    return failure("--quantize: gptq, awq and clip=output need samples to find "
                   "second moments on: calib=FILE");
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
}

std::string QuantizeRecipe::help() {
  std::string text = "Quantisation recipe, key=value by spaces:\n";
  for (const Key &key : getKeys())
    text += "  " + key.name.str() + ": " + key.meaning.str() + "\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

/// The instruction set that code for a CPU of this name uses.
static const cpu::ISA *getISAForCPU(llvm::StringRef name) {
  if (name == "native")
    return &cpu::getNativeISA();
  return cpu::findISA(
      llvm::StringSwitch<llvm::StringRef>(name)
          .Cases({"znver4", "znver5", "icelake-server", "icelake-client",
                  "cascadelake", "sapphirerapids", "emeraldrapids",
                  "graniterapids"},
                 "avx512vnni")
          .Cases({"x86-64-v3", "haswell", "broadwell", "skylake", "alderlake",
                  "znver1", "znver2", "znver3"},
                 "avx2")
          .Cases({"x86-64", "x86-64-v2"}, "portable")
          .Default(name));
}

llvm::Expected<TargetOptions> TargetOptions::parse(llvm::StringRef text) {
  TargetOptions options;
  options.text = text.str();
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(text, words);
  if (words.empty() || words.front() != "cpu")
    return failure("--target: expected 'cpu' first, got '" + text + "'");
  for (llvm::StringRef word : llvm::drop_begin(words)) {
    auto [name, value] = word.split('=');
    if (name == "mcpu") {
      const cpu::ISA *isa = getISAForCPU(value);
      if (!isa)
        return failure("--target: unknown mcpu '" + value + "'");
      options.isas.push_back(isa);
      continue;
    }
    if (name == "isa") {
      if (value == "all") {
        for (const cpu::ISA &isa : cpu::getISAs())
          options.isas.push_back(&isa);
        continue;
      }
      llvm::SmallVector<llvm::StringRef> parts;
      value.split(parts, ',');
      for (llvm::StringRef part : parts) {
        const cpu::ISA *isa = cpu::findISA(part);
        if (!isa)
          return failure("--target: unknown isa '" + part +
                         "', expected avx512vnni, avx2, portable or all");
        options.isas.push_back(isa);
      }
      continue;
    }
    return failure("--target: unknown key '" + name +
                   "', expected mcpu or isa");
  }
  if (options.isas.empty())
    options.isas.push_back(&cpu::getNativeISA());
  // Best first, each once: they are entries of one table.
  llvm::sort(options.isas);
  options.isas.erase(llvm::unique(options.isas), options.isas.end());
  return options;
}

std::string TargetOptions::help() {
  return "Target: cpu [mcpu=native|znver4|x86-64-v3|...] "
         "[isa=avx512vnni,avx2,portable|all (several versions in one artifact, "
         "chosen at load)]";
}
