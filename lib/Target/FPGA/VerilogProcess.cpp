//===- VerilogProcess.cpp - a process as a Verilog module -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "VerilogProcess.h"

#include "Memories.h"
#include "Products.h"
#include "States.h"
#include "VerilogOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

std::string fpga::declarePorts(const std::string &name, int64_t bits,
                               bool isInput) {
  return formatv("  {0} {3}{2}_data,\n  {0} {2}_valid,\n  {1} {2}_ready",
                 isInput ? "input" : "output", isInput ? "output" : "input",
                 name, declareRange(bits));
}

namespace {
/// Writes one module. `v3` is the result of an op in the stage where it is
/// known first, `v3_s5` the same in stage 5.
class ProcessWriter {
public:
  ProcessWriter(ProcessOp process, const Pipeline &pipeline,
                const std::string &module, Files &files)
      : process(process), pipeline(pipeline), module(module), files(files) {}

  std::string write();
  /// By a pipeline of one stage.
  std::string writeIteration();

private:
  std::string refer(Value value, int64_t stage);
  std::string delay(const std::string &name, int64_t bits, int64_t stage);
  std::string getName(Value value);
  void writeHandshake();
  void writeCounters();
  void writeStates();
  void writeOp(Operation &op);
  void writeConstantProducts(arith::MulIOp op, const ConstantProducts &lanes);
  /// Bits [low, low + bits) of the words of a memory.
  struct Column {
    std::string name;
    int64_t low, bits;
  };
  SmallVector<Column> getColumns(Value memory);
  void writeMemory(MemoryOp memory);
  void writeLoad(LoadOp load);
  void writeStore(StoreOp store);
  void writeIterationLoad(LoadOp load);
  void writeIterationStore(StoreOp store);
  void addPort(const char *direction, const std::string &name, int64_t bits) {
    portText += (portText.empty() ? "\n  " : ",\n  ") + std::string(direction) +
                " " + declareRange(bits) + name;
  }
  /// An input, called `name`, that a value is.
  void takeValue(Value value, const std::string &name);
  /// An output that a value becomes.
  void giveValue(Value value, const std::string &name);
  void declare(const char *kind, int64_t bits, const std::string &name) {
    declarations << "  " << kind << " " << declareRange(bits) << name << ";\n";
  }
  /// In each clock cycle in which the pipeline moves.
  void assign(const std::string &name, const std::string &value) {
    clocked << "      " << name << " <= " << value << ";\n";
  }

  ProcessOp process;
  const Pipeline pipeline;
  const std::string &module;
  Files &files;
  bool isIteration = false;
  /// Of an iteration.
  std::string portText;
  int64_t loads = 0, stores = 0;
  llvm::DenseMap<Value, unsigned> numbers;
  std::map<std::string, bool> isWritten;
  /// Of what has registers for each lane, by its name.
  std::map<std::string, ConstantProducts> byLanes;
  std::string declarationText, wireText, clockedText, resetText;
  llvm::raw_string_ostream declarations{declarationText}, wires{wireText},
      clocked{clockedText}, resets{resetText};
};
} // namespace

std::string ProcessWriter::getName(Value value) {
  return formatv("v{0}",
                 numbers.try_emplace(value, numbers.size()).first->second);
}

/// `name`, of the stage before, in a register.
std::string ProcessWriter::delay(const std::string &name, int64_t bits,
                                 int64_t stage) {
  StringRef base = StringRef(name).split("_s").first;
  std::string later = formatv("{0}_s{1}", base, stage);
  if (std::exchange(isWritten[later], true))
    return later;
  auto found = byLanes.find(base.str());
  if (found == byLanes.end()) {
    declare("reg", bits, later);
    assign(later, name);
    return later;
  }
  const ConstantProducts &products = found->second;
  for (auto [lane, product] : llvm::enumerate(products.lanes))
    if (product.bits > 0) {
      std::string own = nameLane(later, lane);
      declare("reg", product.bits, own);
      assign(own, nameLane(name, lane));
    }
  declare("wire", bits, later);
  writeLanes(wires, later, bits / int64_t(products.lanes.size()), products);
  return later;
}

