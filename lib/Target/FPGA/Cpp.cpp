//===- Cpp.cpp - designs as C++ for Vitis HLS -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Cpp.h"

#include "CppOps.h"
#include "CppProcess.h"
#include "DesignStreams.h"
#include "Memories.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

namespace {
/// Writes the function of a design, and those of its processes.
class DesignWriter {
public:
  explicit DesignWriter(DesignOp design)
      : design(design), name(design.getSymName().str()) {}

  FailureOr<Files> write();

private:
  void addArgument(StreamType type, const std::string &wanted, Value stream);
  void declareStream(const std::string &variable, StreamType type,
                     int64_t depth);
  LogicalResult writeProcesses();
  std::string declareResult(const std::string &function, size_t number,
                            Value result);
  void writeFetch(FetchOp fetch);
  void writeOutputs();
  std::string writeWidths();

  DesignOp design;
  std::string name;
  Files files;
  UniqueNames names;
  std::string functions, declarations, calls;
  SmallVector<std::string> parameters, comments, interfaces, outputs;
  /// The variables of streams by what is written into them.
  llvm::DenseMap<Value, std::string> variables;
  llvm::DenseMap<Value, FifoChain> chains;
};
} // namespace

void DesignWriter::addArgument(StreamType type, const std::string &wanted,
                               Value stream) {
  std::string port = names.make(wanted + "_stream");
  parameters.push_back(writeCppStreamType(type) + " &" + port);
  SmallVector<std::string> shape;
  for (int64_t size : type.getShape())
    shape.push_back(std::to_string(size));
  comments.push_back(
      formatv("// {0}: {1} {2} of {3} bits, {4} a word\n", port,
              llvm::join(shape, " x "),
              type.getElement().isSigned() ? "signed" : "unsigned",
              type.getElement().getWidth(), type.getLanes()));
  interfaces.push_back("axis port=" + port);
  if (stream)
    variables[stream] = port;
  else
    outputs.push_back(port);
}

void DesignWriter::declareStream(const std::string &variable, StreamType type,
                                 int64_t depth) {
  declarations +=
      formatv("  {0} {1}(\"{1}\");\n#pragma HLS STREAM "
              "variable={1} depth={2}\n#pragma HLS BIND_STORAGE "
              "variable={1} type=fifo impl={3}\n",
              writeCppStreamType(type), variable, depth,
              chooseMemoryStyle(depth, type.getWordBits(),
                                /*isWritten=*/true) == MemoryStyle::Block
                  ? "bram"
                  : "lutram");
}

/// The variable of what `function` gives.
std::string DesignWriter::declareResult(const std::string &function,
                                        size_t number, Value result) {
  std::string &variable = variables[result];
  if (variable.empty()) {
    variable =
        names.make(formatv("{0}_out{1}", function.substr(3), number).str());
    declareStream(variable, cast<StreamType>(result.getType()),
                  chains[result].depth);
  }
  return variable;
}

/// A function that reads bursts, and the pointer that it reads from, which a
/// register has the address of.
void DesignWriter::writeFetch(FetchOp fetch) {
  StreamType type = fetch.getResult().getType();
  std::string port = names.make(fetch.getName());
  std::string word = writeCppType(int64_t(fetch.getPort()), false);
  std::string part = writeCppType(type.getWordBits(), /*isSigned=*/false);
  parameters.push_back("const " + word + " *" + port);
  comments.push_back(
      formatv("// {0}: {1} words in memory\n", port, type.getWords()));
  interfaces.push_back(
      formatv("m_axi port={0} bundle={0} offset=slave depth={1} "
              "max_read_burst_length={2} num_read_outstanding={3}",
              port, type.getWords(), fetch.getBurst(),
              int64_t(fetch.getAhead()) / int64_t(fetch.getBurst())));
  interfaces.push_back("s_axilite port=" + port);
  std::string function = names.make("do_fetch_" + fetch.getName().str());
  functions += formatv(
      "\n// fetch: {0} words of {1} bits a frame.\nstatic void {2}(const {3} "
      "*memory,\n    {4} &out0) {{\n#pragma HLS INLINE off\n  for (int i0 = 0; "
      "i0 < {0}; ++i0) {{\n#pragma HLS PIPELINE II=1\n    {3} word = "
      "memory[i0];\n    {5} v0 = word.range({6}, 0);\n    "
      "out0.write(v0);\n  }\n}\n",
      type.getWords(), fetch.getPort(), function, word,
      writeCppStreamType(type), part, type.getWordBits() - 1);
  calls += formatv("  {0}({1}, {2});\n", function, port,
                   declareResult(function, 0, fetch.getResult()));
}

