//===- FormatTrials.cpp - a model in other formats -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FormatTrials.h"

#include "Blas.h"
#include "ConvPatches.h"
#include "OutlierColumns.h"
#include "ParamEvaluator.h"
#include "StatisticsTensors.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ParamExpressions.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace qnt;

FailureOr<OwningOpRef<ModuleOp>>
FormatTrials::quantize(StringRef weights, bool simulate,
                       DictionaryAttr allocation) {
  OwningOpRef<ModuleOp> copy(module.clone());
  if (allocation)
    (*copy)->setAttr(allocationAttr, allocation);
  else
    (*copy)->removeAttr(allocationAttr);
  // What it warns of, the one that counts will.
  ScopedDiagnosticHandler quiet(
      module.getContext(), [](Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() != DiagnosticSeverity::Error);
      });
  PassManager pm(module.getContext());
  pm.addPass(makeQuantize(weights, simulate));
  if (failed(pm.run(*copy)))
    return failure();
  return copy;
}

static double countBits(Type type) {
  if (auto codes = dyn_cast<QTensorType>(type))
    return codes.getBitsPerElement() *
           double(llvm::product_of(codes.getShape()));
  auto tensor = cast<RankedTensorType>(type);
  return double(tensor.getNumElements()) * tensor.getElementTypeBitWidth();
}

/// Of all parameters.
static double countBits(ModuleOp module) {
  double bits = 0;
  for (const ParamRoot &root : collectParamRoots(module))
    bits += countBits(root.front().getType());
  return bits;
}

/// With one row of input; of convolutions, with all positions of one image that
/// are known.
static QuantizedContraction describeLayer(Operation *op) {
  QuantizedContraction layer;
  layer.weight = cast<QTensorType>(op->getOperand(1).getType());
  layer.shape.weight = llvm::to_vector<4>(layer.weight.getShape());
  if (auto input = dyn_cast<QTensorType>(op->getOperand(0).getType()))
    layer.activation = {input.getFormat(), input.hasZeros(),
                        input.getBlock().getKind() == BlockKind::PerTensor};
  if (auto conv = dyn_cast<ConvOp>(op)) {
    layer.shape.groups = conv.getGroups();
    for (int64_t size : cast<ShapedType>(conv.getType()).getShape().slice(1, 2))
      layer.shape.rows *= ShapedType::isDynamic(size) ? 1 : size;
  }
  return layer;
}

/// By the parameters of their weights, the layers on them: several where a part
/// of a weight is computed with apart. Of a parameter that several functions
/// have, those of the first.
static std::map<std::string, SmallVector<Operation *>>
collectLayers(ModuleOp module) {
  std::map<std::string, SmallVector<Operation *>> layers;
  module.walk([&](Operation *op) {
    if (!isa<LinearOp, ConvOp>(op))
      return;
    auto &known = layers[getParamName(op->getOperand(1)).str()];
    auto getFunction = [](Operation *layer) {
      return layer->getParentOfType<func::FuncOp>();
    };
    bool isAnother =
        known.empty() ||
        (getFunction(op) == getFunction(known.front()) &&
         llvm::none_of(known, [&](Operation *layer) {
           return layer->getOperand(1).getType() == op->getOperand(1).getType();
         }));
    if (isAnother)
      known.push_back(op);
  });
  return layers;
}

/// The one on the whole weight: what is apart is narrower.
static Operation *findMain(ArrayRef<Operation *> layers) {
  auto getSize = [](Operation *layer) {
    return llvm::product_of(
        cast<QTensorType>(layer->getOperand(1).getType()).getShape());
  };
  return *llvm::max_element(layers, [&](Operation *a, Operation *b) {
    return getSize(a) < getSize(b);
  });
}

FailureOr<OpenWeights>
FormatTrials::findOpenWeights(ArrayRef<std::string> formats) {
  std::map<std::string, OpenWeight> found;
  double bits = 0;
  for (const std::string &format : formats) {
    auto copy = quantize(format, /*simulate=*/false, {});
    if (failed(copy))
      return failure();
    if (found.empty())
      bits = countBits(**copy);
    for (const auto &[name, layers] : collectLayers(**copy)) {
      OpenWeight &entry = found[name];
      entry.name = name;
      Operation *main = findMain(layers);
      entry.layer = getLocationName(main->getLoc()).str();
      LayerParts &described = entry.layers.emplace_back();
      described.push_back(describeLayer(main));
      for (Operation *layer : layers)
        if (layer != main)
          described.push_back(describeLayer(layer));
    }
  }
  OpenWeights open;
  for (auto &[name, weight] : found) {
    const auto &front = weight.layers.front();
    bool isFixed = llvm::all_of(weight.layers, [&](const auto &layers) {
      return llvm::equal(layers, front, [](const auto &a, const auto &b) {
        return a.weight == b.weight;
      });
    });
    if (name.empty() || isFixed) {
      llvm::append_range(open.fixedLayers, front);
      continue;
    }
    for (const QuantizedContraction &layer : front)
      bits -= countBits(layer.weight);
    open.weights.push_back(std::move(weight));
  }
  open.fixedBytes = bits / 8;
  return open;
}

FailureOr<OwningOpRef<ModuleOp>>
FormatTrials::simulate(const std::map<std::string, std::string> &formats) {
  Builder builder(module.getContext());
  NamedAttrList allocation;
  for (const auto &[name, format] : formats)
    allocation.set(name, builder.getStringAttr(format));
  return quantize("none", /*simulate=*/true,
                  allocation.getDictionary(module.getContext()));
}

