//===- RecipeKeys.h - the keys of --quantize --------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_RECIPEKEYS_H
#define QNT_LIB_PIPELINES_RECIPEKEYS_H

#include "qnt/Pipelines/Options.h"

#include <functional>
#include <vector>

namespace qnt {

/// A key of a recipe: what it means, and how its value is taken; false for a
/// value that is none.
struct RecipeKey {
  llvm::StringRef name, meaning;
  std::function<bool(QuantizeRecipe &, llvm::StringRef value)> set;
};

const std::vector<RecipeKey> &getRecipeKeys();

} // namespace qnt

#endif // QNT_LIB_PIPELINES_RECIPEKEYS_H