/// A stream between processes is a variable; one that leaves the design is a
/// parameter.
LogicalResult DesignWriter::writeProcesses() {
  auto output = cast<OutputOp>(design.getBody().front().getTerminator());
  auto follow = [&](Value stream) {
    FifoChain chain = followFifos(stream);
    chains[chain.source] = chain;
  };
  for (Operation &op : design.getBody().front())
    if (!isa<FifoOp>(op))
      llvm::for_each(op.getOperands(), follow);
  for (auto [stream, port] : llvm::zip_equal(output.getStreams(), outputs))
    if (Value source = chains[followFifos(stream).source].source;
        !variables.count(source))
      variables[source] = port;
  for (Operation &op : design.getBody().front()) {
    if (isa<FifoOp, OutputOp>(op))
      continue;
    if (auto fetch = dyn_cast<FetchOp>(op)) {
      writeFetch(fetch);
      continue;
    }
    auto process = dyn_cast<ProcessOp>(op);
    if (!process)
      return op.emitOpError("is neither process nor FIFO, which C++ is made "
                            "of");
    std::string function = names.make("do_" + process.getName().str());
    functions += "\n" + writeCppProcess(process, function,
                                        name + "_" + function.substr(3), files);
    SmallVector<std::string> arguments;
    for (Value input : process.getInputs())
      arguments.push_back(variables.lookup(followFifos(input).source));
    for (auto [number, result] : llvm::enumerate(process.getResults()))
      arguments.push_back(declareResult(function, number, result));
    calls += formatv("  {0}({1});\n", function, llvm::join(arguments, ", "));
  }
  return success();
}

/// Streams that no process writes.
void DesignWriter::writeOutputs() {
  auto output = cast<OutputOp>(design.getBody().front().getTerminator());
  for (auto [stream, port] : llvm::zip_equal(output.getStreams(), outputs)) {
    std::string from = variables.lookup(followFifos(stream).source);
    if (from == port)
      continue;
    auto type = cast<StreamType>(stream.getType());
    std::string function = names.make("do_pass");
    functions += formatv(
        "\nstatic void {0}({1} &in0, {1} &out0) {{\n#pragma HLS INLINE off\n"
        "  for (int i = 0; i < {2}; ++i) {{\n#pragma HLS PIPELINE II=1\n"
        "    out0.write(in0.read());\n  }\n}\n",
        function, writeCppStreamType(type), type.getWords());
    calls += formatv("  {0}({1}, {2});\n", function, from, port);
  }
}

/// Vitis' integers have up to 1024 bits unless a macro says more before its
/// header is read.
std::string DesignWriter::writeWidths() {
  int64_t bits = 0;
  for (auto fetch : design.getBody().front().getOps<FetchOp>())
    bits = std::max(bits, int64_t(fetch.getPort()));
  auto look = [&](Value stream) {
    bits = std::max(bits, cast<StreamType>(stream.getType()).getWordBits());
  };
  llvm::for_each(design.getBody().getArguments(), look);
  for (Operation &op : design.getBody().front())
    llvm::for_each(op.getResults(), look);
  if (bits <= 1024)
    return "";
  return formatv("#define AP_INT_MAX_W {0}\n", llvm::alignTo(bits, 1024));
}

FailureOr<Files> DesignWriter::write() {
  names.make(name);
  for (auto [number, stream] : llvm::enumerate(design.getBody().getArguments()))
    addArgument(cast<StreamType>(stream.getType()),
                getInputName(design, number), stream);
  for (auto [number, type] : llvm::enumerate(design.getResultTypes()))
    addArgument(cast<StreamType>(type), getOutputName(design, number), {});
  if (failed(writeProcesses()))
    return failure();
  writeOutputs();
  std::string prototype =
      formatv("void {0}({1})", name, llvm::join(parameters, ",\n    "));
  files[name + ".h"] =
      formatv("#ifndef QNT_{0}_H\n#define QNT_{0}_H\n\n{3}#include "
              "<ap_int.h>\n#include <hls_stream.h>\n\n// Takes and gives a "
              "frame:\n{1}{2};\n\n"
              "#endif\n",
              StringRef(name).upper(), llvm::join(comments, ""), prototype,
              writeWidths());
  // With registers of addresses, there are some to start it, too.
  bool hasMemory = !design.getBody().front().getOps<FetchOp>().empty();
  interfaces.push_back(hasMemory ? "s_axilite port=return"
                                 : "ap_ctrl_none port=return");
  std::string pragmas;
  for (const std::string &interface : interfaces)
    pragmas += "#pragma HLS INTERFACE " + interface + "\n";
  files[name + ".cpp"] =
      formatv("#include \"{0}.h\"\n{1}\n{2} {{\n{3}#pragma HLS "
              "DATAFLOW\n{4}{5}}\n",
              name, functions, prototype, pragmas, declarations, calls);
  return std::move(files);
}

FailureOr<Files> fpga::emitCpp(DesignOp design) {
  return DesignWriter(design).write();
}
