//===- params-test.cpp - the parameter store, by command ------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the Python tests beside it drive: each command uses one part of the
// public interface and prints what it saw. ParamsError ends the program with
// status 1.
//
//===----------------------------------------------------------------------===//
#include "qnt/Params/SafeTensors.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <sys/resource.h>

using namespace qnt::params;
using nlohmann::json;
using Args = std::vector<std::string>;

namespace {
bool isFloat(DType dtype) {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 ||
         dtype == DType::BF16 || dtype == DType::F8E4M3 ||
         dtype == DType::F8E5M2;
}

void writeFile(const std::string &path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(bytes.data()),
             std::streamsize(bytes.size()));
}

std::vector<std::byte> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// list STORE FOLDER: a description on stdout; each tensor's bytes in
/// FOLDER/<n>.bin and, for floats, as f32 in FOLDER/<n>.f32.
void list(const Args &args) {
  auto store = ParamStore::open(args[0]);
  json tensors = json::array();
  for (const std::string &name : store->names()) {
    const TensorView &tensor = store->get(name);
    std::string file = args[1] + "/" + std::to_string(tensors.size());
    writeFile(file + ".bin", tensor.bytes);
    if (isFloat(tensor.dtype)) {
      // In two parts, the second of which starts inside the tensor.
      std::vector<float> values(size_t(tensor.numElements()));
      size_t first = values.size() / 3;
      toFloat(tensor, 0, std::span(values).first(first));
      toFloat(tensor, int64_t(first), std::span(values).subspan(first));
      writeFile(file + ".f32", std::as_bytes(std::span(values)));
    }
    uintptr_t address = reinterpret_cast<uintptr_t>(tensor.bytes.data());
    tensors.push_back({{"name", name},
                       {"dtype", qnt::params::name(tensor.dtype)},
                       {"shape", tensor.shape},
                       {"aligned", address % 64 == 0}});
  }
  json all = {{"path", store->path()},
              {"sha256", store->sha256()},
              {"metadata", store->metadata()},
              {"bytes", store->totalBytes()},
              {"tensors", tensors}};
  std::cout << all << "\n";
}

/// copy STORE OUT SEED: through the writer, in pieces of random size.
void copy(const Args &args) {
  auto store = ParamStore::open(args[0]);
  std::mt19937 random(unsigned(std::stoul(args[2])));
  std::vector<SafeTensorsWriter::Entry> entries;
  std::vector<std::string> names = store->names();
  std::shuffle(names.begin(), names.end(), random);
  for (const std::string &name : names)
    entries.push_back({name, store->get(name).dtype, store->get(name).shape});
  SafeTensorsWriter writer(args[1], entries, store->metadata());
  for (const std::string &name : names) {
    std::span<const std::byte> rest = store->get(name).bytes;
    while (!rest.empty()) {
      size_t most = random() % 2 ? 100 : 3'000'000;
      size_t size = std::min<size_t>(rest.size(), random() % most);
      writer.write(rest.first(size));
      rest = rest.subspan(size);
    }
  }
  writer.finish();
  std::cout << json{{"sha256", writer.sha256()}, {"size", writer.fileSize()}}
            << "\n";
}

/// get STORE NAME
void get(const Args &args) { ParamStore::open(args[0])->get(args[1]); }

/// floats STORE NAME FIRST COUNT
void floats(const Args &args) {
  auto store = ParamStore::open(args[0]);
  std::vector<float> out(std::stoul(args[3]));
  toFloat(store->get(args[1]), std::stol(args[2]), out);
}

/// stall OUT BYTES: declares a tensor, writes half, says so, and then does what
/// it is told: "finish" or "drop".
void stall(const Args &args) {
  int64_t size = std::stol(args[1]);
  SafeTensorsWriter writer(args[0], {{"x", DType::U8, {size}}});
  std::vector<std::byte> half(size_t(size / 2), std::byte{7});
  writer.write(half);
  std::cout << "half" << std::endl;
  std::string order;
  std::cin >> order;
  if (order != "finish")
    return;
  writer.write(half);
  writer.finish();
  std::cout << "whole" << std::endl;
}

/// misuse KIND OUT
void misuse(const Args &args) {
  const std::string &kind = args[0], &out = args[1];
  std::vector<std::byte> bytes(24);
  std::vector<SafeTensorsWriter::Entry> entries = {{"a", DType::F32, {2, 2}},
                                                   {"b", DType::U8, {3}}};
  if (kind == "twice")
    entries[1].name = "a";
  if (kind == "reserved")
    entries[1].name = "__metadata__";
  if (kind == "padding")
    entries[1].name = "__pad__.0";
  if (kind == "negative")
    entries[1].shape = {-1};
  if (kind == "overflow")
    entries[1].shape = {int64_t(1) << 40, int64_t(1) << 40};
  if (kind == "sum")
    entries = {{"a", DType::F32, {int64_t(1) << 60}},
               {"b", DType::F32, {int64_t(1) << 60}}};
  if (kind == "utf8")
    entries[1].name = "\xff";
  SafeTensorsWriter writer(out, entries);
  if (kind == "much")
    writer.write(std::span(bytes).first(17));
  writer.write(std::span(bytes).first(16));
  writer.write(std::span(bytes).first(2));
  if (kind == "little")
    writer.finish();
  writer.write(std::span(bytes).first(1));
  if (kind == "after")
    writer.write(std::span(bytes).first(1));
  writer.finish();
}

