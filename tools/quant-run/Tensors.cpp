//===- Tensors.cpp - run an entry on arrays in files ----------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Commands.h"

#include <algorithm>
#include <chrono>

using namespace qnt::run;

std::vector<std::string>
qnt::run::outputFiles(const Model &model, int64_t entry, const Args &args) {
  auto infos = model.outputs(entry);
  std::vector<std::string> files(infos.size());
  for (const std::string &word : args.outputs) {
    size_t equals = word.find('=');
    std::string name = equals == word.npos ? "" : word.substr(0, equals);
    std::string file = equals == word.npos ? word : word.substr(equals + 1);
    if (name.empty() && infos.size() != 1)
      throw RunError("--output " + word +
                     ": expected NAME=FILE, as the entry "
                     "has " +
                     std::to_string(infos.size()) + " outputs");
    auto found = std::ranges::find_if(infos, [&](const qnt_tensor_info *info) {
      return name.empty() || name == info->name;
    });
    if (found == infos.end())
      throw RunError(model.path + ": entry '" +
                     qnt_entry_name(model.handle, entry) + "' has no output '" +
                     name + "'");
    files[found - infos.begin()] = file;
  }
  return files;
}

void qnt::run::runTensors(Model &model, const Args &args, Output &output) {
  int64_t entry = chosenEntry(model, args);
  auto files = outputFiles(model, entry, args);
  Call call(model, entry, args,
            toTensors(model, entry, readInputs(model, entry, args)));
  auto start = std::chrono::steady_clock::now();
  call.run();
  std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;

  for (size_t i = 0; i < files.size(); ++i)
    if (!files[i].empty())
      writeTensor(files[i], call.outputs[i]);

  auto infos = model.outputs(entry);
  Json described = Json::object();
  for (size_t i = 0; i < infos.size(); ++i) {
    const char *dtype = qnt_dtype_name(infos[i]->dtype);
    std::string shape = Json(call.outputs[i].shape).dump();
    output.print(format("%s: %s %s\n", infos[i]->name, dtype, shape.c_str()));
    described[infos[i]->name] = {{"dtype", dtype},
                                 {"shape", call.outputs[i].shape}};
  }
  output.values["ms"] = elapsed.count();
  output.values["outputs"] = described;
}
