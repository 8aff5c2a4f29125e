//===- QFlowOps.cpp - designs, and what is between processes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QFlow/QFlow.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace qnt::qflow;

/// "N": so many results of the input's type.
static ParseResult parseCopies(OpAsmParser &parser,
                               SmallVectorImpl<Type> &results, Type input) {
  int64_t count = 0;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseInteger(count))
    return failure();
  if (count < 2)
    return parser.emitError(loc, "expected 2 readers or more, got ") << count;
  results.assign(count, input);
  return success();
}

static void printCopies(OpAsmPrinter &printer, Operation *, TypeRange results,
                        Type) {
  printer << results.size();
}

/// The stream's type, which says the word's.
static ParseResult parseWrittenStream(OpAsmParser &parser, Type &stream,
                                      Type &word) {
  StreamType type;
  if (parser.parseType(type))
    return failure();
  stream = type;
  word = type.getWordType();
  return success();
}

static void printWrittenStream(OpAsmPrinter &printer, Operation *, Type stream,
                               Type) {
  printer << stream;
}

#define GET_OP_CLASSES
#include "qnt/Dialect/QFlow/QFlowOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Designs
//===----------------------------------------------------------------------===//

ParseResult DesignOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> arguments,
                      ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag, std::string &) {
    return builder.getFunctionType(arguments, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void DesignOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(
      printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

LogicalResult DesignOp::verify() {
  for (TypeRange types :
       {TypeRange(getArgumentTypes()), TypeRange(getResultTypes())})
    for (Type type : types)
      if (!isa<StreamType>(type)) // (C1)
        return emitOpError("expected streams to come in and go out, got ")
               << type;
  if (getClock() && !(getClock()->convertToDouble() > 0)) // (C3)
    return emitOpError("expected a positive clock, in MHz");
  return success();
}

/// That `stream` has one reader.
static LogicalResult checkReader(Value stream, Operation *design) {
  if (!isa<StreamType>(stream.getType()) || stream.hasOneUse())
    return success();
  size_t count = std::distance(stream.use_begin(), stream.use_end());
  Operation *op = stream.getDefiningOp();
  return (op ? op : design)->emitOpError("has a stream with ")
         << count << " readers, expected one"
         << (count > 1 ? "; a qflow.fork makes more of it" : "");
}

LogicalResult DesignOp::verifyRegions() {
  Block &block = getBody().front(); // (C2)
  for (Value argument : block.getArguments())
    if (failed(checkReader(argument, *this)))
      return failure();
  for (Operation &op : block)
    for (Value result : op.getResults())
      if (failed(checkReader(result, *this)))
        return failure();
  return success();
}

LogicalResult OutputOp::verify() {
  auto design = cast<DesignOp>((*this)->getParentOp());
  if (getStreams().getTypes() != TypeRange(design.getResultTypes())) // (C1)
    return emitOpError("expected streams of the types that the design says");
  return success();
}

LogicalResult FifoOp::verify() {
  if (getDepth() < 2) // (C1)
    return emitOpError("expected a depth of 2 or more, got ") << getDepth();
  return success();
}

LogicalResult WidthOp::verify() {
  StreamType from = getInput().getType(), to = getResult().getType();
  int64_t few = std::min(from.getLanes(), to.getLanes());
  int64_t many = std::max(from.getLanes(), to.getLanes());
  if (from.getElements() != to.getElements() ||
      from.getElement() != to.getElement() || many % few) // (C1)
    return emitOpError("expected the same elements, and lanes that divide "
                       "those of the other side");
  return success();
}
