//===- AllocationPins.cpp - formats that users decide -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AllocationProblem.h"

#include "qnt/Support/Names.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qnt;

namespace {
class Pinner {
public:
  Pinner(ModuleOp module, AllocationReport &report)
      : module(module), report(report), pinnedBy(report.countOpen()) {}

  LogicalResult pin(const std::string &text);

private:
  InFlightDiagnostic error() { return module.emitError("qnt-allocate: "); }
  LogicalResult pin(size_t item, StringRef text, StringRef format);
  InFlightDiagnostic reportUnknown(StringRef pattern);

  ModuleOp module;
  AllocationReport &report;
  /// Of each item, what it was pinned by.
  std::vector<std::string> pinnedBy;
};
} // namespace

LogicalResult Pinner::pin(size_t item, StringRef text, StringRef format) {
  allocation::Item &tensor = report.problem.items[item];
  auto isFormat = [&](const allocation::Choice &choice) {
    return choice.name == format;
  };
  bool isKnown = llvm::any_of(tensor.choices, isFormat);
  if (!isKnown && !pinnedBy[item].empty())
    return error() << "pins '" << pinnedBy[item] << "' and '" << text
                   << "' contradict each other about '" << tensor.name << "'";
  if (!isKnown)
    return error() << "pin '" << text
                   << "': expected REGEX=FORMAT, of a format that '"
                   << tensor.name << "' can have: "
                   << llvm::join(llvm::map_range(tensor.choices,
                                                 [](const auto &choice) {
                                                   return choice.name;
                                                 }),
                                 ", ");
  pinnedBy[item] = text.str();
  allocation::restrictChoices(report.problem, item, isFormat);
  return success();
}

InFlightDiagnostic Pinner::reportUnknown(StringRef pattern) {
  std::vector<std::string> names;
  for (const allocation::Item &item :
       ArrayRef(report.problem.items).take_front(report.countOpen()))
    names.push_back(item.name);
  return error() << "pin '" << pattern
                 << "' is found in the name of no open tensor; the nearest is '"
                 << support::findNearest(pattern, names) << "'";
}

LogicalResult Pinner::pin(const std::string &text) {
  auto [pattern, format] = StringRef(text).rsplit('=');
  auto rules = parseKeepRules("pins", pattern.str(), [&] { return error(); });
  if (failed(rules))
    return failure();
  for (auto [item, weight] : llvm::enumerate(report.weights))
    if (isNamed(*rules, weight.name, weight.layer) &&
        failed(pin(item, text, format)))
      return failure();
  if (rules->front().used)
    return success();
  for (auto [number, value] : llvm::enumerate(report.values))
    if (isNamed(*rules, value.name, value.name) &&
        failed(pin(report.weights.size() + number, text, format)))
      return failure();
  if (rules->front().used)
    return success();
  return reportUnknown(pattern);
}

LogicalResult qnt::pinFormats(ModuleOp module, ArrayRef<std::string> pins,
                              AllocationReport &report) {
  Pinner pinner(module, report);
  for (const std::string &pin : pins)
    if (failed(pinner.pin(pin)))
      return failure();
  return success();
}
