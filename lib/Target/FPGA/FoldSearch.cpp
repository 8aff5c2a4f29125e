//===- FoldSearch.cpp - the folding that a part has room for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For a number of cycles, each dot product and each requantiser chooses how it
// is folded and where it multiplies: a multiple-choice knapsack, solved as
// qnt-allocate's. The fewest cycles that fit are found by bisection. What else
// a design has, streams between units and units of few lanes, is estimated with
// the choice made, and counted as one more item in the next round.
//
//===----------------------------------------------------------------------===//
#include "Folder.h"

#include "qnt/Allocation/Problem.h"
#include "qnt/Target/FPGA/Estimate.h"
#include "qnt/Target/FPGA/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

#include <variant>

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Rounds in which the rest of a design is estimated anew.
static constexpr int maxRounds = 4;
/// What a part's DSPs, or its block RAM, count beside its LUTs, in which wires
/// get scarce first.
static constexpr double otherShare = 0.25;
/// The most rows that share a product: of ternary weights, as 25 bits hold.
static constexpr int64_t maxShared = 6;
/// A matrix of constants, which shares sums and has no weights to be selected,
/// is a way to make an eighth as many products, too.
static constexpr int64_t constantGain = 8;
/// More than any part has.
static constexpr double unlimited = 1e12;

namespace {
/// A folding and what the design takes with it.
struct Candidate {
  Folding folding;
  Resources resources;
};

class Search {
public:
  Search(DesignOp design, const PartLimits &limits, double clock)
      : design(design), limits(limits), clock(clock) {
    for (Operation &op : design.getBody().front())
      units.push_back(&op);
  }

  enum class Kept { All, AllButLuts, None };
  /// None where a unit cannot be so fast, or the limits to be kept are not.
  std::optional<Candidate> tryCycles(int64_t cycles, Kept kept = Kept::All);
  /// Of foldings of units, ascending.
  std::vector<int64_t> listCycles();
  LogicalResult refuse(int64_t cycles);

private:
  std::optional<allocation::Problem> makeProblem(int64_t cycles);
  Folding read(int64_t cycles, const allocation::Problem &problem,
               const allocation::Allocation &chosen);
  using UnitFolding =
      std::variant<DotFolding, RequantizerFolding, DepthwiseFolding>;
  void addItem(allocation::Problem &problem, size_t unit,
               ArrayRef<std::pair<UnitFolding, Resources>> choices);
  // None of what cannot be made.
  std::optional<Resources> estimateDot(size_t unit, DotOp op,
                                       const DotFolding &folding);
  std::optional<Resources>
  estimateRequantizer(RequantizeOp op, int64_t cycles,
                      const RequantizerFolding &folding);
  std::optional<Resources> estimateDepthwise(DepthwiseOp op, int64_t cycles,
                                             const DepthwiseFolding &folding);
  std::optional<Resources> estimateDesign(const Folding &folding);
  std::vector<double> getCosts(const Resources &resources) const {
    return {double(std::max<int64_t>(0, resources.dsps)),
            double(std::max<int64_t>(0, resources.luts)),
            double(std::max<int64_t>(0, resources.halfBlocks))};
  }
  /// Of the part, above all of its LUTs.
  double getShare(const Resources &resources) const {
    std::vector<double> costs = getCosts(resources);
    return costs[1] / double(limits.luts) +
           otherShare * (costs[0] / double(limits.dsps) +
                         costs[2] / double(limits.halfBlocks));
  }

  DesignOp design;
  const PartLimits &limits;
  const double clock;
  std::vector<Operation *> units;
  /// Of the problem's items: the unit, and the folding of each choice.
  std::vector<std::pair<size_t, std::vector<UnitFolding>>> items;
  std::map<
      std::tuple<size_t, int64_t, int64_t, bool, int64_t, int64_t, bool, bool>,
      std::optional<Resources>>
      ofDots;
};
} // namespace

