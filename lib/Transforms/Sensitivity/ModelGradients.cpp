//===- ModelGradients.cpp - gradients of a model on samples -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelGradients.h"

#include "qnt/Analysis/ModelParts.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Regex.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using support::NpyArray;
using support::NpyType;

/// Of the function that nn-gradient adds.
static constexpr StringLiteral functionName = "gradient";

template <typename T>
static MutableArrayRef<T> allocate(NpyArray &array, NpyType type,
                                   std::vector<int64_t> shape) {
  array.type = type;
  array.shape = std::move(shape);
  array.bytes.resize(llvm::product_of(array.shape) * sizeof(T));
  return {reinterpret_cast<T *>(array.bytes.data()),
          size_t(array.numElements())};
}

std::vector<std::vector<size_t>>
qnt::cutIntoParts(const SensitivityTask &task,
                  function_ref<bool(const OpenWeight &)> isKnown) {
  std::vector<std::vector<size_t>> parts;
  int64_t elements = 0;
  for (auto [number, weight] : llvm::enumerate(task.weights)) {
    if (isKnown(weight))
      continue;
    elements += weight.getSize();
    if (parts.empty() || elements > task.elements) {
      parts.emplace_back();
      elements = weight.getSize();
    }
    parts.back().push_back(number);
  }
  return parts;
}

ModelGradients::ModelGradients(const SensitivityTask &task, GradientDraw draw,
                               int64_t draws, int64_t parts)
    : task(task), module(task.module), draw(draw), draws(draws),
      kind(findResultKind(module)),
      isOfTokens(draw == GradientDraw::Labels && isLanguageModel(module)),
      progress("sensitivity", task.samples.count * draws * parts) {}

/// Reads the samples, and what the model makes of them where draws need that.
LogicalResult ModelGradients::start() {
  if (std::exchange(isStarted, true))
    return success();
  auto read = task.services.functionRunner->readSamples(module, task.samples,
                                                        {std::string("label")});
  if (failed(read))
    return failure();
  samples = std::move(*read);
  if (samples.empty())
    return task.error() << "'" << task.samples.path << "' holds no samples";
  if (isOfTokens)
    return success();
  OwningOpRef<ModuleOp> copy(module.clone());
  if (kind == ResultKind::Logits)
    dropFinalSoftmax(*copy);
  return runForResults(
      *task.services.modelRunner, *copy, task.samples, {},
      [&](ArrayRef<float> row) { llvm::append_range(results, row); });
}

/// The result of `function` that is the gradient of each weight of the part: of
/// several expressions on one parameter, the one that is quantised.
static LogicalResult findNames(const SensitivityTask &task,
                               ArrayRef<size_t> part, func::FuncOp function,
                               std::vector<std::string> &names) {
  for (size_t number : part) {
    const OpenWeight &weight = task.weights[number];
    std::vector<std::string> found;
    for (unsigned i = 0; i < function.getNumResults(); ++i) {
      StringRef name =
          function.getResultAttrOfType<StringAttr>(i, "qnt.name").getValue();
      StringRef rest = name;
      int64_t suffix;
      bool isOf = rest.consume_front(weight.name) &&
                  (rest.empty() ||
                   (rest.consume_front(".") && !rest.getAsInteger(10, suffix)));
      auto type = cast<RankedTensorType>(function.getResultTypes()[i]);
      if (isOf && type.getShape() == weight.getShape())
        found.push_back(name.str());
    }
    if (found.size() != 1)
      return task.error() << "expected one weight of the model to be '"
                          << weight.name << "' as it is quantised, found "
                          << found.size();
    names.push_back(found.front());
  }
  return success();
}

FailureOr<std::unique_ptr<LoadedFunction>>
ModelGradients::load(ArrayRef<size_t> part, std::vector<std::string> &names) {
  OwningOpRef<ModuleOp> copy(module.clone());
  if (kind == ResultKind::Logits)
    dropFinalSoftmax(*copy);
  NNGradientOptions options;
  if (func::FuncOp entry = findSampleEntry(*copy))
    options.entry = entry.getName().str();
  for (size_t number : part)
    options.wrt.push_back("^" + llvm::Regex::escape(task.weights[number].name) +
                          "$");
  options.loss = isOfTokens ? "cross_entropy" : "cotangent";
  // An embedding that shares a head's table keeps it.
  options.layersOnly = true;
  options.alone = true;
  options.name = functionName.str();
  PassManager pm(module.getContext());
  pm.addPass(createNNGradient(options));
  if (failed(pm.run(*copy)) ||
      failed(findNames(task, part,
                       copy->lookupSymbol<func::FuncOp>(functionName), names)))
    return failure();
  return task.services.functionRunner->load(*copy, functionName);
}

