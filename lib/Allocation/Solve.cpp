//===- Solve.cpp - allocations by integer programs --------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Allocation/Problem.h"

#include <Cbc_C_Interface.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <sstream>

using namespace qnt::allocation;

/// After so many nodes of its search the best allocation is taken: tensors that
/// are much alike have very many of nearly the same loss, and to prove one the
/// best takes hours.
static constexpr char maxNodes[] = "5000";

static void requireNumbers(const std::vector<double> &costs, size_t budgets,
                           const std::string &what) {
  if (costs.size() != budgets)
    throw std::invalid_argument(what + ": expected a cost for each budget");
  for (double cost : costs)
    if (!(std::isfinite(cost) && cost >= 0))
      throw std::invalid_argument(what + ": a cost is negative or not finite");
}

static void require(const Problem &problem) {
  size_t budgets = problem.budgets.size();
  for (const Item &item : problem.items) {
    if (item.choices.empty())
      throw std::invalid_argument(item.name + ": no choice");
    for (const Choice &choice : item.choices) {
      std::string what = item.name + ", " + choice.name;
      requireNumbers(choice.costs, budgets, what);
      if (!(std::isfinite(choice.loss) && choice.loss >= 0))
        throw std::invalid_argument(what + ": loss is negative or not finite");
    }
  }
  for (const Coupling &coupling : problem.couplings) {
    if (std::max(coupling.first, coupling.second) >= problem.items.size() ||
        coupling.first == coupling.second)
      throw std::invalid_argument("a coupling of no two items");
    size_t rows = problem.items[coupling.first].choices.size();
    size_t columns = problem.items[coupling.second].choices.size();
    if (coupling.costs.size() != rows)
      throw std::invalid_argument("a coupling without all choices");
    for (const auto &row : coupling.costs) {
      if (row.size() != columns)
        throw std::invalid_argument("a coupling without all choices");
      for (const std::vector<double> &costs : row)
        requireNumbers(costs, budgets, "coupling");
    }
  }
}

void qnt::allocation::restrictChoices(
    Problem &problem, size_t item,
    const std::function<bool(const Choice &)> &isAllowed) {
  std::vector<Choice> &choices = problem.items[item].choices;
  auto keepAllowed = [&](auto &list) {
    size_t kept = 0;
    for (size_t i = 0; i < choices.size(); ++i)
      if (isAllowed(choices[i]) && kept++ != i)
        list[kept - 1] = std::move(list[i]);
    list.resize(kept);
  };
  for (Coupling &coupling : problem.couplings) {
    if (coupling.first == item)
      keepAllowed(coupling.costs);
    if (coupling.second == item)
      for (auto &row : coupling.costs)
        keepAllowed(row);
  }
  std::vector<Choice> allowed;
  std::copy_if(choices.begin(), choices.end(), std::back_inserter(allowed),
               isAllowed);
  choices = std::move(allowed);
}

Allocation qnt::allocation::evaluate(const Problem &problem,
                                     std::vector<size_t> choices) {
  Allocation result{std::move(choices), 0, {}};
  result.costs.resize(problem.budgets.size());
  auto chosen = [&](size_t item) -> const Choice & {
    return problem.items[item].choices[result.choices[item]];
  };
  auto add = [&](const std::vector<double> &costs) {
    for (size_t i = 0; i < costs.size(); ++i)
      result.costs[i] += costs[i];
  };
  for (size_t i = 0; i < problem.items.size(); ++i) {
    result.loss += chosen(i).loss;
    add(chosen(i).costs);
  }
  for (const Coupling &coupling : problem.couplings)
    add(coupling.costs[result.choices[coupling.first]]
                      [result.choices[coupling.second]]);
  return result;
}

namespace {
/// The integer program of a problem: a 0-1 column for each choice, then one for
/// each pair of choices of each coupling, which is 1 where both are made; a row
/// for each item and budget, and one for each choice of a coupling's items: its
/// pairs add up to it. Pairs are whole where choices are, and the relaxation is
/// exact but for the budgets where couplings form no circle.
class Program {
public:
  /// With `objective`, the least sum of what that budget counts is looked for
  /// instead of the least loss, and its own limit does not hold.
  explicit Program(const Problem &problem,
                   std::optional<size_t> objective = std::nullopt);

  /// None where no allocation keeps to the limits.
  std::optional<Allocation> solve(double slack);

private:
  struct Delete {
    void operator()(Cbc_Model *model) const { Cbc_deleteModel(model); }
  };
  using Entry = std::pair<int, double>;

  void addColumn(double objective, bool isInteger);
  void addRow(const std::vector<Entry> &entries, char sense, double side);
  void addItems();
  void addBudget(size_t index, double slack);
  void addCouplings();
  double getObjective(double loss, const std::vector<double> &costs) const {
    return objective ? costs[*objective] : loss;
  }