/// The sum over rows [rows, size] of r M r^T, M [size, size] being symmetric.
static double weigh(ArrayRef<float> values, int64_t rows,
                    ArrayRef<float> moment, int64_t size) {
  useOneBlasThread();
  std::vector<float> products(values.size());
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, size, size, 1,
              values.data(), size, moment.data(), size, 0, products.data(),
              size);
  double sum = 0;
  for (auto [value, product] : llvm::zip_equal(values, products))
    sum += double(value) * product;
  return sum;
}

static WeightError compare(ArrayRef<float> own, ArrayRef<float> decoded,
                           ArrayRef<float> moments, int64_t groups,
                           int64_t rows) {
  std::vector<float> error(own.size());
  double square = 0, lost = 0;
  for (auto [e, a, b] : llvm::zip_equal(error, own, decoded)) {
    e = b - a;
    square += double(a) * a;
    lost += double(e) * e;
  }
  WeightError result;
  result.square = lost;
  result.relative = square > 0 ? lost / square : 0;
  if (moments.empty())
    return result;
  int64_t size = int64_t(own.size()) / rows, part = rows / groups;
  double outputs = 0, missed = 0;
  for (int64_t g = 0; g < groups; ++g) {
    ArrayRef<float> moment = moments.slice(g * size * size, size * size);
    outputs +=
        weigh(own.slice(g * part * size, part * size), part, moment, size);
    missed += weigh(ArrayRef(error).slice(g * part * size, part * size), part,
                    moment, size);
  }
  result.output = outputs > 0 ? std::max(missed / outputs, 0.0) : 0;
  return result;
}

/// A weight in a format, and what computes with it.
struct FormatTrials::Decoded {
  size_t place;
  Operation *layer;
  const ActivationSite &site;
  std::vector<float> own, decoded;
  /// Null without statistics.
  const params::ParamStore *statistics;

  WeightError getError() const;
};

WeightError FormatTrials::Decoded::getError() const {
  auto conv = dyn_cast<nn::ConvOp>(layer);
  std::string name =
      getSecondMomentName(conv ? getPatchesName(site, layer) : site.name);
  std::vector<float> moment;
  if (statistics && statistics->find(name)) {
    const params::TensorView &view = statistics->get(name);
    moment.resize(view.numElements());
    params::toFloat(view, 0, moment);
  }
  auto type = cast<RankedTensorType>(layer->getOperand(1).getType());
  return compare(own, decoded, moment, conv ? conv.getGroups() : 1,
                 type.getDimSize(0));
}

FailureOr<std::vector<WeightError>>
FormatTrials::getErrors(ArrayRef<OpenWeight> weights, StringRef format) {
  std::vector<WeightError> errors(weights.size());
  auto visit = [&](const Decoded &weight) {
    errors[weight.place] = weight.getError();
  };
  if (failed(decode(weights, format, visit)))
    return failure();
  return errors;
}

LogicalResult FormatTrials::visitDecoded(
    ArrayRef<OpenWeight> weights, StringRef format,
    function_ref<void(size_t, ArrayRef<float>, ArrayRef<float>)> visit) {
  return decode(weights, format, [&](const Decoded &weight) {
    visit(weight.place, weight.own, weight.decoded);
  });
}

LogicalResult FormatTrials::decode(ArrayRef<OpenWeight> weights,
                                   StringRef format,
                                   function_ref<void(const Decoded &)> visit) {
  std::map<std::string, std::string> formats;
  std::map<StringRef, size_t> numbers;
  for (auto [number, weight] : llvm::enumerate(weights)) {
    formats[weight.name] = format.str();
    numbers[weight.name] = number;
  }
  auto copy = simulate(formats);
  if (failed(copy))
    return failure();
  auto params = (**copy)->getAttrOfType<StringAttr>("qnt.params");
  if (!params)
    return module.emitError("qnt-allocate: the module has no qnt.params to "
                            "load weights from");
  auto store = params::ParamStore::open(params.str());
  std::shared_ptr<params::ParamStore> statistics;
  if (auto file = (**copy)->getAttrOfType<StringAttr>("qnt.statistics"))
    statistics = openStatisticsTensors(file.str());
  ParamEvaluator evaluator(*store, statistics.get());
  std::vector<bool> isDone(weights.size());
  for (const ActivationSite &site : collectActivationSites(**copy))
    for (Operation *layer : site.layers) {
      auto found = numbers.find(getParamName(layer->getOperand(1)));
      if (found == numbers.end() || isDone[found->second])
        continue;
      Value decoded = layer->getOperand(1);
      Value own = getSimulatedWeight(decoded);
      if (!own)
        return layer->emitError("qnt-allocate: '")
               << weights[found->second].name << "' was not simulated in "
               << format;
      evaluator.check(own);
      RowRange rows{0, cast<RankedTensorType>(own.getType()).getDimSize(0)};
      visit({found->second, layer, site, evaluator.evaluateFloat(own, rows),
             evaluator.evaluateFloat(decoded, rows), statistics.get()});
      isDone[found->second] = true;
    }
  for (auto [weight, done] : llvm::zip_equal(weights, isDone))
    if (!done)
      return module.emitError("qnt-allocate: no layer at a site of activations "
                              "takes '")
             << weight.name << "'; name it in keep";
  return success();
}
