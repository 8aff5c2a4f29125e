//===- Proto.cpp - the messages of an ONNX file -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each function names the fields of one message by their numbers in onnx.proto.
// Fields that say nothing about what is computed (documentation, names of
// producers, metadata) are passed over, as protobuf asks for unknown ones.
//
//===----------------------------------------------------------------------===//
#include "Proto.h"

#include "Wire.h"

using namespace qnt::onnx;
using llvm::StringRef;

/// Graphs lie in attributes of nodes of graphs; no exporter goes this deep.
static constexpr unsigned maxDepth = 32;

static GraphProto parseGraph(StringRef bytes, unsigned depth);

static std::pair<StringRef, StringRef> parseEntry(StringRef bytes) {
  std::pair<StringRef, StringRef> entry;
  for (WireReader reader(bytes); reader.next();)
    if (reader.field() == 1)
      entry.first = reader.bytes();
    else if (reader.field() == 2)
      entry.second = reader.bytes();
  return entry;
}

TensorProto qnt::onnx::parseTensor(StringRef bytes) {
  TensorProto tensor;
  for (WireReader reader(bytes); reader.next();)
    switch (reader.field()) {
    case 1:
      reader.append(tensor.dims);
      break;
    case 2:
      tensor.dataType = reader.integer();
      break;
    case 3:
      throw ImportError("a tensor is stored in segments, which is not "
                        "supported");
    case 4:
      reader.appendPayload(tensor.floatData);
      break;
    case 5:
      reader.appendPayload(tensor.int32Data);
      break;
    case 7:
      reader.appendPayload(tensor.int64Data);
      break;
    case 8:
      tensor.name = reader.bytes();
      break;
    case 9:
      tensor.rawData = reader.bytes();
      break;
    case 10:
      reader.appendPayload(tensor.doubleData);
      break;
    case 11:
      reader.appendPayload(tensor.uint64Data);
      break;
    case 13:
      tensor.external.push_back(parseEntry(reader.bytes()));
      break;
    case 14:
      tensor.isExternal = reader.integer() == 1;
      break;
    }
  return tensor;
}

static AttributeProto parseAttribute(StringRef bytes, unsigned depth) {
  AttributeProto attribute;
  for (WireReader reader(bytes); reader.next();)
    switch (reader.field()) {
    case 1:
      attribute.name = reader.bytes();
      break;
    case 2:
      attribute.f = reader.real();
      break;
    case 3:
      attribute.i = reader.integer();
      break;
    case 4:
      attribute.s = reader.bytes();
      break;
    case 5:
      attribute.tensor.assign(1, parseTensor(reader.bytes()));
      break;
    case 6:
      attribute.graph.assign(1, parseGraph(reader.bytes(), depth + 1));
      break;
    case 7:
      reader.append(attribute.floats);
      break;
    case 8:
      reader.append(attribute.ints);
      break;
    case 9:
      attribute.strings.push_back(reader.bytes());
      break;
    case 20:
      attribute.type = reader.integer();
      break;
    case 21:
      attribute.reference = reader.bytes();
      break;
    }
  return attribute;
}

static NodeProto parseNode(StringRef bytes, unsigned depth) {
  NodeProto node;
  for (WireReader reader(bytes); reader.next();)
    switch (reader.field()) {
    case 1:
      node.inputs.push_back(reader.bytes());
      break;
    case 2:
      node.outputs.push_back(reader.bytes());
      break;
    case 3:
      node.name = reader.bytes();
      break;
    case 4:
      node.opType = reader.bytes();
      break;
    case 5:
      node.attributes.push_back(parseAttribute(reader.bytes(), depth));
      break;
    case 7:
      node.domain = reader.bytes();
      break;
    case 8:
      node.overload = reader.bytes();
      break;
    }
  // The default domain has two spellings.
  if (node.domain == "ai.onnx")
    node.domain = "";
  return node;
}

static DimProto parseDim(StringRef bytes) {
  DimProto dim;
  for (WireReader reader(bytes); reader.next();)
    if (reader.field() == 1)
      dim.value = reader.integer();
    else if (reader.field() == 2)
      dim.param = reader.bytes();
  return dim;
}

