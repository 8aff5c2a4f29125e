//===- SetFifos.cpp - FIFOs as deep as was measured -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Passes.h"

#include "DesignStreams.h"

#include "qnt/Support/Names.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <map>

namespace qnt::fpga {
#define GEN_PASS_DEF_SETFIFOSPASS
#include "qnt/Target/FPGA/Passes.h.inc"
} // namespace qnt::fpga

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
class SetFifos : public fpga::impl::SetFifosPassBase<SetFifos> {
public:
  using SetFifosPassBase::SetFifosPassBase;

private:
  void runOnOperation() override {
    std::map<std::string, int64_t> depths;
    if (failed(readDepths(depths)))
      return signalPassFailure();
    std::map<std::string, OpOperand *> fifos = findFifos();
    std::vector<std::string> names;
    for (auto &[name, operand] : fifos)
      names.push_back(name);
    for (auto [name, depth] : depths) {
      auto found = fifos.find(name);
      if (found == fifos.end()) {
        getOperation().emitError()
            << "has no FIFO '" << name << "', of which " << file
            << " says how deep it is; the nearest name is '"
            << support::findNearest(name, names) << "'";
        return signalPassFailure();
      }
      setDepth(*found->second, depth);
    }
  }

  LogicalResult readDepths(std::map<std::string, int64_t> &depths) {
    auto text = llvm::MemoryBuffer::getFile(file);
    if (!text)
      return getOperation().emitError()
             << "cannot read '" << file << "': " << text.getError().message();
    auto root = llvm::json::parse((*text)->getBuffer());
    if (!root)
      return getOperation().emitError()
             << file << ": " << llvm::toString(root.takeError());
    const llvm::json::Object *object = root->getAsObject();
    const llvm::json::Object *all =
        object ? object->getObject("depths") : nullptr;
    if (!all || object->getString("format") != "qnt-fpga-fifos" ||
        object->getInteger("version") != 1)
      return getOperation().emitError()
             << file
             << ": expected depths, of format qnt-fpga-fifos, version 1";
    for (const auto &[name, value] : *all) {
      std::optional<int64_t> depth = value.getAsInteger();
      if (!depth || *depth < 2)
        return getOperation().emitError()
               << file << ": expected a depth of 2 or more of '" << name.str()
               << "'";
      depths[name.str()] = *depth;
    }
    return success();
  }

  /// Where a stream is read, by what the FIFO in front is called in the
  /// Verilog.
  std::map<std::string, OpOperand *> findFifos() {
    DesignOp design = getOperation();
    std::map<std::string, OpOperand *> fifos;
    for (auto [process, name] :
         llvm::zip_equal(design.getOps<ProcessOp>(), nameProcesses(design)))
      for (OpOperand &operand : process->getOpOperands())
        fifos[name + "_in" + std::to_string(operand.getOperandNumber())] =
            &operand;
    Operation *output = design.getBody().front().getTerminator();
    for (OpOperand &operand : output->getOpOperands())
      fifos[getOutputName(design, operand.getOperandNumber())] = &operand;
    return fifos;
  }

  static void setDepth(OpOperand &reader, int64_t depth) {
    while (auto fifo = reader.get().getDefiningOp<FifoOp>()) {
      reader.set(fifo.getInput());
      fifo.erase();
    }
    if (depth <= FifoChain().depth)
      return;
    OpBuilder builder(reader.getOwner());
    reader.set(FifoOp::create(builder, reader.getOwner()->getLoc(),
                              reader.get(), depth));
  }
};
} // namespace
