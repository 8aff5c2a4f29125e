//===- CompiledModelRunner.cpp - runs models for calibration -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CompiledModelRunner.h"

#include "qnt/Pipelines/Compile.h"
#include "qnt/Runtime/qnt.h"
#include "qnt/Support/Npy.h"
#include "qnt/Support/Progress.h"
#include "qnt/Tokenize/Tokenizer.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <numeric>
#include <random>

using namespace mlir;
using namespace qnt;

namespace {

/// The inputs of one call, by name.
using Sample = std::map<std::string, support::NpyArray>;

support::NpyArray makeInts(std::vector<int64_t> shape,
                           const std::vector<int32_t> &values) {
  support::NpyArray array{support::NpyType::I32, std::move(shape), {}};
  auto bytes = std::as_bytes(std::span(values));
  array.bytes.assign(bytes.begin(), bytes.end());
  return array;
}

/// `count` of `total` indices, chosen with `seed` and in order.
std::vector<int64_t> choose(int64_t total, const SampleSet &samples) {
  std::vector<int64_t> all(total);
  std::iota(all.begin(), all.end(), 0);
  std::mt19937_64 random(samples.seed);
  for (int64_t i = total - 1; i > 0; --i)
    std::swap(all[i], all[random() % (i + 1)]);
  all.resize(std::min(total, samples.count));
  llvm::sort(all);
  return all;
}

class Session {
public:
  Session(const SampleSet &samples) : samples(samples) {}
  ~Session() { qnt_close(model); }
  /// Throws std::runtime_error, whose message names the file at fault.
  void run(const std::string &path, ModelRunner::Observer observe);

private:
  void check(qnt_status status) {
    if (status != QNT_OK)
      throw std::runtime_error(qnt_last_error());
  }
  std::vector<Sample> readSamples();
  std::vector<Sample> readText();
  std::vector<Sample> readArrays();
  std::unique_ptr<tokenize::Tokenizer> makeTokenizer();
  void call(Sample &sample);

  const SampleSet &samples;
  std::string path;
  qnt_model *model = nullptr;
  llvm::json::Object manifest;
  int64_t entry = -1;
  bool isLanguageModel = false;
};

} // namespace

std::unique_ptr<tokenize::Tokenizer> Session::makeTokenizer() {
  auto view = [](const qnt_asset *asset) {
    return std::string_view(static_cast<const char *>(asset->data),
                            asset->size);
  };
  if (const qnt_asset *json = qnt_find_asset(model, "tokenizer.json"))
    return tokenize::Tokenizer::fromJson(view(json));
  if (const qnt_asset *pieces = qnt_find_asset(model, "tokenizer.model"))
    return tokenize::Tokenizer::fromSentencePiece(view(pieces));
  throw std::runtime_error("cannot calibrate on '" + samples.path +
                           "': the model has no tokenizer; give an .npz file "
                           "with the arrays of its inputs");
}

std::vector<Sample> Session::readText() {
  auto buffer = llvm::MemoryBuffer::getFile(samples.path);
  if (!buffer)
    throw std::runtime_error("cannot read '" + samples.path +
                             "': " + buffer.getError().message());
  auto tokenizer = makeTokenizer();
  llvm::StringRef text = (*buffer)->getBuffer();
  int64_t window = 256;
  if (const llvm::json::Object *info = manifest.getObject("model"))
    window = std::min(window, info->getInteger("max_length").value_or(window));
  std::vector<std::vector<int32_t>> sequences;
  if (isLanguageModel) {
    std::vector<int32_t> ids = tokenizer->encode(std::string_view(text));
    for (int64_t at = 0; at + window <= int64_t(ids.size()); at += window)
      sequences.emplace_back(ids.begin() + at, ids.begin() + at + window);
    if (sequences.empty() && !ids.empty())
      sequences.push_back(ids);
  } else {
    llvm::SmallVector<llvm::StringRef> lines;
    text.split(lines, '\n', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef line : lines) {
      sequences.push_back(tokenizer->encode(std::string_view(line), true));
      if (int64_t(sequences.back().size()) > window)
        sequences.back().resize(window);
    }
  }
  if (sequences.empty())
    throw std::runtime_error("'" + samples.path + "' holds no text");
  std::vector<Sample> result;
  for (int64_t i : choose(sequences.size(), samples)) {
    const std::vector<int32_t> &ids = sequences[i];
    auto length = int32_t(ids.size());
    Sample sample;
    sample["tokens"] = makeInts({1, length}, ids);
    if (isLanguageModel) {
      sample["position"] = makeInts({1}, {0});
    } else {
      sample["token_types"] =
          makeInts({1, length}, std::vector<int32_t>(length, 0));
      sample["lengths"] = makeInts({1}, {length});
    }
    result.push_back(std::move(sample));
  }
  return result;
}