static void parseTensorType(StringRef bytes, ValueInfoProto &info) {
  for (WireReader reader(bytes); reader.next();)
    if (reader.field() == 1) {
      info.dataType = reader.integer();
    } else if (reader.field() == 2) {
      info.shape.emplace();
      for (WireReader shape(reader.bytes()); shape.next();)
        if (shape.field() == 1)
          info.shape->push_back(parseDim(shape.bytes()));
    }
}

static void parseType(StringRef bytes, ValueInfoProto &info) {
  for (WireReader reader(bytes); reader.next();)
    switch (reader.field()) {
    case 1:
      info.otherType = "";
      parseTensorType(reader.bytes(), info);
      break;
    case 4:
      info.otherType = "a sequence";
      break;
    case 5:
      info.otherType = "a map";
      break;
    case 8:
      info.otherType = "a sparse tensor";
      break;
    case 9:
      info.otherType = "an optional";
      break;
    }
}

static ValueInfoProto parseValueInfo(StringRef bytes) {
  ValueInfoProto info;
  info.otherType = "of no type";
  for (WireReader reader(bytes); reader.next();)
    if (reader.field() == 1)
      info.name = reader.bytes();
    else if (reader.field() == 2)
      parseType(reader.bytes(), info);
  return info;
}

static GraphProto parseGraph(StringRef bytes, unsigned depth) {
  if (depth > maxDepth)
    throw ImportError("graphs are nested more than " +
                      std::to_string(maxDepth) + " deep");
  GraphProto graph;
  for (WireReader reader(bytes); reader.next();)
    switch (reader.field()) {
    case 1:
      graph.nodes.push_back(parseNode(reader.bytes(), depth));
      break;
    case 2:
      graph.name = reader.bytes();
      break;
    case 5:
      graph.initializers.push_back(parseTensor(reader.bytes()));
      break;
    case 11:
      graph.inputs.push_back(parseValueInfo(reader.bytes()));
      break;
    case 12:
      graph.outputs.push_back(parseValueInfo(reader.bytes()));
      break;
    case 15:
      graph.hasSparseInitializers = true;
      break;
    }
  return graph;
}

static OpsetId parseOpset(StringRef bytes) {
  OpsetId opset;
  for (WireReader reader(bytes); reader.next();)
    if (reader.field() == 1)
      opset.domain = reader.bytes();
    else if (reader.field() == 2)
      opset.version = reader.integer();
  if (opset.domain == "ai.onnx")
    opset.domain = "";
  return opset;
}

static FunctionProto parseFunction(StringRef bytes) {
  FunctionProto function;
  for (WireReader reader(bytes); reader.next();)
    switch (reader.field()) {
    case 1:
      function.name = reader.bytes();
      break;
    case 4:
      function.inputs.push_back(reader.bytes());
      break;
    case 5:
      function.outputs.push_back(reader.bytes());
      break;
    case 7:
      function.nodes.push_back(parseNode(reader.bytes(), 0));
      break;
    case 9:
      function.opsets.push_back(parseOpset(reader.bytes()));
      break;
    case 10:
      function.domain = reader.bytes();
      break;
    case 11:
      function.attributeDefaults.push_back(parseAttribute(reader.bytes(), 0));
      break;
    case 13:
      function.overload = reader.bytes();
      break;
    }
  return function;
}

ModelProto qnt::onnx::parseModel(StringRef file) {
  ModelProto model;
  for (WireReader reader(file); reader.next();)
    switch (reader.field()) {
    case 1:
      model.irVersion = reader.integer();
      break;
    case 7:
      model.graph = parseGraph(reader.bytes(), 0);
      break;
    case 8:
      model.opsets.push_back(parseOpset(reader.bytes()));
      break;
    case 25:
      model.functions.push_back(parseFunction(reader.bytes()));
      break;
    }
  if (!model.graph)
    throw ImportError("there is no graph in the file: expected an ONNX model");
  return model;
}
