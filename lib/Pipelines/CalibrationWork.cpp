//===- CalibrationWork.cpp - what an interrupted run leaves -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CalibrationWork.h"

#include "qnt/Params/SafeTensors.h"
#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/MappedFile.h"
#include "qnt/Target/CPU/ISA.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace qnt;
namespace fs = llvm::sys::fs;

static constexpr llvm::StringLiteral formatName = "qnt-calibration";
static constexpr int64_t formatVersion = 1;

//===----------------------------------------------------------------------===//
// Fingerprint
//===----------------------------------------------------------------------===//

static std::string finish(llvm::SHA256 &hash) {
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

/// Of the module's text, which holds the hash of its parameters.
static std::string hashModel(mlir::ModuleOp module) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
  auto path = (*copy)->getAttrOfType<mlir::StringAttr>("qnt.params");
  if (path && !(*copy)->hasAttr("qnt.params_sha256"))
    (*copy)->setAttr(
        "qnt.params_sha256",
        mlir::StringAttr::get(module.getContext(),
                              params::ParamStore::open(path.str())->sha256()));
  // Where they lie does not matter.
  (*copy)->removeAttr("qnt.params");
  (*copy)->removeAttr("qnt.assets");
  std::string text;
  llvm::raw_string_ostream(text) << *copy;
  llvm::SHA256 hash;
  hash.update(llvm::StringRef(text));
  return finish(hash);
}

static void hashFile(llvm::SHA256 &hash, const std::string &path) {
  support::MappedFile file(path);
  std::vector<std::byte> chunk(1 << 20);
  int64_t offset = 0;
  while (size_t got = file.read(offset, chunk)) {
    hash.update(
        llvm::ArrayRef(reinterpret_cast<const uint8_t *>(chunk.data()), got));
    offset += int64_t(got);
  }
}

Fingerprint qnt::makeFingerprint(mlir::ModuleOp module,
                                 const SampleSet &samples,
                                 const RunOptions &options) {
  llvm::SHA256 files;
  hashFile(files, samples.path);
  // A tokenizer decides what text becomes.
  if (auto assets = module->getAttrOfType<mlir::DictionaryAttr>("qnt.assets"))
    for (mlir::NamedAttribute asset : assets)
      if (asset.getName().strref().starts_with("tokenizer."))
        hashFile(files, mlir::cast<mlir::StringAttr>(asset.getValue()).str());
  return {{"the program", QNT_VERSION},
          {"the machine", cpu::getNativeISA().name.str()},
          {"the model", hashModel(module)},
          {"the samples", finish(files)},
          {"the options", options.key +
                              " count=" + std::to_string(samples.count) +
                              " seed=" + std::to_string(samples.seed) +
                              " blocks=" + std::to_string(options.blocks)}};
}

//===----------------------------------------------------------------------===//
// The folder
//===----------------------------------------------------------------------===//

CalibrationWork::CalibrationWork(const std::string &wanted,
                                 Fingerprint fingerprint)
    : folder(wanted), fingerprint(std::move(fingerprint)) {
  if (folder.empty()) {
    llvm::SmallString<128> path;
    if (std::error_code code = fs::createUniqueDirectory("qnt-calibrate", path))
      throw support::FileError("cannot create a temporary folder: " +
                               code.message());
    folder = path.str().str();
    isTemporary = true;
    return;
  }
  if (std::error_code code = fs::create_directory(folder))
    throw support::FileError("cannot create folder '" + folder +
                             "': " + code.message());
  lock();
  readState();
}

CalibrationWork::~CalibrationWork() {
  if (isTemporary || finished == 0)
    (void)fs::remove_directories(folder);
  if (descriptor >= 0)
    ::close(descriptor);
}

std::string CalibrationWork::getFile(const llvm::Twine &name) const {
  return (folder + "/" + name).str();
}

void CalibrationWork::lock() {
  std::string path = getFile("lock");
  std::error_code code;
  bool isEmpty =
      fs::directory_iterator(folder, code) == fs::directory_iterator();
  if (!isEmpty && !fs::exists(path))
    throw support::FileError("'" + folder +
                             "' holds other files than a calibration's: "
                             "expected work=FOLDER to be empty or absent");
  descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0)
    throw support::FileError(path + ": " + std::strerror(errno));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    throw support::FileError("another process is calibrating in '" + folder +
                             "'");
}

void CalibrationWork::readState() {
  auto text = llvm::MemoryBuffer::getFile(getFile("state.json"));
  if (!text)
    return;
  llvm::Expected<llvm::json::Value> parsed =
      llvm::json::parse((*text)->getBuffer());
  llvm::json::Object *state = parsed ? parsed->getAsObject() : nullptr;
  if (!parsed)
    llvm::consumeError(parsed.takeError());
  if (!state || state->getString("format") != formatName ||
      state->getInteger("version") != formatVersion) {
    change = "state.json cannot be read";
    return;
  }
  for (const auto &[name, value] : fingerprint)
    if (state->getString(name) != value) {
      llvm::StringRef verb = name == "the samples" || name == "the options"
                                 ? " have changed"
                                 : " has changed";
      change = name + verb.str();
      return;
    }
  finished = std::max<int64_t>(0, state->getInteger("finished").value_or(0));
}

void CalibrationWork::setFinished(int64_t blocks) {
  finished = blocks;
  llvm::json::Object state{{"format", formatName},
                           {"version", formatVersion},
                           {"finished", finished}};
  for (const auto &[name, value] : fingerprint)
    state[name] = value;
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(state)));
  support::writeFileAtomically(getFile("state.json"), std::string_view(text));
}
