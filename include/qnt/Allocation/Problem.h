//===- Problem.h - which format for which tensor -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Precision allocation as a multiple-choice knapsack problem: one choice for
// each item, the least sum of losses, within budgets. Losses of items add up,
// which is the linear proxy of HAWQ-V3 (Yao et al. 2021).
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ALLOCATION_PROBLEM_H
#define QNT_ALLOCATION_PROBLEM_H

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace qnt::allocation {

/// A format that a tensor can have.
struct Choice {
  std::string name;
  /// What the model loses by it; finite and not negative.
  double loss = 0;
  /// What it takes of each budget of the problem, in that budget's unit; finite
  /// and not negative.
  std::vector<double> costs;
};

/// A tensor, or what else gets a format.
struct Item {
  std::string name;
  /// At least one.
  std::vector<Choice> choices;
};

/// What two items take by the formats of both, beside what each takes: the time
/// of a layer is that of its weight's format and its input's; layers that one
/// kernel takes together where their formats are alike take more where not.
struct Coupling {
  size_t first = 0, second = 0;
  /// [choices of the first][choices of the second][budgets], each finite and
  /// not negative.
  std::vector<std::vector<std::vector<double>>> costs;
};

/// What all items together may take.
struct Budget {
  /// "bytes", "ms".
  std::string name;
  double limit = 0;
};

struct Problem {
  std::vector<Item> items;
  std::vector<Budget> budgets;
  std::vector<Coupling> couplings;
};

/// Takes away the choices of an item for which `isAllowed` does not hold, in
/// couplings too.
void restrictChoices(Problem &problem, size_t item,
                     const std::function<bool(const Choice &)> &isAllowed);

/// The index of the choice of each item, and what they come to.
struct Allocation {
  std::vector<size_t> choices;
  double loss = 0;
  /// Of each budget, couplings included.
  std::vector<double> costs;
};

/// Budgets that no allocation keeps to: what() names one and the least and the
/// most that an allocation takes of it.
class InfeasibleError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What `choices` come to.
Allocation evaluate(const Problem &problem, std::vector<size_t> choices);

/// An allocation of least loss within the budgets, by an integer program that
/// is solved to a relative gap of 1e-9; where tensors are too much alike for
/// that, the best that 5000 nodes of the search find. The same for the same
/// problem. Throws InfeasibleError, std::runtime_error where these find none,
/// and std::invalid_argument for a problem that is none (an item without
/// choices, numbers that are negative or not finite, costs that are not one for
/// each budget, couplings of an item with itself).
Allocation solve(const Problem &problem);

/// Allocations of least loss for `points` limits of budget `index`, evenly
/// spaced from the least that any allocation takes to what the one of least
/// loss takes; the other budgets as they are. Ascending in cost, without
/// repetitions.
std::vector<Allocation> sweep(const Problem &problem, size_t index,
                              size_t points);

} // namespace qnt::allocation

#endif // QNT_ALLOCATION_PROBLEM_H
