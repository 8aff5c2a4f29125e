//===- CppProcess.cpp - a process as a C++ function -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CppProcess.h"

#include "CppOps.h"
#include "Lanes.h"
#include "Products.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

/// Numbers that stand in the function itself; more are in a file of their own.
static constexpr int64_t maxOwnNumbers = 256;

std::string fpga::writeCppStreamType(StreamType type) {
  return formatv("hls::stream<{0}>",
                 writeCppType(type.getWordBits(), /*isSigned=*/false));
}

namespace {
/// Writes one function: memories and states, then a nest of loops.
class ProcessWriter {
public:
  ProcessWriter(ProcessOp process, const std::string &prefix, Files &files)
      : process(process), prefix(prefix), files(files) {}

  std::string write(const std::string &function);

private:
  std::string getStream(Value stream);
  /// A line, of the innermost loop.
  void line(const Twine &text) {
    body << std::string(2 * process.getLoops().size() + 2, ' ') << text << "\n";
  }
  void pragma(const Twine &text) { body << "#pragma HLS " << text << "\n"; }
  void declare(Value value, const std::string &name);
  void forEachLane(int64_t lanes, const Twine &statement);
  void writeConditional(Value condition, const Twine &statement);
  void writeConstant(arith::ConstantOp constant);
  void writeMemory(MemoryOp memory);
  void writeState(Value state, Attribute initial);
  void writeRead(ReadOp read);
  void writeWrite(WriteOp write);
  void writeLoad(LoadOp load);
  void writeStore(StoreOp store);
  void writeGather(Value result);
  void writeOp(Operation &op);
  void writeNext(NextOp next);

  ProcessOp process;
  const std::string &prefix;
  Files &files;
  CppValues values;
  std::string headText, bodyText;
  llvm::raw_string_ostream head{headText}, body{bodyText};
};
} // namespace

std::string ProcessWriter::getStream(Value stream) {
  unsigned number = cast<BlockArgument>(stream).getArgNumber();
  unsigned inputs = process.getReadStreams().size();
  return number < inputs ? "in" + std::to_string(number)
                         : "out" + std::to_string(number - inputs);
}

/// A variable of a value's type.
void ProcessWriter::declare(Value value, const std::string &name) {
  int64_t lanes = countLanes(value.getType());
  std::string type = values.getType(value);
  if (lanes == 1)
    return line(type + " " + name + ";");
  line(type + " " + name + "[" + Twine(lanes) + "];");
  pragma("ARRAY_PARTITION variable=" + name + " complete");
}

void ProcessWriter::forEachLane(int64_t lanes, const Twine &statement) {
  line("for (int l = 0; l < " + Twine(lanes) + "; ++l)");
  line("  " + statement);
}

void ProcessWriter::writeConditional(Value condition, const Twine &statement) {
  if (matchPattern(condition, m_One()))
    return line(statement);
  line("if (" + values.refer(condition, "0") + ")");
  line("  " + statement);
}

/// Numbers by commas, `group` of them in braces if there is more than one.
static void writeNumbers(llvm::raw_ostream &os, ArrayRef<APInt> numbers,
                         int64_t group, bool isSigned) {
  for (auto [at, number] : llvm::enumerate(numbers)) {
    bool begins = at % group == 0, ends = at % group == size_t(group - 1);
    if (at > 0)
      os << (begins ? group > 1 ? ",\n" : (at % 16 ? ", " : ",\n") : ", ");
    os << (begins && group > 1 ? "{" : "") << writeCppNumber(number, isSigned)
       << (ends && group > 1 ? "}" : "");
  }
}

void ProcessWriter::writeConstant(arith::ConstantOp constant) {
  auto dense = cast<DenseElementsAttr>(constant.getValue());
  std::string name = values.getName(constant);
  head << formatv("  static const {0} {1}[{2}] = {{", values.getType(constant),
                  name, dense.getNumElements());
  writeNumbers(head, llvm::to_vector(dense.getValues<APInt>()), 1,
               values.isSigned(constant));
  head << "};\n#pragma HLS ARRAY_PARTITION variable=" << name << " complete\n";
}

