//===- Fuzz.h - what fuzz targets share ----------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A target reads bytes as one kind of file. docs/fuzzing.md tells how targets
// are run and how a finding becomes a test.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_FUZZ_FUZZ_H
#define QNT_TEST_FUZZ_FUZZ_H

#include <string>
#include <string_view>
#include <vector>

namespace qnt::fuzz {

/// Each target defines it: whether `input` was accepted. Errors that users may
/// see do not leave it; whatever else does is a finding.
bool readInput(std::string_view input);

/// The same, but ends the program after 5 seconds of processor time.
bool readInTime(std::string_view input);

/// Ends the program unless `error` is what users are promised: one line that
/// says something.
void checkError(std::string_view error);

/// The parts of `input` between NUL bytes; at least one. For targets that read
/// several texts.
std::vector<std::string> splitTexts(std::string_view input);

/// A folder of this process's own, removed at its end.
const std::string &scratchFolder();
/// Writes a file and returns its path: `name` in the scratch folder.
std::string writeFile(const std::string &name, std::string_view content);

} // namespace qnt::fuzz

#endif // QNT_TEST_FUZZ_FUZZ_H
