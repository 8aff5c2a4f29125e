//===- Rope.cpp - rotary settings of a configuration ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rope.h"

#include <cmath>

using namespace qnt;
using namespace qnt::huggingface;
using llvm::APFloat;

/// How much longer than trained sequences sharpen attention, by the formula of
/// section 3.4 of the YaRN paper with a weight (Peng et al. 2023).
static double getYarnAttention(double factor, double weight) {
  return factor <= 1 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0;
}

/// The factor on sines and cosines.
static double readYarnAttention(const Config &rope, double factor) {
  if (std::optional<double> given = rope.findNumber("attention_factor"))
    return *given;
  double weight = rope.number("mscale", 0),
         all = rope.number("mscale_all_dim", 0);
  if (weight != 0 && all != 0)
    return getYarnAttention(factor, weight) / getYarnAttention(factor, all);
  return getYarnAttention(factor, 1);
}

/// Null for plain rotary embedding.
static nn::RopeScalingAttr readScaling(const Config &rope, double theta,
                                       int64_t maxPositions,
                                       mlir::MLIRContext *context) {
  std::string kind = rope.text("rope_type", rope.text("type", "default"));
  if (kind == "default")
    return {};
  auto positive = [&](const char *key, double value) {
    if (!(value > 0))
      rope.fail("'" + std::string(key) + "' must be above 0");
    return value;
  };
  auto make = [&](nn::RopeScalingKind value, double factor, double low,
                  double high, int64_t original, double attention) {
    return nn::RopeScalingAttr::get(context, value, APFloat(factor),
                                    APFloat(low), APFloat(high), original,
                                    APFloat(attention));
  };
  if (kind != "linear" && kind != "llama3" && kind != "yarn")
    rope.fail("rotary scaling '" + kind +
              "' is not supported, expected default, linear, llama3 or yarn");

  double factor = positive("factor", rope.number("factor"));
  if (kind == "linear")
    return make(nn::RopeScalingKind::Linear, factor, 1, 1, maxPositions, 1);
  if (kind == "llama3") {
    double low = positive("low_freq_factor", rope.number("low_freq_factor"));
    double high = rope.number("high_freq_factor");
    if (high <= low)
      rope.fail("'high_freq_factor' must be above 'low_freq_factor'");
    return make(nn::RopeScalingKind::Llama3, factor, low, high,
                rope.size("original_max_position_embeddings"), 1);
  }
  if (!rope.flag("truncate", true))
    rope.fail("'truncate' is false, expected true: bounds that are not rounded "
              "are not supported");
  if (theta <= 1)
    rope.fail("expected a 'rope_theta' above 1 for yarn");
  double low = positive("beta_slow", rope.number("beta_slow", 1));
  double high = rope.number("beta_fast", 32);
  if (high <= low)
    rope.fail("'beta_fast' must be above 'beta_slow'");
  return make(nn::RopeScalingKind::Yarn, factor, low, high,
              rope.size("original_max_position_embeddings", maxPositions),
              readYarnAttention(rope, factor));
}

RopeSettings qnt::huggingface::readRope(const Config &config, int64_t headDim,
                                        int64_t maxPositions,
                                        double defaultTheta,
                                        mlir::MLIRContext *context) {
  RopeSettings settings;
  std::optional<Config> rope = config.findObject("rope_parameters");
  double theta = config.number("rope_theta", defaultTheta);
  double part = config.number("partial_rotary_factor", 1);
  if (rope) {
    // One set for each kind of layer, which no architecture here has.
    if (rope->has("full_attention") || rope->has("sliding_attention"))
      rope->fail("rotary settings by kind of layer are not supported");
    theta = rope->number("rope_theta", theta);
    part = rope->number("partial_rotary_factor", part);
  } else {
    rope = config.findObject("rope_scaling");
  }
  if (!(theta > 0))
    config.fail("'rope_theta' must be above 0");
  if (!(part > 0 && part <= 1))
    config.fail("'partial_rotary_factor' must be above 0 and at most 1");
  settings.theta = theta;
  settings.dim = static_cast<int64_t>(double(headDim) * part);
  if (settings.dim == 0 || settings.dim % 2 != 0)
    config.fail("expected an even number of rotated features, got " +
                std::to_string(settings.dim) + " of a head of " +
                std::to_string(headDim));
  if (rope)
    settings.scaling = readScaling(*rope, theta, maxPositions, context);
  return settings;
}