  const Problem &problem;
  std::optional<size_t> objective;
  std::unique_ptr<Cbc_Model, Delete> model;
  /// The first column of each item, and of each coupling.
  std::vector<int> first, firstPair;
  int columns = 0;
};
} // namespace

Program::Program(const Problem &problem, std::optional<size_t> objective)
    : problem(problem), objective(objective) {
  for (const Item &item : problem.items) {
    first.push_back(columns);
    columns += int(item.choices.size());
  }
  first.push_back(columns);
  for (const Coupling &coupling : problem.couplings) {
    firstPair.push_back(columns);
    columns += int(coupling.costs.size() * coupling.costs.front().size());
  }
}

void Program::addColumn(double objective, bool isInteger) {
  Cbc_addCol(model.get(), "", 0, 1, objective, char(isInteger), 0, nullptr,
             nullptr);
}

void Program::addRow(const std::vector<Entry> &entries, char sense,
                     double side) {
  std::vector<int> indices;
  std::vector<double> values;
  for (auto [index, value] : entries) {
    indices.push_back(index);
    values.push_back(value);
  }
  Cbc_addRow(model.get(), "", int(indices.size()), indices.data(),
             values.data(), sense, side);
}

void Program::addItems() {
  // Tolerances of the solver are absolute: the largest loss becomes 1e6.
  double largest = 0;
  for (const Item &item : problem.items)
    for (const Choice &choice : item.choices)
      largest = std::max(largest, getObjective(choice.loss, choice.costs));
  double scale = largest > 0 ? 1e6 / largest : 1;
  for (const Item &item : problem.items)
    for (const Choice &choice : item.choices)
      addColumn(getObjective(choice.loss, choice.costs) * scale, true);
  for (const Coupling &coupling : problem.couplings)
    for (const auto &row : coupling.costs)
      for (const std::vector<double> &costs : row)
        addColumn(getObjective(0, costs) * scale, false);
  for (size_t i = 0; i < problem.items.size(); ++i) {
    std::vector<Entry> row;
    for (int column = first[i]; column < first[i + 1]; ++column)
      row.emplace_back(column, 1.0);
    addRow(row, 'E', 1);
  }
}

void Program::addBudget(size_t index, double slack) {
  double limit = problem.budgets[index].limit;
  double scale = limit > 0 ? 1 / limit : 1;
  std::vector<Entry> row;
  for (size_t i = 0; i < problem.items.size(); ++i)
    for (size_t j = 0; j < problem.items[i].choices.size(); ++j)
      row.emplace_back(first[i] + int(j),
                       problem.items[i].choices[j].costs[index] * scale);
  int column = first.back();
  for (const Coupling &coupling : problem.couplings)
    for (const auto &pairs : coupling.costs)
      for (const std::vector<double> &costs : pairs)
        row.emplace_back(column++, costs[index] * scale);
  addRow(row, 'L', limit * scale - slack);
}

void Program::addCouplings() {
  for (size_t i = 0; i < problem.couplings.size(); ++i) {
    const Coupling &coupling = problem.couplings[i];
    int rows = int(coupling.costs.size());
    int columns = int(coupling.costs.front().size());
    auto getPair = [&](int j, int k) { return firstPair[i] + j * columns + k; };
    for (int j = 0; j < rows; ++j) {
      std::vector<Entry> row = {{first[coupling.first] + j, -1.0}};
      for (int k = 0; k < columns; ++k)
        row.emplace_back(getPair(j, k), 1.0);
      addRow(row, 'E', 0);
    }
    for (int k = 0; k < columns; ++k) {
      std::vector<Entry> row = {{first[coupling.second] + k, -1.0}};
      for (int j = 0; j < rows; ++j)
        row.emplace_back(getPair(j, k), 1.0);
      addRow(row, 'E', 0);
    }
  }
}