void ProcessWriter::writeMemory(MemoryOp op) {
  MemoryType type = op.getMemory().getType();
  int64_t lanes = countLanes(type.getWord());
  std::string name = values.getName(op.getMemory());
  // Numbers have the sign that what is loaded is used with.
  bool isSigned = llvm::any_of(op->getUsers(), [&](Operation *user) {
    return isa<LoadOp>(user) && values.isSigned(user->getResult(0));
  });
  auto contents = op.getContents();
  head << formatv("  {0}{1} {2}[{3}]{4}", contents ? "static const " : "",
                  writeCppType(getElementBits(type.getWord()), isSigned), name,
                  type.getDepth(),
                  lanes > 1 ? formatv("[{0}]", lanes).str() : "");
  if (contents) {
    auto numbers = llvm::to_vector(contents->getValues<APInt>());
    std::string text;
    llvm::raw_string_ostream os(text);
    writeNumbers(os, numbers, lanes, isSigned);
    if (int64_t(numbers.size()) > maxOwnNumbers) {
      std::string file = prefix + "_" + name + ".inc";
      files[file] = text + "\n";
      text = "\n#include \"" + file + "\"\n";
    }
    head << " = {" << text << "}";
  }
  head << ";\n";
  static constexpr const char *places[] = {nullptr, "bram", "lutram", "uram"};
  auto loads = llvm::count_if(op->getUsers(), llvm::IsaPred<LoadOp>);
  if (const char *place = places[unsigned(op.getStyle())])
    head << formatv("#pragma HLS BIND_STORAGE variable={0} type={1} impl={2}\n",
                    name,
                    contents    ? "rom_1p"
                    : loads > 1 ? "ram_1wnr"
                                : "ram_2p",
                    place);
  if (auto apart = op.getApart())
    head << formatv("#pragma HLS DEPENDENCE variable={0} type=inter "
                    "direction=RAW distance={1} dependent=true\n",
                    name, *apart);
  if (lanes > 1)
    head << "#pragma HLS ARRAY_RESHAPE variable=" << name
         << " dim=2 complete\n";
}

void ProcessWriter::writeState(Value state, Attribute initial) {
  int64_t lanes = countLanes(state.getType());
  std::string name = values.getName(state), type = values.getType(state);
  bool isSigned = values.isSigned(state);
  SmallVector<APInt> numbers;
  if (auto integer = dyn_cast<IntegerAttr>(initial))
    numbers.push_back(integer.getValue());
  else
    llvm::append_range(numbers,
                       cast<DenseElementsAttr>(initial).getValues<APInt>());
  head << "  " << type << " " << name;
  if (lanes > 1)
    head << "[" << lanes << "]";
  head << " = " << (lanes > 1 ? "{" : "");
  writeNumbers(head, numbers, 1, isSigned);
  head << (lanes > 1 ? "};\n#pragma HLS ARRAY_PARTITION variable=" + name +
                           " complete\n"
                     : ";\n");
}

void ProcessWriter::writeRead(ReadOp op) {
  int64_t lanes = countLanes(op.getWord().getType());
  int64_t bits = getElementBits(op.getWord().getType());
  std::string name = values.getName(op.getWord());
  if (lanes == 1) {
    declare(op.getWord(), name);
    return writeConditional(op.getCondition(), name + " = " +
                                                   getStream(op.getStream()) +
                                                   ".read();");
  }
  std::string word = name + "_word";
  line(writeCppType(bits * lanes, /*isSigned=*/false) + " " + word + ";");
  writeConditional(op.getCondition(),
                   word + " = " + getStream(op.getStream()) + ".read();");
  declare(op.getWord(), values.getName(op.getWord()));
  forEachLane(lanes, formatv("{0}[l] = {1}.range(l * {2} + {3}, l * {2});",
                             name, word, bits, bits - 1));
}

void ProcessWriter::writeWrite(WriteOp op) {
  int64_t lanes = countLanes(op.getWord().getType());
  int64_t bits = getElementBits(op.getWord().getType());
  std::string stream = getStream(op.getStream()),
              word = values.refer(op.getWord(), "0");
  if (lanes > 1) {
    word = stream + "_word";
    line(writeCppType(bits * lanes, /*isSigned=*/false) + " " + word + ";");
    forEachLane(lanes, formatv("{0}.range(l * {1} + {2}, l * {1}) = {3};", word,
                               bits, bits - 1,
                               values.refer(op.getWord(), "l", {},
                                            CppValues::Literals::Typed))
                           .str());
  }
  writeConditional(op.getCondition(), stream + ".write(" + word + ");");
}

void ProcessWriter::writeLoad(LoadOp op) {
  std::string name = values.getName(op.getWord());
  std::string from = values.getName(op.getMemory()) + "[" +
                     values.refer(op.getAddress(), "0", false) + "]";
  int64_t lanes = countLanes(op.getWord().getType());
  if (lanes == 1)
    return line(values.getType(op.getWord()) + " " + name + " = " + from + ";");
  declare(op.getWord(), values.getName(op.getWord()));
  forEachLane(lanes, name + "[l] = " + from + "[l];");
}

void ProcessWriter::writeStore(StoreOp op) {
  std::string to = values.getName(op.getMemory()) + "[" +
                   values.refer(op.getAddress(), "0", false) + "]";
  int64_t lanes = countLanes(op.getWord().getType());
  std::string word = values.refer(op.getWord(), "l");
  writeConditional(op.getCondition(),
                   lanes == 1
                       ? to + " = " + word + ";"
                       : formatv("for (int l = 0; l < {0}; ++l) {1}[l] = {2};",
                                 lanes, to, word)
                             .str());
}

