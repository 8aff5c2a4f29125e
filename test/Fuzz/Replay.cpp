//===- Replay.cpp - runs a target on files -------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The main program of fuzz targets in builds without libFuzzer: reads every
// file given, and every file of the folders given, and says how many were
// accepted. With --accept, the next file or folder must be accepted.
//===----------------------------------------------------------------------===//
#include "Fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace qnt;
namespace fs = std::filesystem;

int main(int argc, char **argv) {
  int files = 0, accepted = 0;
  bool mustAccept = false, failed = false;
  auto read = [&](const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    if (!file) {
      std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
      std::exit(2);
    }
    // What a finding leaves on the screen.
    std::fprintf(stderr, "%s\n", path.c_str());
    bool isAccepted = fuzz::readInTime(bytes);
    ++files;
    accepted += isAccepted;
    if (mustAccept && !isAccepted) {
      std::fprintf(stderr, "%s: was not accepted\n", path.c_str());
      failed = true;
    }
  };
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--accept")) {
      mustAccept = true;
      continue;
    }
    if (fs::is_directory(argv[i])) {
      std::vector<fs::path> paths;
      for (const auto &entry : fs::directory_iterator(argv[i]))
        paths.push_back(entry.path());
      std::sort(paths.begin(), paths.end());
      for (const fs::path &path : paths)
        read(path);
    } else {
      read(argv[i]);
    }
    mustAccept = false;
  }
  std::printf("%d files, %d accepted\n", files, accepted);
  return failed || files == 0;
}
