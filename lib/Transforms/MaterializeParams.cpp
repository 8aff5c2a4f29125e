//===- MaterializeParams.cpp - expressions to a new store -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ParamStreamer.h"
#include "PassErrors.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringSet.h"

namespace qnt {
#define GEN_PASS_DEF_MATERIALIZEPARAMS
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;
using ml_program::GlobalLoadConstOp;
using ml_program::GlobalOp;

namespace {
class MaterializeParamsPass
    : public qnt::impl::MaterializeParamsBase<MaterializeParamsPass> {
public:
  using MaterializeParamsBase::MaterializeParamsBase;

  void runOnOperation() override {
    if (failed(
            reportErrors(getOperation(), getArgument(), [&] { return run(); })))
      signalPassFailure();
  }

private:
  LogicalResult run();
  std::vector<ParamJob> nameJobs(ArrayRef<ParamRoot> roots);
  void rewrite(ArrayRef<ParamRoot> roots, ArrayRef<ParamJob> jobs);
};
} // namespace

/// Names every parameter after its source. The names of its tensors in the new
/// file are unique, and so is its symbol.
std::vector<ParamJob>
MaterializeParamsPass::nameJobs(ArrayRef<ParamRoot> roots) {
  llvm::StringSet<> taken;
  for (Operation &op : getOperation().getOps())
    if (auto symbol = dyn_cast<SymbolOpInterface>(op))
      if (!isa<GlobalOp>(op))
        taken.insert(symbol.getName());
  std::vector<ParamJob> jobs;
  for (const ParamRoot &root : roots) {
    Value value = root.front();
    StringRef source = getParamName(value);
    if (source.empty())
      source = getLocationName(value.getLoc());
    std::string base = temporary        ? std::to_string(jobs.size())
                       : source.empty() ? "constant"
                                        : source.str();
    ParamJob job{value, base, {}};
    for (unsigned n = 2;; ++n) {
      job.entries = getStoredTensors(value.getType(), job.name);
      bool free = !taken.contains(job.name) &&
                  llvm::none_of(job.entries, [&](const auto &entry) {
                    return taken.contains(entry.name);
                  });
      if (free)
        break;
      job.name = base + "." + std::to_string(n);
    }
    taken.insert(job.name);
    for (const auto &entry : job.entries)
      taken.insert(entry.name);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

void MaterializeParamsPass::rewrite(ArrayRef<ParamRoot> roots,
                                    ArrayRef<ParamJob> jobs) {
  ModuleOp module = getOperation();
  SmallVector<Type> types;
  for (auto [root, job] : llvm::zip_equal(roots, jobs)) {
    types.push_back(job.value.getType());
    GlobalLoadConstOp previous;
    for (Value value : root.values) {
      Operation *op = value.getDefiningOp();
      if (!previous || previous->getBlock() != op->getBlock()) {
        OpBuilder builder(op);
        previous = GlobalLoadConstOp::create(
            builder, value.getLoc(), value.getType(),
            FlatSymbolRefAttr::get(&getContext(), job.name));
      }
      value.replaceAllUsesWith(previous.getResult());
    }
  }
  // The expressions are dead now, and so are the globals behind them.
  module.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isParamExpressionOp(op) && isOpTriviallyDead(op))
      op->erase();
  });
  for (GlobalOp global : llvm::make_early_inc_range(module.getOps<GlobalOp>()))
    if (isa_and_nonnull<ml_program::ExternAttr>(
            global.getValue().value_or(Attribute())))
      global.erase();
  OpBuilder builder(&getContext());
  builder.setInsertionPointToStart(module.getBody());
  for (auto [job, type] : llvm::zip_equal(jobs, types)) {
    GlobalOp::create(builder, module.getLoc(), job.name, type,
                     /*is_mutable=*/false,
                     ml_program::ExternAttr::get(&getContext(), type),
                     builder.getStringAttr("private"));
  }
}

LogicalResult MaterializeParamsPass::run() {
  ModuleOp module = getOperation();
  if (output.empty())
    return module.emitError("qnt-materialize-params: expected output=FILE");
  auto path = module->getAttrOfType<StringAttr>("qnt.params");
  bool loads =
      module.walk([](GlobalLoadConstOp) { return WalkResult::interrupt(); })
          .wasInterrupted();
  if (!path && loads)
    return module.emitError("qnt-materialize-params: the module has no "
                            "qnt.params that names a parameter store");
  // A model without parameters gets a store without tensors.
  static constexpr char empty[] = "\2\0\0\0\0\0\0\0{}";
  auto store =
      path ? params::ParamStore::open(path.str())
           : params::ParamStore::fromMemory(
                 std::as_bytes(std::span(empty, sizeof(empty) - 1)), "");
  std::shared_ptr<params::ParamStore> statistics;
  if (auto file = module->getAttrOfType<StringAttr>("qnt.statistics"))
    statistics = params::ParamStore::open(file.str());
  ParamEvaluator evaluator(*store, statistics.get());
  SmallVector<ParamRoot> roots = collectParamRoots(module);
  for (const ParamRoot &root : roots)
    evaluator.check(root.front());
  std::vector<ParamJob> jobs = nameJobs(roots);
  std::vector<params::SafeTensorsWriter::Entry> entries;
  for (const ParamJob &job : jobs)
    llvm::append_range(entries, job.entries);
  using Kind = params::SafeTensorsWriter::Kind;
  params::SafeTensorsWriter writer(output, std::move(entries), {},
                                   temporary ? Kind::Temporary : Kind::Durable);
  ParamStreamer(evaluator, *store, jobs, writer).run(&getContext());
  writer.finish();
  rewrite(roots, jobs);
  Builder builder(&getContext());
  module->setAttr("qnt.params", builder.getStringAttr(output));
  module->removeAttr("qnt.statistics");
  module->setAttr("qnt.params_sha256", builder.getStringAttr(writer.sha256()));
  return success();
}
