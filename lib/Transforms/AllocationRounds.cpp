//===- AllocationRounds.cpp - losses around an allocation -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AllocationRounds.h"

using namespace mlir;
using namespace qnt;

/// Rounds, and what share of the measured loss the sum of losses may be off by
/// where there are none.
static constexpr int64_t roundsByDefault = 4;
static constexpr double maxGap = 0.1;
/// Exchanges of two formats that are measured where nothing else is better.
static constexpr size_t exchanges = 8;

/// Of all tensors in their formats.
FailureOr<double> AllocationRounds::measure(const Choices &choices) {
  return meter.measure(report.getFormats(choices));
}

/// The losses of `around`, `loss` being that of what is chosen. Formats beyond
/// the neighbours change as much more as they did in a model of floats.
LogicalResult AllocationRounds::measureNeighbours(double loss,
                                                  support::Progress &progress) {
  for (size_t index = 0; index < report.countOpen(); ++index) {
    const auto &choices = report.problem.items[index].choices;
    size_t own = report.chosen.choices[index];
    auto order = llvm::to_vector(llvm::seq<size_t>(0, choices.size()));
    llvm::stable_sort(order, [&](size_t a, size_t b) {
      return choices[a].loss > choices[b].loss;
    });
    std::vector<double> changes(choices.size());
    auto follow = [&](ArrayRef<size_t> others) {
      double unit = 0, first = 0;
      for (size_t other : others) {
        double alone = choices[other].loss - choices[own].loss;
        if (other == others.front()) {
          Choices changed = report.chosen.choices;
          changed[index] = other;
          auto measured = measure(changed);
          progress.advance();
          if (failed(measured))
            return failure();
          unit = alone;
          first = *measured - loss;
        }
        changes[other] =
            unit != 0 ? first * std::max(alone / unit, 1.0) : first;
      }
      return success();
    };
    auto at = llvm::find(order, own);
    SmallVector<size_t> coarser(order.begin(), at), finer(at + 1, order.end());
    std::reverse(coarser.begin(), coarser.end());
    if (failed(follow(coarser)) || failed(follow(finer)))
      return failure();
    double least = *llvm::min_element(changes);
    for (auto [choice, change] :
         llvm::zip_equal(around.items[index].choices, changes))
      choice.loss = change - least;
  }
  return success();
}

/// Whether `next` measures better than what is chosen, which it is then.
FailureOr<bool> AllocationRounds::take(const Choices &next) {
  auto measured = measure(next);
  if (failed(measured))
    return failure();
  if (*measured >= *report.measured)
    return false;
  report.chosen = allocation::evaluate(report.problem, next);
  report.measured = *measured;
  return true;
}

/// One format changed, or one made coarser and another finer, within the
/// budgets: those that promise most.
std::vector<AllocationRounds::Choices> AllocationRounds::findExchanges() const {
  struct Change {
    size_t item, choice;
    double loss;
  };
  std::vector<Change> worse, better;
  for (size_t index = 0; index < report.countOpen(); ++index) {
    const auto &choices = around.items[index].choices;
    size_t own = report.chosen.choices[index];
    for (auto [number, choice] : llvm::enumerate(choices))
      if (double loss = choice.loss - choices[own].loss; number != own)
        (loss < 0 ? better : worse).push_back({index, number, loss});
  }
  std::vector<std::pair<double, Choices>> found;
  for (const Change &gain : better) {
    Choices changed = report.chosen.choices;
    changed[gain.item] = gain.choice;
    found.emplace_back(gain.loss, changed);
    for (const Change &price : worse)
      if (price.item != gain.item && gain.loss + price.loss < 0) {
        Choices both = changed;
        both[price.item] = price.choice;
        found.emplace_back(gain.loss + price.loss, std::move(both));
      }
  }
  llvm::stable_sort(found, llvm::less_first());
  std::vector<Choices> result;
  for (auto &[loss, choices] : found) {
    auto costs = allocation::evaluate(report.problem, choices).costs;
    bool fits = llvm::all_of(
        llvm::zip_equal(costs, report.problem.budgets), [](const auto &pair) {
          return std::get<0>(pair) <= std::get<1>(pair).limit;
        });
    if (fits)
      result.push_back(std::move(choices));
    if (result.size() == exchanges)
      break;
  }
  return result;
}

/// Whether there is something better than what is chosen, which is it then.
FailureOr<bool> AllocationRounds::improve(support::Progress &progress) {
  around = report.problem;
  around.budgets.push_back({"changes", 0});
  for (allocation::Coupling &coupling : around.couplings)
    for (auto &row : coupling.costs)
      for (std::vector<double> &costs : row)
        costs.push_back(0);
  for (auto [index, item] : llvm::enumerate(around.items))
    for (auto [number, choice] : llvm::enumerate(item.choices))
      choice.costs.push_back(number != report.chosen.choices[index]);
  meter.expectNear(report.getFormats(report.chosen.choices));
  if (failed(measureNeighbours(*report.measured, progress)))
    return failure();
  // The fewer change, the better do changes add up.
  for (size_t most = report.countOpen(); most > 0; most /= 2) {
    around.budgets.back().limit = double(most);
    Choices next = allocation::solve(around).choices;
    if (next == report.chosen.choices)
      break;
    auto isBetter = take(next);
    if (failed(isBetter) || *isBetter)
      return isBetter;
  }
  bool isAnyBetter = false;
  for (const Choices &next : findExchanges()) {
    auto isBetter = take(next);
    if (failed(isBetter))
      return failure();
    isAnyBetter |= *isBetter;
  }
  return isAnyBetter;
}

LogicalResult AllocationRounds::run(int64_t rounds) {
  auto loss = measure(report.chosen.choices);
  if (failed(loss))
    return failure();
  report.measured = *loss;
  if (rounds < 0) {
    bool addUp = std::abs(report.chosen.loss - *loss) <= maxGap * *loss;
    rounds = addUp ? 0 : roundsByDefault;
  }
  for (int64_t round = 0; round < rounds; ++round) {
    support::Progress progress("round " + std::to_string(round + 1),
                               report.countOpen() * 2);
    auto isBetter = improve(progress);
    if (failed(isBetter))
      return failure();
    if (!*isBetter)
      break;
  }
  return success();
}
