//===- CppProject.cpp - what is beside the C++ of a design -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/MemoryPorts.h"
#include "qnt/Target/FPGA/Project.h"

#include "DesignStreams.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

// Types and streams for a simulation without Vitis.
static constexpr const char *typesText =
#include "ap_int.inc"
    ;
static constexpr const char *streamText =
#include "hls_stream.inc"
    ;
static constexpr const char *reportText =
#include "vitis_report.inc"
    ;

static constexpr const char *helpersText = R"(
static std::vector<std::string> load(const std::string &path) {
  std::ifstream file(path);
  std::vector<std::string> words;
  for (std::string word; file >> word;)
    words.push_back(word);
  return words;
}

template <int W> static std::string print(const ap_uint<W> &word) {
  const ap_uint<W + 4> bits = word;
  std::string digits;
  for (int at = (W - 1) / 4 * 4; at >= 0; at -= 4)
    digits += "0123456789abcdef"[bits.range(at + 3, at).to_int()];
  return digits;
}

// Writes NAME.hex, and compares it with NAME.expected.hex where there is one. What is
// wrong, words or their number.
template <int W>
static int finish(const std::string &name, hls::stream<ap_uint<W>> &stream) {
  std::vector<std::string> words, expected = load(name + ".expected.hex");
  while (!stream.empty())
    words.push_back(print<W>(stream.read()));
  std::ofstream file(name + ".hex");
  for (const std::string &word : words)
    file << word << "\n";
  if (expected.empty()) {
    std::printf("%s: not compared, there is no %s.expected.hex\n", name.c_str(),
                name.c_str());
    return words.empty();
  }
  int wrong = words.size() != expected.size();
  for (size_t i = 0; i < words.size() && i < expected.size(); ++i)
    wrong += print<W>(ap_uint<W>(expected[i].c_str(), 16)) != words[i];
  std::printf("%s: %d of %zu words differ\n", name.c_str(), wrong,
              expected.size());
  return wrong;
}
)";

/// Calls the design for as many frames as there are words.
static std::string writeTestBench(DesignOp design) {
  std::string name = design.getSymName().str(), streams, reads, results;
  SmallVector<std::string> arguments;
  auto declare = [&](Type type, const std::string &port) {
    streams += formatv("  hls::stream<ap_uint<{0}>> {1}_stream(\"{1}\");\n",
                       cast<StreamType>(type).getWordBits(), port);
    arguments.push_back(port + "_stream");
  };
  for (auto [number, type] : llvm::enumerate(design.getArgumentTypes())) {
    std::string port = getInputName(design, number);
    declare(type, port);
    reads += formatv("  for (const std::string &word : load(\"{0}.hex\"))\n"
                     "    {0}_stream.write(ap_uint<{1}>(word.c_str(), 16));\n"
                     "  if ({0}_stream.empty()) {{\n"
                     "    std::printf(\"{0}.hex has no words\\n\");\n"
                     "    return 1;\n  }\n",
                     port, cast<StreamType>(type).getWordBits());
  }
  for (auto [number, type] : llvm::enumerate(design.getResultTypes())) {
    std::string port = getOutputName(design, number);
    declare(type, port);
    results += formatv("  wrong += finish<{1}>(\"{0}\", {0}_stream);\n", port,
                       cast<StreamType>(type).getWordBits());
  }
  for (const MemoryPort &port : getMemoryPorts(design)) {
    reads +=
        formatv("  std::vector<ap_uint<{1}>> {0};\n  for (const std::string "
                "&word : load(\"{0}.hex\"))\n    {0}.push_back(ap_uint<{1}>("
                "word.c_str(), 16));\n  if ({0}.size() != {2}) {{\n    "
                "std::printf(\"{0}.hex has %zu words, expected {2}\\n\", "
                "{0}.size());\n    return 1;\n  }\n",
                port.name, port.bits, port.words);
    arguments.push_back(port.name + ".data()");
  }
  return formatv(
      "// Takes frames from NAME.hex of each stream that comes in, "
      "hexadecimal,\n"
      "// a word a line, writes NAME.hex of those that go out, and compares "
      "these with\n// NAME.expected.hex.\n"
      "#include \"{0}.h\"\n\n#include <cstdio>\n#include <fstream>\n#include "
      "<string>\n#include <vector>\n{1}\nint main() {{\n{2}{3}  while "
      "(!{4}.empty())\n    {0}({5});\n  int wrong = 0;\n{6}  return wrong != "
      "0;\n}\n",
      name, helpersText, streams, reads, arguments.front(),
      llvm::join(arguments, ", "), results);
}

static std::string writeMakefile(DesignOp design) {
  return formatv(
      R"make(# make csim: runs the design on the words of NAME.hex and compares what it gives with
# NAME.expected.hex (README.md), with the types of sim/, which need clang 16 or later;
# CSIM_INCLUDE=DIR CXX=g++ takes others, such as Vitis'. SANITIZE=1: stops at what C++ does
# not define, and reads rubbish from what was never written.
CSIM_INCLUDE ?= sim
ifeq ($(origin CXX),default)
CXX := $(shell for clang in clang++ clang++-22 clang++-21 clang++-20 clang++-19 \
  clang++-18 clang++-17 clang++-16; do \
  $$clang -dumpversion 2> /dev/null | awk -F. -v clang=$$clang '$$1 >= 16 {{ print clang }'; \
  done | head -n 1)
endif
FLAGS = -std=c++17 -O2
OUT ?= csim.out
ifeq ($(SANITIZE),1)
FLAGS = -std=c++17 -O1 -ftrivial-auto-var-init=pattern -fsanitize=undefined \
  -fno-sanitize-recover=all -fno-sanitize=bool
OUT = csim-sanitized.out
endif

csim: $(OUT)
	./$(OUT)

$(OUT): csim.cpp {0}.cpp {0}.h
	@test -n "$(CXX)" || {{ echo "make csim needs clang++ 16 or later, or CXX=..."; exit 1; }
	$(CXX) $(FLAGS) -Wno-unknown-pragmas -I $(CSIM_INCLUDE) csim.cpp {0}.cpp -o $@

.PHONY: csim
)make",
      design.getSymName());
}

static std::string writeScript(DesignOp design, const Part &part) {
  return formatv(
      R"(# Simulates and synthesises the design in Vitis HLS: vitis_hls -f run_vitis.tcl
# Written after UG1399; it has not been run here, nor has Vitis seen the C++.
open_project -reset vitis
set_top {0}
add_files {0}.cpp
add_files -tb csim.cpp
foreach file [glob -nocomplain *.hex] {{ add_files -tb $file }
open_solution -reset solution
set_part {1}
create_clock -period {2:f3}
csim_design
csynth_design
exit
)",
      design.getSymName(), part.device,
      1e3 / design.getClock()->convertToDouble());
}

Files fpga::writeCppProject(DesignOp design, const Part &part) {
  Files files;
  files["cpp/csim.cpp"] = writeTestBench(design);
  files["cpp/Makefile"] = writeMakefile(design);
  files["cpp/run_vitis.tcl"] = writeScript(design, part);
  files["cpp/vitis_report.py"] = reportText;
  for (auto &[name, text] : writeMemoryWords(design))
    files["cpp/" + name] = std::move(text);
  files["cpp/sim/ap_int.h"] = typesText;
  files["cpp/sim/hls_stream.h"] = streamText;
  return files;
}