/// Of the process that `lower` makes of a copy of a unit, whose streams have
/// other lanes; none where that cannot be estimated.
template <typename Op>
static std::optional<Resources>
estimateUnit(Op op, ArrayRef<StreamType> inputs, StreamType result,
             double clock, function_ref<void(Op)> adapt,
             ProcessOp (*lower)(Op, OpBuilder &)) {
  ScopedDiagnosticHandler silence(op.getContext(),
                                  [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(op.getLoc());
  auto builder = OpBuilder::atBlockEnd(scratch->getBody());
  IRMapping mapping;
  for (auto [operand, type] : llvm::zip_equal(op->getOperands(), inputs))
    mapping.map(operand, scratch->getBody()->addArgument(type, op.getLoc()));
  auto copy = cast<Op>(builder.clone(*op.getOperation(), mapping));
  copy.getResult().setType(result);
  adapt(copy);
  auto stage = estimate(lower(copy, builder), clock);
  if (failed(stage))
    return std::nullopt;
  return stage->resources;
}

/// With the window that it reads, and the FIFO of sums that come at once.
std::optional<Resources> Search::estimateDot(size_t unit, DotOp op,
                                             const DotFolding &folding) {
  auto [known, isNew] = ofDots.try_emplace(
      {unit, folding.pe, folding.simd, folding.inLuts, folding.shared,
       folding.vectors, folding.asIntegers, folding.inTables},
      std::nullopt);
  if (!isNew)
    return known->second;
  std::optional<Resources> all = estimateUnit<DotOp>(
      op, {withLanes(op.getInput().getType(), folding.simd)},
      withLanes(op.getResult().getType(), folding.pe), clock,
      [&](DotOp copy) { setProducts(copy, folding); },
      op.getPort()       ? lowerMemoryDot
      : folding.inTables ? lowerTableDot
                         : lowerDot);
  StreamType to = op.getResult().getType();
  if (all && folding.inTables)
    *all += estimateFifo(folding.pe * to.getElement().getWidth(),
                         to.getShape().back() / folding.pe);
  auto window = op.getInput().getDefiningOp<WindowOp>();
  if (all && window) {
    std::optional<Resources> read = estimateUnit<WindowOp>(
        window, {withLanes(window.getInput().getType(), folding.simd)},
        foldWindows(window, folding.simd), clock, [](WindowOp) {}, lowerWindow);
    if (!read)
      return std::nullopt;
    *all += *read;
  }
  return known->second = all;
}

std::optional<Resources>
Search::estimateRequantizer(RequantizeOp op, int64_t cycles,
                            const RequantizerFolding &folding) {
  StreamType type = op.getInput().getType();
  int64_t lanes = 1;
  while (
      lanes < type.getShape().back() &&
      (type.getShape().back() % lanes || type.getElements() / lanes > cycles))
    ++lanes;
  SmallVector<StreamType> inputs;
  for (Value operand : op->getOperands())
    inputs.push_back(withLanes(cast<StreamType>(operand.getType()), lanes));
  return estimateUnit<RequantizeOp>(
      op, inputs, withLanes(op.getResult().getType(), lanes), clock,
      [&](RequantizeOp copy) { setProducts(copy, folding); }, lowerRequantize);
}

std::optional<Resources>
Search::estimateDepthwise(DepthwiseOp op, int64_t cycles,
                          const DepthwiseFolding &folding) {
  LaneFolding unit = *getLaneFolding(op);
  SmallVector<int64_t> legal = getLegalLanes(unit);
  auto lanes = llvm::find_if(
      legal, [&](int64_t count) { return unit.work / count <= cycles; });
  auto window = op.getInput().getDefiningOp<WindowOp>();
  if (lanes == legal.end() || !window)
    return std::nullopt;
  return estimateUnit<DepthwiseOp>(
      op, {foldWindows(window, *lanes)},
      withLanes(op.getResult().getType(), *lanes * op.getMultiplier()), clock,
      [&](DepthwiseOp copy) { copy.setInLuts(folding.inLuts); },
      lowerDepthwise);
}

void Search::addItem(allocation::Problem &problem, size_t unit,
                     ArrayRef<std::pair<UnitFolding, Resources>> choices) {
  allocation::Item item{std::to_string(unit), {}};
  items.push_back({unit, {}});
  for (const auto &[folding, resources] : choices) {
    item.choices.push_back({"", getShare(resources), getCosts(resources)});
    items.back().second.push_back(folding);
  }
  problem.items.push_back(std::move(item));
}

static bool isWhole(DotOp op, const DotFolding &folding) {
  ArrayRef<int64_t> shape = op.getWeights().getType().getShape();
  return folding.pe == shape[0] && folding.simd == shape[1];
}

/// With the fewest multipliers, and all at once where that are few more.
static SmallVector<DotFolding> listFoldings(DotOp op, int64_t cycles) {
  SmallVector<DotFolding> all = getFoldings(op),
                          some = getFewest(op, all, cycles);
  if (some.empty() || op.getPort() || isWhole(op, some.front()))
    return some;
  auto whole = llvm::find_if(
      all, [&](const DotFolding &folding) { return isWhole(op, folding); });
  if (whole != all.end() &&
      whole->getMultipliers() <= constantGain * some.front().getMultipliers())
    some.push_back(*whole);
  return some;
}

/// Ways to make the products of a folding: in LUTs, in DSPs, in DSPs that rows
/// share; of minifloats, or of the integers that they are.
static SmallVector<DotFolding> listProducts(DotOp op, DotFolding folding) {
  // Products of constants are other hardware.
  if (!op.getPort() && isWhole(op, folding))
    return {folding};
  SmallVector<DotFolding> ways;
  auto add = [&] {
    for (bool inLuts : {false, true}) {
      folding.inLuts = inLuts;
      ways.push_back(folding);
    }
    folding.inLuts = false;
  };
  add();
  if (op.getMinifloat() && !op.getPort()) {
    int64_t bits = op.getWeights().getElementType().getIntOrFloatBitWidth();
    folding.asIntegers = true;
    if (folding.getMultipliers() * bits > maxWordBits)
      return ways;
    add();
  }
  // What comes from memory lies as it is multiplied.
  if (op.getPort())
    return ways;
  IntegerType input = op.getInput().getType().getElement();
  auto weights = cast<DenseIntElementsAttr>(op.getWeights());
  for (folding.shared = 2; folding.shared <= maxShared; ++folding.shared) {
    if (folding.pe % folding.shared)
      continue;
    if (DotOp::getSharedRows(weights, input, folding.pe, folding.simd,
                             folding.shared))
      ways.push_back(folding);
  }
  return ways;
}

/// Ways to multiply pairs of vectors, whose rows may share products, too.
static SmallVector<DotFolding> listPairs(DotOp op, DotFolding folding) {
  SmallVector<DotFolding> ways;
  auto weights = cast<DenseIntElementsAttr>(op.getWeights());
  folding.asIntegers = bool(op.getMinifloat());
  for (folding.shared = 1; folding.shared <= maxShared; ++folding.shared)
    if (folding.pe % folding.shared == 0 &&
        DotOp::getSharedRows(weights, op.getInput().getType().getElement(),
                             folding.pe, folding.simd, folding.shared,
                             folding.vectors))
      ways.push_back(folding);
  return ways;
}

/// None where a unit cannot be so fast.
std::optional<allocation::Problem> Search::makeProblem(int64_t cycles) {
  allocation::Problem problem;
  problem.budgets = {{"DSPs", double(limits.dsps)},
                     {"LUTs", double(limits.luts)},
                     {"halves of block RAMs", double(limits.halfBlocks)}};
  items.clear();
  for (auto [number, op] : llvm::enumerate(units)) {
    SmallVector<std::pair<UnitFolding, Resources>> choices;
    auto choose = [&](const UnitFolding &folding,
                      const std::optional<Resources> &resources) {
      if (resources)
        choices.emplace_back(folding, *resources);
    };
    if (auto dot = dyn_cast<DotOp>(op)) {
      for (const DotFolding &folding : listFoldings(dot, cycles))
        for (const DotFolding &choice : listProducts(dot, folding))
          choose(choice, estimateDot(number, dot, choice));
      for (DotFolding folding : getFewest(dot, getPairFoldings(dot), cycles))
        for (const DotFolding &choice : listPairs(dot, folding))
          choose(choice, estimateDot(number, dot, choice));
      for (const DotFolding &choice :
           getFewest(dot, getTableFoldings(dot), cycles))
        choose(choice, estimateDot(number, dot, choice));
    } else if (auto requantizer = dyn_cast<RequantizeOp>(op)) {
      SmallVector<RequantizerFolding> ways = {{}, {.inLuts = true}};
      if (requantizer.mayHaveThresholds())
        ways.push_back({.byThresholds = true});
      for (const RequantizerFolding &way : ways)
        choose(way, estimateRequantizer(requantizer, cycles, way));
    } else if (auto depthwise = dyn_cast<DepthwiseOp>(op)) {
      for (DepthwiseFolding way : {DepthwiseFolding{}, DepthwiseFolding{true}})
        choose(way, estimateDepthwise(depthwise, cycles, way));
    } else {
      continue;
    }
    if (choices.empty())
      return std::nullopt;
    addItem(problem, number, choices);
  }
  return problem;
}

Folding Search::read(int64_t cycles, const allocation::Problem &problem,
                     const allocation::Allocation &chosen) {
  Folding folding;
  folding.cycles = cycles;
  for (auto [number, item] : llvm::enumerate(items)) {
    const UnitFolding &choice = item.second[chosen.choices[number]];
    if (auto *dot = std::get_if<DotFolding>(&choice))
      folding.dots[item.first] = *dot;
    else if (auto *depthwise = std::get_if<DepthwiseFolding>(&choice))
      folding.depthwise[item.first] = *depthwise;
    else
      folding.requantizers[item.first] = std::get<RequantizerFolding>(choice);
  }
  return folding;
}

/// None where a unit cannot be so fast.
std::optional<Resources> Search::estimateDesign(const Folding &folding) {
  MLIRContext *context = design.getContext();
  ScopedDiagnosticHandler silence(context,
                                  [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> module = ModuleOp::create(design.getLoc());
  auto copy = cast<DesignOp>(design->clone());
  module->push_back(copy);
  copy.setClockAttr(FloatAttr::get(Float64Type::get(context), clock));
  if (failed(foldDesign(copy, folding)))
    return std::nullopt;
  PassManager pm(context);
  pm.enableVerifier(false);
  OpPassManager &designs = pm.nest<DesignOp>();
  designs.addPass(createSizeFifosPass());
  designs.addPass(createLowerUnitsPass());
  if (failed(pm.run(*module)))
    return std::nullopt;
  auto found = estimate(copy);
  if (failed(found))
    return std::nullopt;
  return found->total;
}

std::optional<Candidate> Search::tryCycles(int64_t cycles, Kept kept) {
  std::optional<allocation::Problem> made = makeProblem(cycles);
  if (!made)
    return std::nullopt;
  allocation::Problem &problem = *made;
  for (auto [number, budget] : llvm::enumerate(problem.budgets))
    if (kept == Kept::None || (kept == Kept::AllButLuts && number == 1))
      budget.limit = unlimited;
  problem.items.push_back({"rest", {{"", 0, {0, 0, 0}}}});
  for (int round = 0; round < maxRounds; ++round) {
    allocation::Allocation chosen;
    try {
      chosen = allocation::solve(problem);
    } catch (const allocation::InfeasibleError &) {
      return std::nullopt;
    }
    Candidate candidate{read(cycles, problem, chosen), {}};
    auto resources = estimateDesign(candidate.folding);
    if (!resources)
      return std::nullopt;
    candidate.resources = *resources;
    std::vector<double> all = getCosts(*resources);
    if (llvm::all_of(llvm::zip_equal(all, problem.budgets), [](auto pair) {
          return std::get<0>(pair) <= std::get<1>(pair).limit;
        }))
      return candidate;
    std::vector<double> &rest = problem.items.back().choices.front().costs;
    for (auto [index, cost] : llvm::enumerate(rest))
      cost = std::max(cost, all[index] - (chosen.costs[index] - cost));
  }
  return std::nullopt;
}

std::vector<int64_t> Search::listCycles() {
  std::set<int64_t> cycles;
  for (Operation *op : units)
    if (auto dot = dyn_cast<DotOp>(op))
      for (const auto &foldings :
           {getFoldings(dot), getPairFoldings(dot), getTableFoldings(dot)})
        for (const DotFolding &folding : foldings)
          cycles.insert(countCycles(dot, folding));
  // What others can be fast, where dot products are.
  if (!cycles.empty())
    for (Operation *op : units)
      if (auto unit = getLaneFolding(op))
        for (int64_t lanes : getLegalLanes(*unit))
          cycles.insert(unit->work / lanes);
  return {cycles.begin(), cycles.end()};
}

/// By the fewest LUTs with what there is of all else, or where that is not
/// enough the least of all together.
LogicalResult Search::refuse(int64_t cycles) {
  auto needed = tryCycles(cycles, Kept::AllButLuts);
  if (!needed)
    needed = tryCycles(cycles, Kept::None);
  // A unit that cannot be so fast says so.
  if (!needed) {
    OwningOpRef<DesignOp> copy = cast<DesignOp>(design->clone());
    Folding folding;
    folding.cycles = cycles;
    if (failed(foldDesign(*copy, folding)))
      return failure();
    return design.emitError("has no folding of at most ")
           << cycles << " cycles a frame that can be estimated";
  }
  return design.emitError()
         << llvm::formatv(
                "does not fit {0}: a frame in {1} cycles takes about {2} DSPs, "
                "{3} LUTs and {4} block RAMs at the least, expected at most "
                "{5}, {6} and {7}",
                limits.part, cycles, needed->resources.dsps,
                needed->resources.luts, needed->resources.getBlockRAMs(),
                limits.dsps, limits.luts, double(limits.halfBlocks) / 2)
                .str();
}

FailureOr<Folding> fpga::searchFolding(DesignOp design, int64_t cycles,
                                       const PartLimits &limits, double clock) {
  Search search(design, limits, clock);
  if (cycles > 0) {
    if (auto found = search.tryCycles(cycles))
      return found->folding;
    return search.refuse(cycles);
  }
  std::vector<int64_t> all = search.listCycles();
  // Of designs without dot products, whatever they take is streams.
  if (all.empty())
    return design.emitError("has no qflow.dot, expected cycles a frame");
  auto best = search.tryCycles(all.back());
  if (!best)
    return search.refuse(all.back());
  size_t low = 0, high = all.size() - 1;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (auto found = search.tryCycles(all[middle])) {
      best = std::move(found);
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return best->folding;
}