std::vector<Sample> Session::readArrays() {
  std::map<std::string, support::NpyArray> arrays =
      support::readNpz(samples.path);
  int64_t total = -1;
  std::string first;
  for (int64_t i = 0; i < qnt_num_inputs(model, entry); ++i) {
    const qnt_tensor_info *info = qnt_input(model, entry, i);
    auto array = arrays.find(info->name);
    std::string where = "'" + samples.path + "': array '" + info->name + "'";
    if (array == arrays.end())
      throw std::runtime_error(where + " is missing");
    if (int64_t(array->second.shape.size()) != info->rank)
      throw std::runtime_error(where + " has rank " +
                               std::to_string(array->second.shape.size()) +
                               ", expected " + std::to_string(info->rank));
    for (int32_t d = 1; d < info->rank; ++d)
      if (info->shape[d] >= 0 && info->shape[d] != array->second.shape[d])
        throw std::runtime_error(
            where + " has dimension " + std::to_string(d) + " of size " +
            std::to_string(array->second.shape[d]) + ", expected " +
            std::to_string(info->shape[d]));
    if (total >= 0 && array->second.shape[0] != total)
      throw std::runtime_error(
          where + " holds " + std::to_string(array->second.shape[0]) +
          " samples, '" + first + "' " + std::to_string(total));
    total = array->second.shape[0];
    first = info->name;
  }
  std::vector<Sample> result;
  for (int64_t index : choose(std::max<int64_t>(total, 0), samples)) {
    Sample sample;
    for (int64_t i = 0; i < qnt_num_inputs(model, entry); ++i) {
      const support::NpyArray &all = arrays[qnt_input(model, entry, i)->name];
      support::NpyArray one{all.type, all.shape, {}};
      size_t bytes = all.bytes.size() / total;
      one.shape[0] = 1;
      one.bytes.assign(all.bytes.begin() + index * bytes,
                       all.bytes.begin() + (index + 1) * bytes);
      sample[qnt_input(model, entry, i)->name] = std::move(one);
    }
    result.push_back(std::move(sample));
  }
  return result;
}

std::vector<Sample> Session::readSamples() {
  if (llvm::StringRef(samples.path).ends_with(".npz"))
    return readArrays();
  if (llvm::StringRef(samples.path).ends_with(".txt"))
    return readText();
  throw std::runtime_error("cannot tell what '" + samples.path +
                           "' is: expected samples in .txt or .npz");
}