/// Of what the model returned for a sample.
FailureOr<std::vector<int64_t>>
ModelGradients::getResultShape(const LoadedFunction &function,
                               const NamedTensors &sample) {
  std::vector<int64_t> shape = function.getShape("cotangent", sample);
  auto unknown = llvm::find(shape, 0);
  if (unknown == shape.end())
    return shape;
  // Where its inputs do not say it, it is the same for all.
  *unknown = 1;
  int64_t others = llvm::product_of(shape) * int64_t(samples.size());
  if (others == 0 || int64_t(results.size()) % others)
    return task.error() << "cannot tell how many rows of results a sample has";
  *unknown = int64_t(results.size()) / others;
  return shape;
}

FailureOr<double> ModelGradients::setTarget(const LoadedFunction &function,
                                            size_t sample, int64_t draw,
                                            ArrayRef<float> &own) {
  NamedTensors &tensors = samples[sample];
  if (isOfTokens) {
    auto tokens = tensors.find("tokens");
    if (tokens == tensors.end())
      return task.error() << "metric=fisher: the model has no input 'tokens', "
                             "the next of which are what it is to expect";
    std::vector<int64_t> shape = tokens->second.shape;
    std::vector<int64_t> ids = tokens->second.toInts();
    auto target = allocate<int32_t>(tensors["target"], NpyType::I32, shape);
    int64_t length = shape.empty() ? 0 : shape.back(), rows = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      bool isLast = int64_t(i) % length == length - 1;
      target[i] = isLast ? -1 : int32_t(ids[i + 1]);
      rows += !isLast;
    }
    return double(rows);
  }
  auto shape = getResultShape(function, tensors);
  if (failed(shape))
    return failure();
  auto cotangents = allocate<float>(tensors["cotangent"], NpyType::F32, *shape);
  if (cotangents.size() > own.size())
    return task.error() << "the model returned fewer rows than expected";
  // As nn-gradient has it, a tensor with rows.
  int64_t features = tensors["cotangent"].shape.back();
  int64_t rows = int64_t(cotangents.size()) / features;
  std::vector<int64_t> labels;
  auto label = tensors.find("label");
  if (label != tensors.end() && kind == ResultKind::Logits) {
    auto refuse = [&]() -> InFlightDiagnostic {
      return task.error() << "'" << task.samples.path << "': array 'label': ";
    };
    StringRef type = support::name(label->second.type);
    if (type.starts_with("f"))
      return refuse() << "expected integers, got " << type;
    labels = label->second.toInts();
    if (int64_t(labels.size()) != rows)
      return refuse() << "expected a label for each row of results";
    for (int64_t each : labels)
      if (each < 0 || each >= features)
        return refuse() << "expected labels of 0 and more, below " << features
                        << ", got " << each;
  }
  CotangentDraws(task.samples.seed, sample, draw)
      .fill(own.take_front(cotangents.size()), features, kind, this->draw,
            labels, cotangents);
  // Other draws of this sample take the same.
  if (draw + 1 == draws)
    own = own.drop_front(cotangents.size());
  return double(rows);
}

FailureOr<double> ModelGradients::run(ArrayRef<size_t> part, Visit visit) {
  std::vector<std::string> names;
  auto function = load(part, names);
  if (failed(function) || failed(start()))
    return failure();
  NamedTensors gradients;
  ArrayRef<float> own = results;
  double count = 0;
  for (size_t sample = 0; sample < samples.size(); ++sample)
    for (int64_t each = 0; each < draws; ++each) {
      auto rows = setTarget(**function, sample, each, own);
      if (failed(rows) || failed((*function)->call(samples[sample], gradients)))
        return failure();
      count += *rows;
      for (auto [place, name] : llvm::enumerate(names)) {
        NpyArray &gradient = gradients[name];
        auto *numbers = reinterpret_cast<float *>(gradient.bytes.data());
        MutableArrayRef<float> all(numbers, gradient.numElements());
        bool isFinite = true;
        for (float &number : all) {
          // A cross entropy is a mean over rows.
          if (isOfTokens)
            number *= float(*rows);
          isFinite &= std::isfinite(number);
        }
        if (!isFinite)
          return task.error()
                 << "the gradient of '" << name << "' is not finite";
        visit(place, all);
      }
      progress.advance();
    }
  if (count == 0)
    return task.error() << "'" << task.samples.path
                        << "' holds no token that another one follows";
  return count;
}
