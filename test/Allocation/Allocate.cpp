//===- Allocate.cpp - solves problems given in JSON -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   test-allocation < PROBLEMS
//
// Reads an array of problems, {"items": [[{"name", "loss", "costs"}, ...],
// ...], "limits": [...], "couplings": [{"first", "second", "costs"}, ...]}, and
// prints an array of allocations, {"choices", "loss", "costs"} or {"error"};
// with "sweep": N, one of allocations by the first budget.
//
//===----------------------------------------------------------------------===//
#include "qnt/Allocation/Problem.h"

#include <nlohmann/json.hpp>

#include <iostream>

using namespace qnt::allocation;
using nlohmann::json;

static Problem readProblem(const json &text) {
  Problem problem;
  for (const json &choices : text["items"]) {
    Item &item = problem.items.emplace_back();
    item.name = "item " + std::to_string(problem.items.size() - 1);
    for (const json &choice : choices)
      item.choices.push_back({choice["name"], choice["loss"], choice["costs"]});
  }
  for (const json &limit : text["limits"])
    problem.budgets.push_back(
        {"unit" + std::to_string(problem.budgets.size()), limit});
  for (const json &coupling : text.value("couplings", json::array()))
    problem.couplings.push_back(
        {coupling["first"], coupling["second"], coupling["costs"]});
  return problem;
}

static json write(const Allocation &found) {
  return {
      {"choices", found.choices}, {"loss", found.loss}, {"costs", found.costs}};
}

static json answer(const json &text) {
  try {
    Problem problem = readProblem(text);
    if (!text.contains("sweep"))
      return write(solve(problem));
    json all = json::array();
    for (const Allocation &found : sweep(problem, 0, text["sweep"]))
      all.push_back(write(found));
    return all;
  } catch (const InfeasibleError &error) {
    return {{"error", error.what()}};
  } catch (const std::invalid_argument &error) {
    return {{"invalid", error.what()}};
  }
}

int main() {
  json answers = json::array();
  for (const json &problem : json::parse(std::cin))
    answers.push_back(answer(problem));
  std::cout << answers.dump() << "\n";
}
