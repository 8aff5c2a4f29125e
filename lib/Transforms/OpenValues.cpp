//===- OpenValues.cpp - values with formats to choose -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "OpenValues.h"

#include "RetypeCaches.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ParamExpressions.h"

using namespace mlir;
using namespace qnt;

FailureOr<std::vector<OpenValue>>
qnt::findOpenInputs(ModuleOp module, ArrayRef<OpenWeight> weights,
                    ArrayRef<std::string> formats) {
  for (const std::string &format : formats)
    if (format != "none" &&
        !parseActivationFormat(format, module.getContext()).format)
      return module.emitError("qnt-allocate: activations '")
             << format << "': expected none, int4 to int8, or uint4 to uint8";
  std::map<StringRef, size_t> numbers;
  for (auto [number, weight] : llvm::enumerate(weights))
    numbers[weight.name] = number;
  std::map<std::string, OpenValue> found;
  for (const ActivationSite &site : collectActivationSites(module)) {
    std::string name = site.name + allocatedInputSuffix.str();
    for (Operation *layer : site.layers) {
      auto number = numbers.find(getParamName(layer->getOperand(1)));
      if (!isa<nn::LinearOp>(layer) || number == numbers.end())
        continue;
      OpenValue &input = found[name];
      input.name = name;
      input.formats.assign(formats.begin(), formats.end());
      // Several entry points may hold one layer.
      if (!llvm::is_contained(input.weights, number->second))
        input.weights.push_back(number->second);
    }
  }
  std::vector<OpenValue> inputs;
  for (auto &[name, input] : found)
    inputs.push_back(std::move(input));
  return inputs;
}

FailureOr<OpenValue> qnt::findOpenCache(ModuleOp module,
                                        ArrayRef<std::string> formats) {
  OpenValue cache;
  cache.name = allocatedCacheName.str();
  cache.formats.assign(formats.begin(), formats.end());
  nn::KVCacheType type = findCache(module);
  if (!type)
    return module.emitError("qnt-allocate: the model has no KV cache to choose "
                            "a format of");
  for (const std::string &format : formats) {
    auto retyped = getCacheType(type, format, [&] {
      return module.emitError("qnt-allocate: cache '") << format << "': ";
    });
    if (!retyped)
      return failure();
    cache.caches.push_back(retyped);
  }
  return cache;
}