void Session::call(Sample &sample) {
  std::map<std::string, int64_t> dims;
  std::vector<qnt_tensor> inputs, outputs;
  for (int64_t i = 0; i < qnt_num_inputs(model, entry); ++i) {
    const qnt_tensor_info *info = qnt_input(model, entry, i);
    support::NpyArray &array = sample.at(info->name);
    if (support::name(array.type) != qnt_dtype_name(info->dtype))
      throw std::runtime_error("'" + samples.path + "': array '" + info->name +
                               "' is " +
                               std::string(support::name(array.type)) +
                               ", expected " + qnt_dtype_name(info->dtype));
    for (int32_t d = 0; d < info->rank; ++d)
      if (info->shape[d] < 0)
        dims[qnt_dim_name(model, entry, -1 - info->shape[d])] = array.shape[d];
    inputs.push_back({array.bytes.data(), info->dtype, info->rank,
                      array.shape.data(), nullptr});
  }
  std::vector<int64_t> sizes;
  for (int64_t d = 0; d < qnt_num_dims(model, entry); ++d) {
    auto known = dims.find(qnt_dim_name(model, entry, d));
    // A cache holds as many positions as a sample has tokens.
    sizes.push_back(known != dims.end() ? known->second : dims["tokens"]);
  }
  std::vector<std::vector<int64_t>> shapes;
  std::vector<std::vector<char>> buffers;
  for (int64_t i = 0; i < qnt_num_outputs(model, entry); ++i) {
    const qnt_tensor_info *info = qnt_output(model, entry, i);
    std::vector<int64_t> &shape = shapes.emplace_back(info->rank);
    if (qnt_output_shape(model, entry, sizes.data(), i, shape.data()) != QNT_OK)
      throw std::runtime_error(qnt_last_error());
    int64_t bytes = qnt_dtype_size(info->dtype);
    for (int64_t size : shape)
      bytes *= size;
    buffers.emplace_back(bytes);
  }
  for (int64_t i = 0; i < qnt_num_outputs(model, entry); ++i)
    outputs.push_back({buffers[i].data(), qnt_output(model, entry, i)->dtype,
                       int32_t(shapes[i].size()), shapes[i].data(), nullptr});
  qnt_memory memory = {};
  std::unique_ptr<char, decltype(&std::free)> cache(nullptr, std::free);
  if (isLanguageModel) {
    memory.max_length = dims.at("tokens");
    memory.kv_bytes = qnt_kv_bytes(model, dims.at("batch"), memory.max_length);
    int64_t rounded = (memory.kv_bytes + 63) / 64 * 64;
    cache.reset(static_cast<char *>(std::aligned_alloc(64, rounded)));
    std::fill_n(cache.get(), rounded, 0);
    memory.kv = cache.get();
  }
  if (qnt_run(model, entry, inputs.data(), inputs.size(), outputs.data(),
              outputs.size(), &memory) == QNT_OK)
    return;
  // The samples are at fault, not the temporary model.
  llvm::StringRef message = qnt_last_error();
  message.consume_front(path + ": ");
  throw std::runtime_error("'" + samples.path + "': " + message.str());
}

void Session::run(const std::string &path, ModelRunner::Observer observe) {
  this->path = path;
  check(qnt_open(path.c_str(), nullptr, &model));
  manifest =
      *llvm::cantFail(llvm::json::parse(qnt_manifest(model))).getAsObject();
  isLanguageModel = manifest.getString("kind") == "causal_lm";
  entry = qnt_find_entry(model, isLanguageModel ? "score" : "forward");
  if (entry < 0)
    entry = qnt_find_entry(model, "main");
  if (entry < 0)
    throw std::runtime_error("the model has no entry point to calibrate: "
                             "expected score, forward or main");
  // Sites by the index of their op.
  struct Hook {
    llvm::DenseMap<int64_t, std::string> sites;
    ModelRunner::Observer observe = nullptr;
  };
  Hook hook;
  hook.observe = observe;
  for (auto [i, op] : llvm::enumerate(*manifest.getArray("ops")))
    if (op.getAsObject()->getString("op") == "qnt.observe")
      hook.sites[i] = op.getAsObject()->getString("name")->str();
  qnt_set_after_op(
      model,
      [](void *user, int64_t op, const qnt_tensor *output) {
        auto *hook = static_cast<Hook *>(user);
        auto site = hook->sites.find(op);
        if (site == hook->sites.end() || !output)
          return;
        int64_t elements = 1;
        for (int32_t d = 0; d < output->rank; ++d)
          elements *= output->shape[d];
        hook->observe(
            site->second,
            ArrayRef(static_cast<const float *>(output->data), elements),
            output->rank ? output->shape[output->rank - 1] : 1);
      },
      &hook);
  std::vector<Sample> all = readSamples();
  support::Progress progress("calibrating", all.size());
  for (Sample &sample : all) {
    call(sample);
    progress.advance(1);
  }
  qnt_set_after_op(model, nullptr, nullptr);
}

LogicalResult CompiledModelRunner::run(ModuleOp module,
                                       const SampleSet &samples,
                                       Observer observe) {
  llvm::SmallString<128> folder;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("qnt-calibrate", folder))
    return module.emitError("cannot create a temporary folder: ")
           << code.message();
  llvm::scope_exit cleanUp(
      [&] { (void)llvm::sys::fs::remove_directories(folder); });
  std::string path = (folder + "/model.so").str();
  TargetOptions target = llvm::cantFail(TargetOptions::parse("cpu"));
  if (failed(compileForCPU(module, target, path, /*embed=*/false)))
    return failure();
  try {
    Session(samples).run(path, observe);
    return success();
  } catch (const std::exception &error) {
    return emitError(UnknownLoc::get(module.getContext())) << error.what();
  }
}
