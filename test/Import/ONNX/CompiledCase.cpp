//===- CompiledCase.cpp - compiles a module and runs it ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Cases.h"

#include "../../Target/CPU/Guarded.h"

#include "qnt/Pipelines/Compile.h"
#include "qnt/Runtime/qnt.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

#include <cstring>
#include <deque>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;
using nlohmann::json;

static void check(qnt_status status) {
  if (status != QNT_OK)
    throw Failure{"failed", qnt_last_error()};
}

namespace {
/// Tensors that end at a page which nobody may touch.
class Tensors {
public:
  Guarded &add(const qnt_tensor_info &info, ArrayRef<int64_t> shape) {
    shapes.push_back(llvm::to_vector(shape));
    int64_t width = qnt_dtype_size(info.dtype), bytes = width;
    for (int64_t size : shape)
      bytes *= size;
    Guarded &buffer = memory.emplace_back(info.name, bytes, width);
    tensors.push_back({buffer.data(), info.dtype, int32_t(shape.size()),
                       shapes.back().data(), nullptr});
    return buffer;
  }
  std::vector<qnt_tensor> tensors;
  /// Deques: what is in them stays where it is.
  std::deque<Guarded> memory;
  std::deque<SmallVector<int64_t>> shapes;
};
} // namespace

static json runModel(qnt_model *model, const json &job) {
  int64_t entry = qnt_find_entry(model, "main");
  std::vector<int64_t> dims(qnt_num_dims(model, entry));
  Tensors inputs, outputs;
  for (int64_t i = 0; i < qnt_num_inputs(model, entry); ++i) {
    const qnt_tensor_info &info = *qnt_input(model, entry, i);
    const json &input = findInput(job, info.name);
    auto shape = input["shape"].get<std::vector<int64_t>>();
    Guarded &buffer = inputs.add(info, shape);
    int64_t width = qnt_dtype_size(info.dtype);
    std::string bytes = readInput(input, buffer.size() / width, width);
    std::memcpy(buffer.data(), bytes.data(), bytes.size());
    buffer.makeReadOnly();
    for (auto [declared, size] :
         llvm::zip_equal(ArrayRef(info.shape, info.rank), shape))
      if (declared < 0)
        dims[-1 - declared] = size;
  }
  for (int64_t i = 0; i < qnt_num_outputs(model, entry); ++i) {
    const qnt_tensor_info &info = *qnt_output(model, entry, i);
    SmallVector<int64_t> shape(info.rank);
    check(qnt_output_shape(model, entry, dims.data(), i, shape.data()));
    outputs.add(info, shape);
  }
  check(qnt_run(model, entry, inputs.tensors.data(), inputs.tensors.size(),
                outputs.tensors.data(), outputs.tensors.size(), nullptr));
  json answer = json::array();
  for (auto [i, buffer] : llvm::enumerate(outputs.memory)) {
    if (!buffer.isIntact())
      throw Failure{"failed", "written around output " + buffer.name()};
    StringRef bytes(reinterpret_cast<const char *>(buffer.data()),
                    buffer.size());
    answer.push_back(writeOutput(job, i,
                                 qnt_dtype_name(outputs.tensors[i].dtype),
                                 outputs.shapes[i], bytes));
  }
  return answer;
}

json qnt::test::runCompiled(ModuleOp module, const json &job,
                            const std::string &message) {
  std::string path = job["folder"].get<std::string>() + "/model.so";
  TargetOptions target = llvm::cantFail(
      TargetOptions::parse("cpu isa=" + job["compile"].get<std::string>()));
  if (failed(compileModel(module, target, path, /*embed=*/true)))
    throw Failure{"refused", message};
  qnt_model *model = nullptr;
  qnt_options options{};
  options.threads = 2;
  check(qnt_open(path.c_str(), &options, &model));
  llvm::scope_exit close([&] { qnt_close(model); });
  return runModel(model, job);
}
