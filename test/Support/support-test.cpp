//===- support-test.cpp - the support library, by command -----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the Python tests beside it drive: each command uses one part of the
// library. FileError ends the program with status 1.
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/Half.h"
#include "qnt/Support/Json.h"
#include "qnt/Support/MappedFile.h"
#include "qnt/Support/Npy.h"
#include "qnt/Support/Progress.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

using namespace qnt::support;
using nlohmann::json;
using Args = std::vector<std::string>;

static_assert(f16ToFloat(0x3c00) == 1.0f && floatToF16(65520.0f) == 0x7c00);
static_assert(bf16ToFloat(0x3f80) == 1.0f && floatToBf16(1.0f) == 0x3f80);
static_assert(f8e4m3ToFloat(0x7e) == 448.0f && f8e5m2ToFloat(0x3c) == 1.0f);

namespace {
/// Plainly: hundreds of files that each wait for the disk make a slow test.
template <typename T>
void save(const std::string &path, const std::vector<T> &values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(values.data()),
             std::streamsize(values.size() * sizeof(T)));
}

/// decode KIND OUT: the value of every code, as f32.
void decode(const Args &args) {
  std::vector<float> values(args[0].starts_with("f8") ? 256 : 65536);
  for (size_t code = 0; code < values.size(); ++code)
    values[code] = args[0] == "f16"      ? f16ToFloat(uint16_t(code))
                   : args[0] == "bf16"   ? bf16ToFloat(uint16_t(code))
                   : args[0] == "f8e4m3" ? f8e4m3ToFloat(uint8_t(code))
                                         : f8e5m2ToFloat(uint8_t(code));
  save(args[1], values);
}

/// encode KIND IN.npy OUT: f32 to codes, as u16.
void encode(const Args &args) {
  std::vector<uint16_t> codes;
  for (float value : readNpy(args[1]).toFloats())
    codes.push_back(args[0] == "f16" ? floatToF16(value) : floatToBf16(value));
  save(args[2], codes);
}

/// npy IN.npy FOLDER: written back as copy.npy, and its elements converted to
/// FOLDER/floats and FOLDER/ints.
void npy(const Args &args) {
  NpyArray array = readNpy(args[0]);
  writeNpy(args[1] + "/copy.npy", array.type, array.shape, array.bytes);
  save(args[1] + "/floats", array.toFloats());
  std::cout << name(array.type) << std::endl;
  save(args[1] + "/ints", array.toInts());
}

/// npz IN.npz FOLDER: the bytes of array i, by name, as FOLDER/<i>; prints
/// names, types and shapes.
void npz(const Args &args) {
  json arrays = json::array();
  for (const auto &[key, array] : readNpz(args[0])) {
    save(args[1] + "/" + std::to_string(arrays.size()), array.bytes);
    arrays.push_back({key, name(array.type), array.shape});
  }
  std::cout << arrays << "\n";
}

/// mutate FILE SEED COUNT SCRATCH: no change of a .npy or .npz file does worse
/// than FileError.
void mutate(const Args &args) {
  MappedFile mapped(args[0]);
  std::span<const std::byte> original = mapped.bytes();
  bool archive = args[0].ends_with(".npz");
  std::mt19937 random(unsigned(std::stoul(args[1])));
  int refused = 0, count = std::stoi(args[2]);
  for (int i = 0; i < count; ++i) {
    std::vector<std::byte> file(original.begin(), original.end());
    for (unsigned k = 1 + random() % 3; k; --k) {
      size_t at = random() % file.size();
      const std::string characters = "0123456789(){}',:<>|ifub \n";
      file[at] = random() % 2
                     ? std::byte(random())
                     : std::byte(characters[random() % characters.size()]);
    }
    if (random() % 4 == 0)
      file.resize(random() % file.size());
    try {
      if (archive) {
        save(args[3], file);
        readNpz(args[3]);
      } else {
        parseNpy(file, "mutant").toFloats();
      }
    } catch (const FileError &) {
      ++refused;
    }
  }
  std::cout << refused << "\n";
}

/// json FILE keep|refuse: parsed and printed.
void parse(const Args &args) {
  std::cout << readJson(args[0], args[1] == "refuse" ? DuplicateKeys::Refuse
                                                     : DuplicateKeys::KeepLast)
            << "\n";
}

template <typename T>
json readField(const json &object, const Args &args, bool optional) {
  if (!optional)
    return getField<T>(object, args[2], args[0]);
  std::optional<T> value = findField<T>(object, args[2], args[0]);
  return value ? json(*value) : json("none");
}

/// field FILE TYPE KEY: TYPE with a '?' behind it for findField.
void field(const Args &args) {
  json object = readJson(args[0]);
  std::string type = args[1];
  bool optional = type.ends_with('?');
  type.resize(type.size() - optional);
  json value;
  if (type == "bool")
    value = readField<bool>(object, args, optional);
  else if (type == "int")
    value = readField<int64_t>(object, args, optional);
  else if (type == "float")
    value = readField<double>(object, args, optional);
  else if (type == "string")
    value = readField<std::string>(object, args, optional);
  else if (type == "object")
    value = readField<json>(object, args, optional);
  else if (type == "ints")
    value = readField<std::vector<int64_t>>(object, args, optional);
  else if (type == "strings")
    value = readField<std::vector<std::string>>(object, args, optional);
  else if (type == "1to9" && optional)
    value = findIntField(object, args[2], 1, 9, args[0]).value_or(-1);
  else
    value = getIntField(object, args[2], 1, 9, args[0]);
  std::cout << value << "\n";
}

/// write PATH TEXT
void writeText(const Args &args) { writeFileAtomically(args[0], args[1]); }

/// progress STEPS MILLISECONDS: steps of that length, from two threads.
void progress(const Args &args) {
  int steps = std::stoi(args[0]);
  std::chrono::milliseconds pause(std::stoi(args[1]));
  Progress bar("calibrate", steps);
  auto work = [&](int count) {
    for (int i = 0; i < count; ++i) {
      std::this_thread::sleep_for(pause);
      bar.advance();
    }
  };
  std::thread other(work, steps / 2);
  work(steps - steps / 2);
  other.join();
}
} // namespace

int main(int argc, char **argv) {
  const std::map<std::string, std::pair<size_t, std::function<void(Args)>>>
      commands = {{"decode", {2, decode}},    {"encode", {3, encode}},
                  {"npy", {2, npy}},          {"npz", {2, npz}},
                  {"mutate", {4, mutate}},    {"json", {2, parse}},
                  {"field", {3, field}},      {"write", {2, writeText}},
                  {"progress", {2, progress}}};
  Args args(argv + 1, argv + argc);
  auto command = commands.find(args.empty() ? "" : args.front());
  if (command == commands.end() || args.size() != command->second.first + 1) {
    std::cerr << "usage: support-test COMMAND ARGUMENTS\n";
    return 2;
  }
  args.erase(args.begin());
  try {
    command->second.second(args);
  } catch (const FileError &error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
