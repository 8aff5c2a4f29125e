//===- Verilog.cpp - designs as Verilog -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Verilog.h"

#include "Pipeline.h"
#include "VerilogOps.h"
#include "VerilogProcess.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

static constexpr double defaultClock = 100;
/// What of a clock period logic may take, by the coarse delays of Pipeline.cpp.
static constexpr double shareOfPeriod = 0.7;

static constexpr const char *fifoText = R"(
// Words in the order in which they came, up to DEPTH at once.
module qnt_fifo #(parameter WIDTH = 8, parameter DEPTH = 2, parameter BITS = 1) (
  input clk,
  input rst,
  input [WIDTH-1:0] in_data,
  input in_valid,
  output in_ready,
  output [WIDTH-1:0] out_data,
  output out_valid,
  input out_ready
);
  reg [WIDTH-1:0] words [0:DEPTH-1];
  reg [BITS-1:0] first;
  reg [BITS-1:0] free;
  reg [BITS:0] count;
  wire enters = in_valid & in_ready;
  wire leaves = out_valid & out_ready;
  assign in_ready = count != DEPTH;
  assign out_valid = count != 0;
  assign out_data = words[first];
  always @(posedge clk) begin
    if (enters) words[free] <= in_data;
    if (rst) begin
      first <= 0;
      free <= 0;
      count <= 0;
    end else begin
      if (enters) free <= (free == DEPTH - 1) ? 0 : free + 1;
      if (leaves) first <= (first == DEPTH - 1) ? 0 : first + 1;
      count <= count + {{BITS{1'b0}}, enters} - {{BITS{1'b0}}, leaves};
    end
  end
endmodule
)";

namespace {
/// Writes the module of a design, and those of its processes.
class DesignWriter {
public:
  explicit DesignWriter(DesignOp design) : design(design) {}

  FailureOr<Files> write();

private:
  std::string makeName(StringRef wanted);
  LogicalResult writeProcesses();
  void connect(const std::string &from, Value stream, const std::string &to);

  DesignOp design;
  Files files;
  llvm::StringSet<> names;
  std::string modules, body;
  /// What the ends of streams are called where they come from.
  llvm::DenseMap<Value, std::string> producers;
};
} // namespace

/// An identifier that is new.
std::string DesignWriter::makeName(StringRef wanted) {
  std::string name;
  for (char c : wanted)
    name += llvm::isAlnum(c) ? c : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name = "n" + name;
  std::string base = name;
  for (unsigned number = 1; !names.insert(name).second; ++number)
    name = base + "_" + std::to_string(number);
  return name;
}

/// Wires of a stream's end.
static std::string declareEnd(const std::string &name, StreamType type) {
  return formatv("  wire {0}{1}_data;\n  wire {1}_valid;\n  wire {1}_ready;\n",
                 declareRange(type.getWordBits()), name);
}

static std::string bindEnd(const std::string &port, const std::string &name) {
  return formatv(",\n    .{0}_data({1}_data), .{0}_valid({1}_valid), "
                 ".{0}_ready({1}_ready)",
                 port, name);
}

/// A FIFO between a stream's producer and its reader, through qflow.fifo's.
void DesignWriter::connect(const std::string &from, Value stream,
                           const std::string &to) {
  auto type = cast<StreamType>(stream.getType());
  int64_t depth = 2;
  for (auto fifo = stream.getDefiningOp<FifoOp>(); fifo;
       fifo = fifo.getInput().getDefiningOp<FifoOp>())
    depth = std::max<int64_t>(depth, fifo.getDepth());
  body +=
      formatv("  qnt_fifo #(.WIDTH({0}), .DEPTH({1}), .BITS({2})) {3} (\n"
              "    .clk(clk), .rst(rst){4}{5});\n",
              type.getWordBits(), depth, ProcessOp::getIndexBits(depth),
              makeName("fifo_" + to), bindEnd("in", from), bindEnd("out", to));
}

/// The stream that a chain of FIFOs begins with.
static Value skipFifos(Value stream) {
  while (auto fifo = stream.getDefiningOp<FifoOp>())
    stream = fifo.getInput();
  return stream;
}

LogicalResult DesignWriter::writeProcesses() {
  double clock =
      design.getClock() ? design.getClock()->convertToDouble() : defaultClock;
  for (Operation &op : design.getBody().front()) {
    if (isa<FifoOp, OutputOp>(op))
      continue;
    auto process = dyn_cast<ProcessOp>(op);
    if (!process)
      return op.emitOpError("is neither process nor FIFO, which Verilog is "
                            "made of");
    auto pipeline = Pipeline::make(process, shareOfPeriod * 1e3 / clock);
    if (failed(pipeline))
      return failure();
    // No keyword begins like that.
    std::string name = makeName("u_" + process.getName().str());
    std::string module = design.getSymName().str() + "_" + name.substr(2);
    modules += "\n" + writeProcess(process, *pipeline, module, files);
    std::string ends;
    for (auto [number, result] : llvm::enumerate(process.getResults())) {
      std::string end = formatv("{0}_out{1}", name, number);
      body += declareEnd(end, cast<StreamType>(result.getType()));
      ends += bindEnd(formatv("out{0}", number), end);
      producers[result] = end;
    }
    for (auto [number, input] : llvm::enumerate(process.getInputs())) {
      std::string end = formatv("{0}_in{1}", name, number);
      body += declareEnd(end, cast<StreamType>(input.getType()));
      ends += bindEnd(formatv("in{0}", number), end);
      connect(producers.lookup(skipFifos(input)), input, end);
    }
    body += formatv("  {0} {1} (\n    .clk(clk), .rst(rst){2});\n", module,
                    name, ends);
  }
  return success();
}

FailureOr<Files> DesignWriter::write() {
  std::string ports;
  auto getName = [](DictionaryAttr attributes, const std::string &otherwise) {
    auto name =
        attributes ? attributes.getAs<StringAttr>("qflow.name") : StringAttr();
    return name ? name.str() : otherwise;
  };
  for (auto [number, stream] :
       llvm::enumerate(design.getBody().getArguments())) {
    std::string name = makeName(
        getName(design.getArgAttrDict(number), formatv("in{0}", number)));
    ports += ",\n" + declarePorts(
                         name, cast<StreamType>(stream.getType()).getWordBits(),
                         /*isInput=*/true);
    producers[stream] = name;
  }
  if (failed(writeProcesses()))
    return failure();
  auto output = cast<OutputOp>(design.getBody().front().getTerminator());
  for (auto [number, stream] : llvm::enumerate(output.getStreams())) {
    std::string name = makeName(
        getName(design.getResultAttrDict(number), formatv("out{0}", number)));
    ports += ",\n" + declarePorts(
                         name, cast<StreamType>(stream.getType()).getWordBits(),
                         /*isInput=*/false);
    connect(producers.lookup(skipFifos(stream)), stream, name);
  }
  std::string name = design.getSymName().str();
  files[name + ".v"] =
      formatv("module {0} (\n  input clk,\n  input rst{1}\n);\n"
              "{2}endmodule\n",
              name, ports, body)
          .str() +
      modules + fifoText;
  return std::move(files);
}

FailureOr<Files> fpga::emitVerilog(DesignOp design) {
  return DesignWriter(design).write();
}