/// Each in a register of the bits that it has: of wider ones, which end in
/// copies of the sign, Yosys 0.23 loses bits as it moves them into DSPs.
void ProcessWriter::writeConstantProducts(arith::MulIOp op,
                                          const ConstantProducts &products) {
  Value result = op.getResult();
  std::string name = getName(result);
  for (auto [lane, product] : llvm::enumerate(products.lanes)) {
    if (product.bits == 0)
      continue;
    std::string own = nameLane(name, lane), value = own + "_next";
    declare("reg", product.bits, own);
    declare("wire", product.bits, value);
    assign(own, value);
  }
  int64_t stage = pipeline.getStage(op.getOperation());
  fpga::writeConstantProducts(wires, op, products, name, [&](Value operand) {
    return refer(operand, stage);
  });
  declare("wire", countBits(result.getType()), name);
  writeLanes(wires, name,
             countBits(result.getType()) / int64_t(products.lanes.size()),
             products);
  byLanes.emplace(name, products);
}

/// The identifier of a value in a stage, where it is known.
std::string ProcessWriter::refer(Value value, int64_t stage) {
  Operation *op = value.getDefiningOp();
  std::string name = getName(value);
  if (auto constant = dyn_cast_or_null<arith::ConstantOp>(op)) {
    if (!std::exchange(isWritten[name], true)) {
      declare("wire", countBits(value.getType()), name);
      wires << "  assign " << name << " = " << writeLiteral(constant.getValue())
            << ";\n";
    }
    return name;
  }
  if (op && isWiring(op)) {
    std::string placed = formatv("{0}_s{1}", name, stage);
    if (!std::exchange(isWritten[placed], true)) {
      declare("wire", countBits(value.getType()), placed);
      writeWiring(wires, op, placed,
                  [&](Value operand) { return refer(operand, stage); });
    }
    return placed;
  }
  if (stage == pipeline.getStage(value))
    return name;
  return delay(refer(value, stage - 1), countBits(value.getType()), stage);
}

/// valid_sN: stage N holds an iteration. `moves`: the pipeline does.
void ProcessWriter::writeHandshake() {
  int64_t last = pipeline.getStages() - 1;
  auto valid = [](int64_t stage) { return formatv("valid_s{0}", stage).str(); };
  std::string ready = "1'b1", blocked = "1'b0";
  auto reads = process.getBody().getOps<ReadOp>();
  auto writes = process.getBody().getOps<WriteOp>();
  auto getNumber = [](Value stream, Block::BlockArgListType list) {
    return cast<BlockArgument>(stream).getArgNumber() -
           list.front().getArgNumber();
  };
  for (ReadOp read : reads)
    ready += formatv(" & (in{0}_valid | ~{1})",
                     getNumber(read.getStream(), process.getReadStreams()),
                     refer(read.getCondition(), 0));
  declare("wire", 1, valid(0));
  wires << "  assign valid_s0 = " << ready << ";\n";
  for (ReadOp read : reads)
    wires << formatv("  assign in{0}_ready = moves & valid_s0 & {1};\n",
                     getNumber(read.getStream(), process.getReadStreams()),
                     refer(read.getCondition(), 0));
  for (WriteOp write : writes)
    blocked +=
        formatv(" | ({1} & ~out{0}_ready)",
                getNumber(write.getStream(), process.getWrittenStreams()),
                refer(write.getCondition(), last));
  declare("wire", 1, "blocked");
  wires << "  assign blocked = " << valid(last) << " & (" << blocked << ");\n";
  declare("wire", 1, "moves");
  wires << "  assign moves = ~blocked;\n";
  for (WriteOp write : writes) {
    auto number = getNumber(write.getStream(), process.getWrittenStreams());
    // Several streams take their words of an iteration at once.
    std::string others;
    for (WriteOp other : writes)
      if (other != write)
        others +=
            formatv(" & (out{0}_ready | ~{1})",
                    getNumber(other.getStream(), process.getWrittenStreams()),
                    refer(other.getCondition(), last));
    wires << formatv("  assign out{0}_valid = {1} & {2}{3};\n", number,
                     valid(last), refer(write.getCondition(), last), others);
    wires << formatv("  assign out{0}_data = {1};\n", number,
                     refer(write.getWord(), last));
  }
  for (int64_t stage = 1; stage <= last; ++stage) {
    declare("reg", 1, valid(stage));
    resets << "      " << valid(stage) << " <= 1'b0;\n";
    assign(valid(stage), valid(stage - 1));
  }
}

