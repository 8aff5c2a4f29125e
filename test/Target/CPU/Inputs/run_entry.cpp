//===- run_entry.cpp - run an entry on another processor ------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// run_entry MODEL.so ENTRY ISA THREADS CONTEXT IN OUT: calls an entry of a
// compiled model by the C API. Input NAME is read from IN.NAME, result i is
// written to OUTi: the rank and the sizes as 64-bit integers, then the
// elements, whose type is printed. Of the loader's sources and the C++ library
// alone, so that it is compiled for other processors and run in their emulator.
//===----------------------------------------------------------------------===//
#include "qnt/Runtime/qnt.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

static void check(bool condition, const std::string &message) {
  if (condition)
    return;
  std::fprintf(stderr, "run_entry: %s\n", message.c_str());
  std::exit(1);
}

struct Tensor {
  std::vector<int64_t> shape;
  std::vector<char> bytes;

  qnt_tensor view(const qnt_tensor_info *info) {
    return {bytes.data(), info->dtype, info->rank, shape.data(), nullptr};
  }
};

static Tensor read(const std::string &path, const qnt_tensor_info *info) {
  std::ifstream file(path, std::ios::binary);
  int64_t rank = -1;
  file.read(reinterpret_cast<char *>(&rank), sizeof rank);
  check(file && rank == info->rank, path + " has no tensor of that rank");
  Tensor tensor{std::vector<int64_t>(rank), {}};
  file.read(reinterpret_cast<char *>(tensor.shape.data()), 8 * rank);
  tensor.bytes.assign(std::istreambuf_iterator<char>(file), {});
  return tensor;
}

static void write(const std::string &path, const Tensor &tensor) {
  std::ofstream file(path, std::ios::binary);
  int64_t rank = int64_t(tensor.shape.size());
  file.write(reinterpret_cast<const char *>(&rank), sizeof rank);
  file.write(reinterpret_cast<const char *>(tensor.shape.data()), 8 * rank);
  file.write(tensor.bytes.data(), std::streamsize(tensor.bytes.size()));
  check(bool(file), path + " cannot be written");
}

int main(int argc, char **argv) {
  check(argc == 8, "expected MODEL.so ENTRY ISA THREADS CONTEXT IN OUT");
  const std::string in = argv[6], out = argv[7];
  qnt_options options{};
  options.isa = argv[3];
  options.threads = std::atoll(argv[4]);
  qnt_model *model = nullptr;
  check(qnt_open(argv[1], &options, &model) == QNT_OK, qnt_last_error());
  int64_t entry = qnt_find_entry(model, argv[2]);
  check(entry >= 0, std::string("no entry ") + argv[2]);

  std::vector<int64_t> dims(qnt_num_dims(model, entry), -1);
  std::vector<Tensor> inputs, outputs;
  for (int64_t i = 0; i < qnt_num_inputs(model, entry); ++i) {
    const qnt_tensor_info *info = qnt_input(model, entry, i);
    inputs.push_back(read(in + "." + info->name, info));
    for (int32_t axis = 0; axis < info->rank; ++axis)
      if (info->shape[axis] < 0)
        dims[-1 - info->shape[axis]] = inputs.back().shape[axis];
  }
  const int64_t context = std::atoll(argv[5]);
  int64_t batch = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    const std::string name = qnt_dim_name(model, entry, int64_t(d));
    if (name == "max_length")
      dims[d] = context;
    if (name == "batch")
      batch = dims[d];
  }
  for (int64_t i = 0; i < qnt_num_outputs(model, entry); ++i) {
    const qnt_tensor_info *info = qnt_output(model, entry, i);
    Tensor output{std::vector<int64_t>(info->rank), {}};
    check(qnt_output_shape(model, entry, dims.data(), i, output.shape.data()) ==
              QNT_OK,
          qnt_last_error());
    size_t bytes = qnt_dtype_size(info->dtype);
    for (int64_t size : output.shape)
      bytes *= size_t(size);
    output.bytes.assign(bytes, char(-1));
    outputs.push_back(std::move(output));
  }
  qnt_memory memory{};
  memory.max_length = context;
  memory.kv_bytes = qnt_kv_bytes(model, batch, context);
  memory.kv = memory.kv_bytes ? qnt_allocate(model, memory.kv_bytes) : nullptr;

  std::vector<qnt_tensor> given, taken;
  for (size_t i = 0; i < inputs.size(); ++i)
    given.push_back(inputs[i].view(qnt_input(model, entry, int64_t(i))));
  for (size_t i = 0; i < outputs.size(); ++i)
    taken.push_back(outputs[i].view(qnt_output(model, entry, int64_t(i))));
  check(qnt_run(model, entry, given.data(), int64_t(given.size()), taken.data(),
                int64_t(taken.size()), &memory) == QNT_OK,
        qnt_last_error());
  for (size_t i = 0; i < outputs.size(); ++i) {
    write(out + std::to_string(i), outputs[i]);
    std::puts(qnt_dtype_name(qnt_output(model, entry, int64_t(i))->dtype));
  }
  qnt_release(model, memory.kv);
  qnt_close(model);
}