/// Lanes of several values, or in no order, run by run.
void ProcessWriter::writeGather(Value result) {
  auto gather = *getGather(result.getDefiningOp());
  std::string name = values.getName(result);
  declare(result, values.getName(result));
  auto place = [](int64_t offset) {
    return offset ? "l + " + std::to_string(offset) : "l";
  };
  for (auto [begin, count, source, first] : gather.getRuns()) {
    if (count == 1)
      line(formatv("{0}[{1}] = {2};", name, begin,
                   values.refer(source, std::to_string(first))));
    else
      forEachLane(count, formatv("{0}[{1}] = {2};", name, place(begin),
                                 values.refer(source, place(first))));
  }
}

void ProcessWriter::writeOp(Operation &op) {
  // Stores come after all loads.
  if (isFolded(&op) || isa<StoreOp, NextOp>(op))
    return;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return writeConstant(constant);
  if (auto memory = dyn_cast<MemoryOp>(op))
    return writeMemory(memory);
  if (auto read = dyn_cast<ReadOp>(op))
    return writeRead(read);
  if (auto write = dyn_cast<WriteOp>(op))
    return writeWrite(write);
  if (auto load = dyn_cast<LoadOp>(op))
    return writeLoad(load);
  Value result = op.getResult(0);
  if (getGather(&op)) {
    if (values.getSource(result) == result)
      writeGather(result);
    return;
  }
  int64_t lanes = countLanes(result.getType());
  std::string name = values.getName(result);
  if (lanes == 1)
    line(values.getType(result) + " " + name + " = " +
         writeExpression(&op, "0", values) + ";");
  else
    declare(result, name);
  if (isa<arith::MulIOp>(op))
    pragma("BIND_OP variable=" + name +
           " op=mul impl=" + (isInLuts(&op) ? "fabric" : "dsp"));
  if (lanes > 1)
    forEachLane(lanes,
                name + "[l] = " + writeExpression(&op, "l", values) + ";");
}

/// All states change at once: where one becomes another, what becomes of that
/// one is kept until all are read.
void ProcessWriter::writeNext(NextOp next) {
  auto isRead = [&](Value state) {
    return llvm::any_of(next.getStates(), [&](Value after) {
      return values.getSource(after) == state;
    });
  };
  auto assign = [&](Value state, const std::string &to,
                    const std::string &from) {
    int64_t lanes = countLanes(state.getType());
    lanes == 1 ? line(to + " = " + from + ";")
               : forEachLane(lanes, to + "[l] = " + from + ";");
  };
  for (auto [state, after] :
       llvm::zip_equal(process.getStates(), next.getStates())) {
    std::string name = values.getName(state);
    if (isRead(state)) {
      name += "_next";
      declare(state, name);
    }
    assign(state, name, values.refer(after, "l"));
  }
  for (Value state : process.getStates())
    if (isRead(state)) {
      std::string name = values.getName(state);
      assign(state, name,
             name + "_next" + (countLanes(state.getType()) == 1 ? "" : "[l]"));
    }
}

std::string ProcessWriter::write(const std::string &function) {
  Block &block = process.getBody().front();
  for (auto [state, initial] :
       llvm::zip_equal(process.getStates(), process.getInitial()))
    writeState(state, initial);
  for (auto [number, index] : llvm::enumerate(process.getIndices()))
    if (!index.use_empty())
      line(formatv("{0} {1} = i{2};", values.getType(index),
                   values.getName(index), number));
  for (Operation &op : block)
    writeOp(op);
  for (StoreOp store : block.getOps<StoreOp>())
    writeStore(store);
  writeNext(cast<NextOp>(block.getTerminator()));

  SmallVector<std::string> loops, streams;
  for (int64_t count : process.getLoops())
    loops.push_back(std::to_string(count));
  for (auto arguments : {process.getReadStreams(), process.getWrittenStreams()})
    for (Value stream : arguments)
      streams.push_back(writeCppStreamType(cast<StreamType>(stream.getType())) +
                        " &" + getStream(stream));
  std::string text =
      formatv("// {0}: {1} iterations a frame.\nstatic void {2}({3}) {{\n",
              process.getName(), llvm::join(loops, " x "), function,
              llvm::join(streams, ",\n    "));
  text += "#pragma HLS INLINE off\n" + headText;
  for (size_t number = 0; number < loops.size(); ++number)
    text += formatv("{0}for (int i{1} = 0; i{1} < {2}; ++i{1}){3}\n",
                    std::string(2 * number + 2, ' '), number, loops[number],
                    number + 1 == loops.size() ? " {" : "");
  text += "#pragma HLS PIPELINE II=1\n" + bodyText;
  return text + std::string(2 * loops.size(), ' ') + "}\n}\n";
}

std::string fpga::writeCppProcess(ProcessOp process,
                                  const std::string &function,
                                  const std::string &prefix, Files &files) {
  return ProcessWriter(process, prefix, files).write(function);
}
