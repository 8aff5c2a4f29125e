//===- Samples.cpp - what a model is run on -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Samples.h"

#include "qnt/Tokenize/Tokenizer.h"

#include "llvm/Support/MemoryBuffer.h"

#include <numeric>
#include <random>

using namespace mlir;
using namespace qnt;

/// `count` of `total` indices, chosen with the seed and in order.
static std::vector<int64_t> choose(int64_t total, const SampleSet &set) {
  std::vector<int64_t> all(total);
  std::iota(all.begin(), all.end(), 0);
  std::mt19937_64 random(set.seed);
  for (int64_t i = total - 1; i > 0; --i)
    std::swap(all[i], all[random() % (i + 1)]);
  all.resize(std::min(total, set.count));
  llvm::sort(all);
  return all;
}

std::string qnt::getInputName(func::FuncOp entry, unsigned argument) {
  auto name = entry.getArgAttrOfType<StringAttr>(argument, "qnt.name");
  return name ? name.str() : "input" + std::to_string(argument);
}

/// "f32", "u8": as numpy's types are called here.
static std::string typeOf(func::FuncOp entry, unsigned argument) {
  Type element = getElementTypeOrSelf(entry.getArgumentTypes()[argument]);
  if (auto dtype = entry.getArgAttrOfType<StringAttr>(argument, "qnt.dtype"))
    return dtype.str();
  unsigned bits = element.getIntOrFloatBitWidth();
  if (bits == 1)
    return "bool";
  return (element.isBF16()          ? "bf"
          : isa<FloatType>(element) ? "f"
                                    : "i") +
         std::to_string(bits);
}

static std::unique_ptr<tokenize::Tokenizer>
makeTokenizer(ModuleOp module, const SampleSet &set,
              std::unique_ptr<llvm::MemoryBuffer> &text) {
  auto assets = module->getAttrOfType<DictionaryAttr>("qnt.assets");
  auto open = [&](StringRef name) {
    auto path = assets ? assets.getAs<StringAttr>(name) : StringAttr();
    if (!path)
      return false;
    auto buffer = llvm::MemoryBuffer::getFile(path.getValue());
    if (!buffer)
      throw std::runtime_error("cannot read '" + path.str() +
                               "': " + buffer.getError().message());
    text = std::move(*buffer);
    return true;
  };
  if (open("tokenizer.json"))
    return tokenize::Tokenizer::fromJson(std::string_view(text->getBuffer()));
  if (open("tokenizer.model"))
    return tokenize::Tokenizer::fromSentencePiece(
        std::string_view(text->getBuffer()));
  throw std::runtime_error("cannot calibrate on '" + set.path +
                           "': the model has no tokenizer; give an .npz file "
                           "with the arrays of its inputs");
}

/// Token ids of windows, or of lines.
static std::vector<std::vector<int32_t>> readSequences(ModuleOp module,
                                                       const SampleSet &set) {
  auto buffer = llvm::MemoryBuffer::getFile(set.path);
  if (!buffer)
    throw std::runtime_error("cannot read '" + set.path +
                             "': " + buffer.getError().message());
  std::unique_ptr<llvm::MemoryBuffer> kept;
  auto tokenizer = makeTokenizer(module, set, kept);
  StringRef text = (*buffer)->getBuffer();
  int64_t window = 256;
  if (auto model = module->getAttrOfType<DictionaryAttr>("qnt.model"))
    if (auto length = model.getAs<IntegerAttr>("max_length"))
      window = std::min(window, length.getInt());
  std::vector<std::vector<int32_t>> sequences;
  if (isLanguageModel(module)) {
    std::vector<int32_t> ids = tokenizer->encode(std::string_view(text));
    for (int64_t at = 0; at + window <= int64_t(ids.size()); at += window)
      sequences.emplace_back(ids.begin() + at, ids.begin() + at + window);
    if (sequences.empty() && !ids.empty())
      sequences.push_back(ids);
  } else {
    SmallVector<StringRef> lines;
    text.split(lines, '\n', -1, /*KeepEmpty=*/false);
    for (StringRef line : lines) {
      sequences.push_back(tokenizer->encode(std::string_view(line), true));
      if (int64_t(sequences.back().size()) > window)
        sequences.back().resize(window);
    }
  }
  if (sequences.empty())
    throw std::runtime_error("'" + set.path + "' holds no text");
  return sequences;
}

static support::NpyArray makeInts(std::vector<int64_t> shape,
                                  const std::vector<int32_t> &values) {
  support::NpyArray array{support::NpyType::I32, std::move(shape), {}};
  auto bytes = std::as_bytes(std::span(values));
  array.bytes.assign(bytes.begin(), bytes.end());
  return array;
}