/// Indices, innermost fastest, and `ends_s0` in the last iteration of a frame.
void ProcessWriter::writeCounters() {
  std::string wraps = "valid_s0";
  auto indices = process.getIndices();
  for (auto [index, count] :
       llvm::reverse(llvm::zip_equal(indices, process.getLoops()))) {
    std::string name = getName(index);
    unsigned bits = cast<IntegerType>(index.getType()).getWidth();
    declare("reg", bits, name);
    resets << formatv("      {0} <= {1}'d0;\n", name, bits);
    std::string isLast = formatv("({0} == {1}'d{2})", name, bits, count - 1);
    clocked << formatv("      if ({0}) {1} <= {2} ? {3}'d0 : {1} + {3}'d1;\n",
                       wraps, name, isLast, bits);
    wraps += " & " + isLast;
  }
  declare("wire", 1, "ends");
  wires << "  assign ends = " << wraps << ";\n";
}

void ProcessWriter::writeStates() {
  auto next = cast<NextOp>(process.getBody().front().getTerminator());
  for (auto [state, after, initial] :
       llvm::zip_equal(process.getStates(), next.getStates(),
                       process.getInitial().getAsRange<TypedAttr>())) {
    int64_t stage = pipeline.getStage(state);
    std::string name = getName(state), literal = writeLiteral(initial);
    if (!isSeenFirst(process, state)) {
      declare("reg", countBits(state.getType()), name);
      clocked << formatv("      if (valid_s{0}) {1} <= {2};\n", stage, name,
                         refer(after, stage));
      continue;
    }
    std::string ends = "ends";
    for (int64_t s = 1; s <= stage; ++s)
      ends = delay(ends, 1, s);
    declare("reg", countBits(state.getType()), name);
    resets << "      " << name << " <= " << literal << ";\n";
    clocked << formatv("      if (valid_s{0}) {1} <= {2} ? {3} : {4};\n", stage,
                       name, ends, literal, refer(after, stage));
  }
}

/// "v3", or of a memory in block RAM "v3_c1", of its columns.
SmallVector<ProcessWriter::Column> ProcessWriter::getColumns(Value memory) {
  auto op = memory.getDefiningOp<MemoryOp>();
  MemoryType type = op.getMemory().getType();
  std::string name = getName(memory);
  int64_t all = type.getWordBits(), low = 0;
  if (op.getStyle() != MemoryStyle::Block)
    return {{name, 0, all}};
  SmallVector<Column> columns;
  for (int64_t bits : getBlockColumns(type.getDepth(), all)) {
    columns.push_back({formatv("{0}_c{1}", name, columns.size()), low, bits});
    low += bits;
  }
  if (columns.size() == 1)
    columns.front().name = name;
  return columns;
}

