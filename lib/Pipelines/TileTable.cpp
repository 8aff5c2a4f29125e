//===- TileTable.cpp - the tiles that a machine is fastest with -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TileTable.h"

#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/Json.h"

#include <filesystem>
#include <nlohmann/json.hpp>

using namespace qnt;
using nlohmann::json;
using support::FileError;
using support::getField;

static constexpr const char *formatName = "qnt-tiles";
static constexpr int64_t formatVersion = 1, mostRows = 1 << 10;

std::string TileTable::getText() const {
  std::string text;
  for (const auto &[name, kind] : kinds)
    text += (text.empty() ? "" : ",") + name + "=" + cpu::toText(kind.tiles);
  return text;
}

void TileTable::write(const std::string &path) const {
  json all = json::object();
  for (const auto &[name, kind] : kinds) {
    json measured = json::array();
    for (const Measured &each : kind.measured)
      measured.push_back({{"rows", each.tile.rows},
                          {"panels", each.tile.panels},
                          {"seconds", each.seconds}});
    all[name] = {{"tiles", cpu::toText(kind.tiles)}, {"measured", measured}};
  }
  json file = {{"format", formatName},
               {"format_version", formatVersion},
               {"machine",
                {{"cpu", machine.cpu},
                 {"isa", machine.isa},
                 {"version", machine.version}}},
               {"kinds", all}};
  support::writeFileAtomically(path, std::string_view(file.dump(1) + "\n"));
}

TileTable TileTable::read(const std::string &path,
                          const LatencyTable::Machine &machine) {
  TileTable table(machine);
  if (!std::filesystem::exists(path))
    return table;
  json file = support::readJson(path);
  if (!file.is_object() || file.value("format", json()) != formatName)
    throw FileError(path + ": not a table of tiles: expected 'format' to be '" +
                    formatName + "'");
  json from = getField<json>(file, "machine", path);
  std::string inMachine = path + ": machine";
  bool isSame =
      getField<int64_t>(file, "format_version", path) == formatVersion &&
      getField<std::string>(from, "cpu", inMachine) == machine.cpu &&
      getField<std::string>(from, "isa", inMachine) == machine.isa &&
      getField<std::string>(from, "version", inMachine) == machine.version;
  json all = getField<json>(file, "kinds", path);
  if (!all.is_object())
    throw FileError(path + ": 'kinds' must be an object");
  if (!isSame)
    return table;
  for (const auto &[name, entry] : all.items()) {
    std::string where = path + ": kinds." + name;
    Kind kind;
    auto tiles =
        cpu::findTiles(getField<std::string>(entry, "tiles", where), name);
    if (!tiles)
      throw FileError(where + ": " + llvm::toString(tiles.takeError()));
    if (!*tiles)
      throw FileError(where + ": 'tiles' must not be empty");
    kind.tiles = **tiles;
    auto measured = entry.find("measured");
    if (measured == entry.end() || !measured->is_array())
      throw FileError(where + ": 'measured' must be an array");
    for (const json &each : *measured) {
      double seconds = getField<double>(each, "seconds", where);
      if (!(seconds > 0))
        throw FileError(where + ": 'seconds' must be positive");
      kind.measured.push_back(
          {{support::getIntField(each, "rows", 1, mostRows, where),
            support::getIntField(each, "panels", 1, mostRows, where)},
           seconds});
    }
    table.kinds.emplace(name, std::move(kind));
  }
  return table;
}

std::string qnt::getTileTableName(const cpu::ISA &isa) {
  return ("tiles-" + isa.name + ".json").str();
}
