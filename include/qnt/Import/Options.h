//===- Options.h - what all importers are told ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_OPTIONS_H
#define QNT_IMPORT_OPTIONS_H

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qnt {

struct ImportOptions {
  /// Element type of the KV cache of language models: "f16" or "f32".
  std::string kvType = "f16";
  /// The safetensors file that an importer writes when the format keeps its
  /// parameters otherwise. The module names it by this path.
  std::string paramsPath;
  /// Where an importer writes an asset that its format holds otherwise: beside
  /// the parameters, under their stem.
  std::string getAssetPath(const std::string &name) const {
    constexpr std::string_view extension = ".safetensors";
    std::string stem = paramsPath;
    if (stem.ends_with(extension))
      stem.resize(stem.size() - extension.size());
    return stem + "." + name;
  }
  /// Inputs of a graph that become constants: the input's name and the .npy
  /// file with its value. Dimensions of inputs that are known: the dimension's
  /// name, and a number or an expression of other names ("past + tokens").
  std::vector<std::pair<std::string, std::string>> bindings;
};

} // namespace qnt

#endif // QNT_IMPORT_OPTIONS_H
