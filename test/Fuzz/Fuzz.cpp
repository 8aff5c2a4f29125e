//===- Fuzz.cpp - what fuzz targets share --------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Fuzz.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/time.h>
#include <unistd.h>

using namespace qnt;
namespace fs = std::filesystem;

/// More than any input may take.
constexpr int kSeconds = 5;

void fuzz::checkError(std::string_view error) {
  if (!error.empty() && error.find('\n') == error.npos && error.size() < 6000)
    return;
  std::fprintf(stderr, "an error is no single line: '%.*s'\n",
               int(error.size()), error.data());
  std::abort();
}

std::vector<std::string> fuzz::splitTexts(std::string_view input) {
  std::vector<std::string> texts;
  for (size_t begin = 0; begin <= input.size();) {
    size_t end = std::min(input.find('\0', begin), input.size());
    texts.emplace_back(input.substr(begin, end - begin));
    begin = end + 1;
  }
  return texts;
}

const std::string &fuzz::scratchFolder() {
  static const struct Folder {
    Folder() {
      // Memory, where there is a file system of it.
      std::error_code none;
      fs::path base = fs::is_directory("/dev/shm", none)
                          ? fs::path("/dev/shm")
                          : fs::temp_directory_path();
      path = (base / "qnt-fuzz-XXXXXX").string();
      if (!mkdtemp(path.data()))
        throw std::runtime_error("no folder for temporary files");
    }
    ~Folder() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
    std::string path;
  } folder;
  return folder.path;
}

std::string fuzz::writeFile(const std::string &name, std::string_view content) {
  std::string path = scratchFolder() + "/" + name;
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file)
    throw std::runtime_error("cannot write " + path);
  return path;
}

bool fuzz::readInTime(std::string_view input) {
  static const bool installed = [] {
    std::signal(SIGPROF, [](int) {
      constexpr char line[] = "the input takes too long\n";
      [[maybe_unused]] ssize_t written =
          write(STDERR_FILENO, line, sizeof(line) - 1);
      std::abort();
    });
    return true;
  }();
  (void)installed;
  // Time of the processor: the machine may have other things to do.
  itimerval limit{};
  limit.it_value.tv_sec = kSeconds;
  setitimer(ITIMER_PROF, &limit, nullptr);
  bool accepted = readInput(input);
  limit.it_value.tv_sec = 0;
  setitimer(ITIMER_PROF, &limit, nullptr);
  return accepted;
}

/// LLVM's arenas poison their free memory in headers that are instrumented
/// here, and hand it out in libraries that are not: what they hand out would
/// look poisoned.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0";
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  fuzz::readInTime({reinterpret_cast<const char *>(data), size});
  return 0;
}
