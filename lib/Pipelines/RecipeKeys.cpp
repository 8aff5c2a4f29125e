//===- RecipeKeys.cpp - the keys of --quantize -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RecipeKeys.h"

#include "ByteSize.h"

#include "qnt/Transforms/Passes.h"

#include "llvm/ADT/StringSwitch.h"

using namespace qnt;

namespace {

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

/// Words by commas, one at least.
template <typename ListT> bool parseList(llvm::StringRef text, ListT &list) {
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts)
    list.push_back(part.str());
  return !parts.empty();
}

/// A number above 0 with `unit` behind it.
auto setBudget(double AllocateOptions::*member, llvm::StringRef unit) {
  return [=](QuantizeRecipe &recipe, llvm::StringRef value) {
    double &budget = recipe.allocate.*member;
    return value.consume_back(unit) && !value.getAsDouble(budget) && budget > 0;
  };
}

bool isActivation(llvm::StringRef name) {
  return llvm::StringSwitch<bool>(name)
      .Cases({"none", "int4", "int5", "int6", "int7", "int8"}, true)
      .Cases({"uint4", "uint5", "uint6", "uint7", "uint8"}, true)
      .Default(false);
}

bool isFloatActivation(llvm::StringRef name) {
  return llvm::is_contained({"e4m3", "e5m2", "nvfp4", "mxfp4"}, name);
}

bool isCacheFormat(llvm::StringRef name) {
  return llvm::is_contained({"f16", "f32", "int8", "int4"}, name);
}

} // namespace

const std::vector<RecipeKey> &qnt::getRecipeKeys() {
  static const std::vector<RecipeKey> keys = {
      {"weights",
       "format of linear weights: int2..int8, uint2..uint8, e4m3, "
       "e2m1, nf4, bf16, ..., none; int3+16: but for the columns of 16 inputs, "
       "in bf16 (needs calib=)",
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
       "of least error), hqq, gptq, awq (gptq and awq need calib=)",
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
       "activations: duquant, duquant++ (one rotation, of the weights' groups; "
       "need calib=)",
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
      {"bits",
       "average bits of a weight, scales included: formats are chosen weight "
       "by weight (needs calib=)",
       setBudget(&AllocateOptions::bits, "")},
      {"size",
       "of all parameters, such as 12MB: formats are chosen weight by weight "
       "(needs calib=)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return parseSize(value, recipe.allocate.bytes);
       }},
      {"latency",
       "of all linear layers for one token on this machine, such as 4ms: "
       "formats are chosen weight by weight (needs calib=)",
       setBudget(&AllocateOptions::latency, "ms")},
      {"bops",
       "of all layers for one token or image, products times the bits of both "
       "factors, such as 2.5G: formats are chosen tensor by tensor (needs "
       "calib=)",
       setBudget(&AllocateOptions::bitOperations, "G")},
      {"formats",
       "what weights choose among under bits=, size=, latency= and bops=: a "
       "list by commas, such as int2,int3,int3+16,int8",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return parseList(value, recipe.allocate.formats);
       }},
      {"activation-formats",
       "what the inputs of linear layers choose among under latency= and "
       "bops=: a list by commas of none, int4 to int8, uint4 to uint8",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return parseList(value, recipe.allocate.activationFormats) &&
                llvm::all_of(recipe.allocate.activationFormats, isActivation);
       }},
      {"kv-formats",
       "what the KV cache chooses among under size=: a list by commas of f16, "
       "f32, int8, int4 (needs context=)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return parseList(value, recipe.allocate.cacheFormats) &&
                llvm::all_of(recipe.allocate.cacheFormats, isCacheFormat);
       }},
      {"context", "positions of the KV cache that size= counts",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return !value.getAsInteger(10, recipe.allocate.context) &&
                recipe.allocate.context > 0;
       }},
      {"sensitivity",
       "how these measure what weights lose: loss (of the model's "
       "results), fisher, trace (by gradients), output (of layers' outputs), "
       "weight",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.allocate.metric = value.str();
         return llvm::is_contained(getSensitivityNames(), value);
       }},
      {"sensitivity-samples",
       "how many samples sensitivity=loss, fisher and trace run",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return !value.getAsInteger(10, recipe.allocate.count) &&
                recipe.allocate.count > 0;
       }},
      {"rounds",
       "how often at most a sensitivity that runs the model measures around "
       "what it has chosen, to choose better (where losses do not add up: 4)",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return !value.getAsInteger(10, recipe.allocate.rounds) &&
                recipe.allocate.rounds >= 0;
       }},
      {"pin", "weights that have a format: REGEX=FORMAT, by commas",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         return parseList(value, recipe.allocate.pins);
       }},
      {"allocation",
       "formats of weights that were chosen before: a file of --report",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.allocationFile = value.str();
         return value.ends_with(".json");
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
       "uint4 to uint8 (with zero points), e4m3, e5m2, nvfp4, mxfp4 (beside "
       "weights of small floats), none",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.quantize.activations = value == "int8" ? "auto" : value.str();
         // Those of groups have no static ranges.
         if (value != "none" && value != "nvfp4" && value != "mxfp4")
           recipe.calibrate.format = value.str();
         return isActivation(value) || isFloatActivation(value);
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
         return parseList(value, recipe.quantize.keep);
       }},
      {"kv", "what the KV cache holds: f16, f32, int8, int4",
       [](QuantizeRecipe &recipe, llvm::StringRef value) {
         recipe.quantize.kv = value.str();
         return isCacheFormat(value);
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
       "beyond lie in a file",
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