/// stream STORE: reads every byte, releasing as it goes; prints the sum and
/// the growth of the resident set's peak in KiB.
void stream(const Args &args) {
  auto peak = [] {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  auto store = ParamStore::open(args[0]);
  long before = peak();
  uint64_t sum = 0;
  for (const std::string &name : store->names()) {
    for (std::byte byte : store->get(name).bytes)
      sum += uint64_t(byte);
    store->release(store->get(name));
  }
  store->sha256();
  std::cout << sum << " " << peak() - before << "\n";
}

/// One random change of a file.
void mutate(std::vector<std::byte> &file, std::mt19937 &random) {
  uint64_t header = 0;
  std::memcpy(&header, file.data(), std::min<size_t>(file.size(), 8));
  // Mostly in the header; a change of the data alone must be accepted.
  size_t headerEnd = std::min<size_t>(file.size(), header + 8);
  bool inData = random() % 4 == 0 && headerEnd < file.size();
  size_t first = inData ? headerEnd : 0;
  size_t reach = (inData ? file.size() : headerEnd) - first;
  size_t at = reach ? first + random() % reach : 0;
  const std::string interesting = "0123456789[]{}\",:-e. aFI\\\x80";
  switch (random() % 5) {
  case 0:
    if (!file.empty())
      file[at] ^= std::byte(1u << random() % 8);
    break;
  case 1:
    if (!file.empty())
      file[at] = std::byte(interesting[random() % interesting.size()]);
    break;
  case 2:
    file.insert(file.begin() + long(at), 1 + random() % 3,
                std::byte(interesting[random() % interesting.size()]));
    break;
  case 3:
    file.erase(file.begin() + long(at),
               file.begin() +
                   long(std::min(file.size(), at + 1 + random() % 9)));
    break;
  default:
    file.resize(random() % (file.size() + 1));
  }
}

/// mutate FILE SEED COUNT: no change of a file does worse than ParamsError.
void mutations(const Args &args) {
  const std::vector<std::byte> original = readFile(args[0]);
  std::mt19937 random(unsigned(std::stoul(args[1])));
  int refused = 0, accepted = 0;
  double sum = 0;
  for (int i = 0, n = std::stoi(args[2]); i < n; ++i) {
    std::vector<std::byte> file = original;
    for (unsigned k = 1 + random() % 2; k && !file.empty(); --k)
      mutate(file, random);
    // Half of them keep a header length that fits, to reach what lies behind.
    if (file.size() >= 8 && random() % 2) {
      std::string_view text(reinterpret_cast<char *>(file.data()), file.size());
      uint64_t length = text.rfind("}}");
      if (length != text.npos && length > 8) {
        length -= 6;
        std::memcpy(file.data(), &length, 8);
      }
    }
    try {
      auto store = ParamStore::fromMemory(file, "mutant");
      for (const std::string &name : store->names()) {
        const TensorView &tensor = store->get(name);
        for (std::byte byte : tensor.bytes)
          sum += double(byte);
        if (!isFloat(tensor.dtype))
          continue;
        std::vector<float> out(size_t(tensor.numElements()));
        toFloat(tensor, 0, out);
      }
      ++accepted;
    } catch (const ParamsError &error) {
      if (std::string_view(error.what()).find('\n') != std::string::npos)
        throw std::logic_error("an error of several lines");
      ++refused;
    }
  }
  // The sum keeps the reads from being optimised away.
  std::cout << refused << " " << accepted << " " << sum << "\n";
}
} // namespace

int main(int argc, char **argv) {
  const std::map<std::string, std::pair<size_t, std::function<void(Args)>>>
      commands = {{"list", {2, list}},     {"copy", {3, copy}},
                  {"get", {2, get}},       {"floats", {4, floats}},
                  {"stall", {2, stall}},   {"misuse", {2, misuse}},
                  {"stream", {1, stream}}, {"mutate", {3, mutations}}};
  Args args(argv + 1, argv + argc);
  auto command = commands.find(args.empty() ? "" : args.front());
  if (command == commands.end() || args.size() != command->second.first + 1) {
    std::cerr << "usage: params-test COMMAND ARGUMENTS\n";
    return 2;
  }
  args.erase(args.begin());
  try {
    command->second.second(args);
  } catch (const ParamsError &error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