std::optional<Allocation> Program::solve(double slack) {
  model.reset(Cbc_newModel());
  Cbc_setParameter(model.get(), "log", "0");
  // Its preprocessing loses the best solutions of some small programs.
  Cbc_setParameter(model.get(), "preprocess", "off");
  Cbc_setParameter(model.get(), "ratioGap", "1e-9");
  Cbc_setParameter(model.get(), "allowableGap", "0");
  Cbc_setParameter(model.get(), "increment", "1e-7");
  Cbc_setParameter(model.get(), "maxNodes", maxNodes);
  Cbc_setParameter(model.get(), "randomSeed", "1");
  Cbc_setParameter(model.get(), "randomCbcSeed", "1");
  addItems();
  for (size_t i = 0; i < problem.budgets.size(); ++i)
    if (i != objective)
      addBudget(i, slack);
  addCouplings();
  Cbc_solve(model.get());
  const double *values = Cbc_getColSolution(model.get());
  if (Cbc_isNodeLimitReached(model.get())) {
    values = Cbc_bestSolution(model.get());
    if (!values)
      throw std::runtime_error("no allocation was found in " +
                               std::string(maxNodes) + " nodes");
  } else if (!Cbc_isProvenOptimal(model.get())) {
    return std::nullopt;
  }
  std::vector<size_t> choices;
  for (size_t i = 0; i < problem.items.size(); ++i)
    choices.push_back(
        std::max_element(values + first[i], values + first[i + 1]) -
        (values + first[i]));
  return evaluate(problem, std::move(choices));
}

static bool keepsBudgets(const Problem &problem, const Allocation &found,
                         std::optional<size_t> except = std::nullopt) {
  for (size_t i = 0; i < problem.budgets.size(); ++i)
    if (i != except && found.costs[i] > problem.budgets[i].limit)
      return false;
  return true;
}

/// Solves; a solution that goes beyond a limit by what the solver tolerates is
/// looked for again with less.
static std::optional<Allocation>
run(const Problem &problem, std::optional<size_t> objective = std::nullopt) {
  for (double slack : {0.0, 1e-8, 1e-6}) {
    std::optional<Allocation> found = Program(problem, objective).solve(slack);
    if (!found || keepsBudgets(problem, *found, objective))
      return found;
  }
  return std::nullopt;
}

/// The allocation that takes least of budget `index`, whatever the others.
static Allocation getCheapest(const Problem &problem, size_t index) {
  Problem alone = problem;
  alone.budgets = {problem.budgets[index]};
  for (Item &item : alone.items)
    for (Choice &choice : item.choices)
      choice.costs = {choice.costs[index]};
  for (Coupling &coupling : alone.couplings)
    for (auto &row : coupling.costs)
      for (std::vector<double> &costs : row)
        costs = {costs[index]};
  return evaluate(problem, run(alone, 0)->choices);
}

/// What no allocation exceeds.
static double getLargestCost(const Problem &problem, size_t index) {
  double sum = 0;
  for (const Item &item : problem.items) {
    double most = 0;
    for (const Choice &choice : item.choices)
      most = std::max(most, choice.costs[index]);
    sum += most;
  }
  for (const Coupling &coupling : problem.couplings) {
    double most = 0;
    for (const auto &row : coupling.costs)
      for (const std::vector<double> &costs : row)
        most = std::max(most, costs[index]);
    sum += most;
  }
  return sum;
}

[[noreturn]] static void fail(const Problem &problem) {
  std::ostringstream text;
  text.precision(8);
  for (size_t i = 0; i < problem.budgets.size(); ++i) {
    const Budget &budget = problem.budgets[i];
    double least = getCheapest(problem, i).costs[i];
    if (least <= budget.limit)
      continue;
    text << "a budget of " << budget.limit << " " << budget.name
         << " cannot be kept: expected " << least << " to "
         << getLargestCost(problem, i);
    throw InfeasibleError(text.str());
  }
  text << "the budgets cannot be kept together:";
  for (const Budget &budget : problem.budgets)
    text << " " << budget.limit << " " << budget.name;
  throw InfeasibleError(text.str());
}

Allocation qnt::allocation::solve(const Problem &problem) {
  require(problem);
  // Without what is dear, where that is within budget, nothing is to be chosen.
  std::vector<size_t> best;
  for (const Item &item : problem.items)
    best.push_back(std::min_element(item.choices.begin(), item.choices.end(),
                                    [](const Choice &a, const Choice &b) {
                                      return a.loss < b.loss;
                                    }) -
                   item.choices.begin());
  Allocation unlimited = evaluate(problem, std::move(best));
  if (keepsBudgets(problem, unlimited))
    return unlimited;
  if (std::optional<Allocation> found = run(problem))
    return *found;
  fail(problem);
}

std::vector<Allocation> qnt::allocation::sweep(const Problem &problem,
                                               size_t index, size_t points) {
  Problem at = problem;
  double low = getCheapest(problem, index).costs[index];
  at.budgets[index].limit = getLargestCost(problem, index);
  double high = solve(at).costs[index];
  std::vector<Allocation> result;
  for (size_t i = 0; i < points; ++i) {
    at.budgets[index].limit =
        i + 1 == points ? high
                        : low + (high - low) * double(i) / double(points - 1);
    std::optional<Allocation> found = run(at);
    if (found && (result.empty() || found->loss < result.back().loss))
      result.push_back(std::move(*found));
  }
  return result;
}