/// What comes out of a file is in rows of hexadecimal digits.
void ProcessWriter::writeMemory(MemoryOp op) {
  MemoryType type = op.getMemory().getType();
  // Yosys calls what LUTs hold logic where nothing is written into it.
  static constexpr const char *styles[] = {nullptr, "\"block\"",
                                           "\"distributed\"", "\"ultra\""};
  const char *word = styles[unsigned(op.getStyle())];
  if (op.getContents() && op.getStyle() == MemoryStyle::Distributed)
    word = "`QNT_LUTS";
  std::string style;
  if (word)
    style = formatv("(* {0} = {1} *) ",
                    op.getContents() ? "rom_style" : "ram_style", word);
  for (const Column &column : getColumns(op.getMemory())) {
    declarations << formatv("  {0}reg {1}{2} [0:{3}];\n", style,
                            declareRange(column.bits), column.name,
                            type.getDepth() - 1);
    if (!op.getContents())
      continue;
    std::string file = module + "_" + column.name + ".mem";
    declarations << formatv("  initial $readmemh(\"{0}\", {1});\n", file,
                            column.name);
    files[file] =
        writeContents(*op.getContents(), type, column.low, column.bits);
  }
}

void ProcessWriter::writeLoad(LoadOp op) {
  int64_t stage = pipeline.getStage(op.getOperation());
  std::string name = getName(op.getWord());
  int64_t bits = countBits(op.getWord().getType());
  declare("reg", bits, name);
  std::string address = refer(op.getAddress(), stage);
  SmallVector<Column> columns = getColumns(op.getMemory());
  for (const Column &column : columns)
    assign(
        columns.size() == 1
            ? name
            : formatv("{0}[{1} +: {2}]", name, column.low, column.bits).str(),
        formatv("{0}[{1}]", column.name, address));
}

/// A word of what is written in other iterations is one that comes in.
void ProcessWriter::writeIterationLoad(LoadOp op) {
  std::string name = getName(op.getWord());
  int64_t bits = countBits(op.getWord().getType());
  if (!op.getMemory().getDefiningOp<MemoryOp>().getContents()) {
    std::string port = formatv("load{0}", loads++);
    giveValue(op.getAddress(), port + "_address");
    return takeValue(op.getWord(), port);
  }
  declare("wire", bits, name);
  std::string address = refer(op.getAddress(), 0);
  for (const Column &column : getColumns(op.getMemory()))
    wires << formatv("  assign {0}[{1} +: {2}] = {3}[{4}];\n", name, column.low,
                     column.bits, column.name, address);
}

void ProcessWriter::writeIterationStore(StoreOp op) {
  std::string port = formatv("store{0}", stores++);
  giveValue(op.getAddress(), port + "_address");
  giveValue(op.getCondition(), port + "_valid");
  giveValue(op.getWord(), port + "_data");
}

void ProcessWriter::writeStore(StoreOp op) {
  int64_t stage = pipeline.getStage(op.getOperation());
  std::string word = refer(op.getWord(), stage);
  SmallVector<Column> columns = getColumns(op.getMemory());
  for (const Column &column : columns)
    clocked << formatv(
        "      if (valid_s{0} & {1}) {2}[{3}] <= {4};\n", stage,
        refer(op.getCondition(), stage), column.name,
        refer(op.getAddress(), stage),
        columns.size() == 1
            ? word
            : formatv("{0}[{1} +: {2}]", word, column.low, column.bits).str());
}

void ProcessWriter::writeOp(Operation &op) {
  if (isWiring(&op) || isa<WriteOp, NextOp>(op))
    return;
  if (auto memory = dyn_cast<MemoryOp>(op))
    return writeMemory(memory);
  if (auto load = dyn_cast<LoadOp>(op))
    return isIteration ? writeIterationLoad(load) : writeLoad(load);
  if (auto store = dyn_cast<StoreOp>(op))
    return isIteration ? writeIterationStore(store) : writeStore(store);
  Value result = op.getResult(0);
  std::string name = getName(result);
  int64_t bits = countBits(result.getType());
  if (auto read = dyn_cast<ReadOp>(op)) {
    declare("wire", bits, name);
    wires << formatv("  assign {0} = in{1}_data;\n", name,
                     cast<BlockArgument>(read.getStream()).getArgNumber());
    return;
  }
  int64_t stage = pipeline.getStage(&op);
  // What has a stage of its own ends in a register.
  bool isRegistered = pipeline.getStage(result) != stage;
  if (auto product = dyn_cast<arith::MulIOp>(op);
      product && isRegistered && !isInLuts(product))
    if (auto lanes = getConstantProducts(product))
      return writeConstantProducts(product, *lanes);
  declare(isRegistered ? "reg" : "wire", bits, name);
  std::string value = isRegistered ? name + "_next" : name;
  if (isRegistered) {
    declare("wire", bits, value);
    assign(name, value);
  }
  writeArithmetic(wires, &op, value,
                  [&](Value operand) { return refer(operand, stage); });
}