static std::vector<Sample> readText(ModuleOp module, func::FuncOp entry,
                                    const SampleSet &set) {
  auto sequences = readSequences(module, set);
  std::vector<Sample> result;
  for (int64_t chosen : choose(int64_t(sequences.size()), set)) {
    const std::vector<int32_t> &ids = sequences[chosen];
    auto length = int32_t(ids.size());
    Sample &sample = result.emplace_back(entry.getNumArguments());
    for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
      std::string name = getInputName(entry, i);
      if (!isa<RankedTensorType>(entry.getArgumentTypes()[i]))
        continue;
      if (name == "tokens")
        sample[i] = makeInts({1, length}, ids);
      else if (name == "position")
        sample[i] = makeInts({1}, {0});
      else if (name == "token_types")
        sample[i] = makeInts({1, length}, std::vector<int32_t>(length, 0));
      else if (name == "lengths")
        sample[i] = makeInts({1}, {length});
      else
        throw std::runtime_error("cannot calibrate on '" + set.path +
                                 "': text does not give input '" + name +
                                 "'; give an .npz file");
    }
  }
  return result;
}

/// Complains where an array does not fit the input of its name.
static void checkArray(const support::NpyArray &array, func::FuncOp entry,
                       unsigned input, const SampleSet &set) {
  std::string where =
      "'" + set.path + "': array '" + getInputName(entry, input) + "'";
  auto type = cast<RankedTensorType>(entry.getArgumentTypes()[input]);
  if (int64_t(array.shape.size()) != type.getRank())
    throw std::runtime_error(where + " has rank " +
                             std::to_string(array.shape.size()) +
                             ", expected " + std::to_string(type.getRank()));
  for (int64_t d = 1; d < type.getRank(); ++d)
    if (!type.isDynamicDim(d) && type.getDimSize(d) != array.shape[d])
      throw std::runtime_error(where + " has dimension " + std::to_string(d) +
                               " of size " + std::to_string(array.shape[d]) +
                               ", expected " +
                               std::to_string(type.getDimSize(d)));
  if (support::name(array.type) != typeOf(entry, input))
    throw std::runtime_error(where + " is " +
                             std::string(support::name(array.type)) +
                             ", expected " + typeOf(entry, input));
}

/// One index of the first dimension, where there is one.
static support::NpyArray takeSample(const support::NpyArray &all,
                                    int64_t index) {
  if (all.shape.empty())
    return all;
  support::NpyArray one{all.type, all.shape, {}};
  size_t bytes = all.bytes.size() / all.shape[0];
  one.shape[0] = 1;
  one.bytes.assign(all.bytes.begin() + index * bytes,
                   all.bytes.begin() + (index + 1) * bytes);
  return one;
}

static std::vector<Sample> readArrays(func::FuncOp entry, const SampleSet &set,
                                      ArrayRef<std::string> others) {
  std::map<std::string, support::NpyArray> arrays = support::readNpz(set.path);
  int64_t total = -1;
  std::string first;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
    auto type = dyn_cast<RankedTensorType>(entry.getArgumentTypes()[i]);
    if (!type)
      continue;
    auto array = arrays.find(getInputName(entry, i));
    std::string where =
        "'" + set.path + "': array '" + getInputName(entry, i) + "'";
    if (array == arrays.end())
      throw std::runtime_error(where + " is missing");
    checkArray(array->second, entry, i, set);
    if (type.getRank() == 0)
      continue;
    if (total >= 0 && array->second.shape[0] != total)
      throw std::runtime_error(
          where + " holds " + std::to_string(array->second.shape[0]) +
          " samples, '" + first + "' " + std::to_string(total));
    total = array->second.shape[0];
    first = getInputName(entry, i);
  }
  for (const std::string &name : others)
    if (auto array = arrays.find(name);
        array != arrays.end() &&
        (array->second.shape.empty() || array->second.shape[0] != total))
      throw std::runtime_error("'" + set.path + "': array '" + name +
                               "' must hold " + std::to_string(total) +
                               " samples, as '" + first + "' does");
  std::vector<Sample> result;
  for (int64_t index : choose(std::max<int64_t>(total, 0), set)) {
    Sample &sample = result.emplace_back(entry.getNumArguments());
    for (unsigned i = 0; i < entry.getNumArguments(); ++i)
      if (isa<RankedTensorType>(entry.getArgumentTypes()[i]))
        sample[i] = takeSample(arrays[getInputName(entry, i)], index);
    for (const std::string &name : others)
      sample.push_back(arrays.count(name) ? takeSample(arrays[name], index)
                                          : support::NpyArray());
  }
  return result;
}

std::vector<Sample> qnt::readSamples(ModuleOp module, func::FuncOp entry,
                                     const SampleSet &set,
                                     ArrayRef<std::string> others) {
  StringRef path = set.path;
  if (path.ends_with(".npz"))
    return readArrays(entry, set, others);
  if (path.ends_with(".txt")) {
    std::vector<Sample> samples = readText(module, entry, set);
    for (Sample &sample : samples)
      sample.resize(sample.size() + others.size());
    return samples;
  }
  throw std::runtime_error("cannot tell what '" + set.path +
                           "' is: expected samples in .txt or .npz");
}