std::string ProcessWriter::write() {
  for (Value index : process.getIndices())
    getName(index);
  writeCounters();
  for (Operation &op : process.getBody().front())
    writeOp(op);
  writeStates();
  writeHandshake();
  std::string text =
      formatv("// {0}: {1} iterations a frame, {2} stages.\n",
              process.getName(), process.getIterations(), pipeline.getStages());
  text += "module " + module + " (\n  input clk,\n  input rst";
  auto addPorts = [&](Block::BlockArgListType streams, const char *name,
                      bool isInput) {
    for (auto [number, stream] : llvm::enumerate(streams))
      text +=
          ",\n" + declarePorts(formatv("{0}{1}", name, number),
                               cast<StreamType>(stream.getType()).getWordBits(),
                               isInput);
  };
  addPorts(process.getReadStreams(), "in", true);
  addPorts(process.getWrittenStreams(), "out", false);
  text += "\n);\n" + declarationText + wireText;
  text += "  always @(posedge clk)\n    if (rst) begin\n" + resetText +
          "    end else if (moves) begin\n" + clockedText + "    end\n";
  text += "endmodule\n";
  return text;
}

void ProcessWriter::takeValue(Value value, const std::string &name) {
  int64_t bits = countBits(value.getType());
  addPort("input", name, bits);
  declare("wire", bits, getName(value));
  wires << formatv("  assign {0} = {1};\n", getName(value), name);
}

void ProcessWriter::giveValue(Value value, const std::string &name) {
  addPort("output", name, countBits(value.getType()));
  wires << formatv("  assign {0} = {1};\n", name, refer(value, 0));
}

std::string ProcessWriter::writeIteration() {
  isIteration = true;
  Block &body = process.getBody().front();
  for (auto [number, index] : llvm::enumerate(process.getIndices()))
    takeValue(index, formatv("index{0}", number));
  for (auto [number, state] : llvm::enumerate(process.getStates()))
    takeValue(state, formatv("state{0}", number));
  for (auto [number, stream] : llvm::enumerate(process.getReadStreams()))
    addPort("input", formatv("in{0}_data", number),
            cast<StreamType>(stream.getType()).getWordBits());
  for (Operation &op : body)
    writeOp(op);
  auto next = cast<NextOp>(body.getTerminator());
  for (auto [number, state] : llvm::enumerate(next.getStates()))
    giveValue(state, formatv("next{0}", number));
  for (WriteOp write : process.getBody().getOps<WriteOp>()) {
    std::string port = formatv(
        "out{0}", cast<BlockArgument>(write.getStream()).getArgNumber() -
                      process.getWrittenStreams().front().getArgNumber());
    giveValue(write.getCondition(), port + "_valid");
    giveValue(write.getWord(), port + "_data");
  }
  return "module " + module + " (" + portText + "\n);\n" + declarationText +
         wireText + "endmodule\n";
}

std::string fpga::writeIteration(ProcessOp process, const std::string &module,
                                 Files &files) {
  return ProcessWriter(process, Pipeline(), module, files).writeIteration();
}

std::string fpga::writeProcess(ProcessOp process, const Pipeline &pipeline,
                               const std::string &module, Files &files) {
  return ProcessWriter(process, pipeline, module, files).write();
}
