//===- ParamStreamer.cpp - evaluated parameters into a file -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ParamStreamer.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;

/// Elements of a block: its buffers stay in the second-level cache, and the
/// cost of handing blocks over is small beside that of evaluating them.
static constexpr int64_t blockElements = 1 << 17;

/// Rows of one block of a job.
static int64_t getBlockRows(const ParamJob &job,
                            const ParamEvaluator &evaluator) {
  Type type = job.value.getType();
  if (evaluator.needsAllRows(job.value))
    return std::max<int64_t>(1, getNumRows(type));
  int64_t rows =
      std::max<int64_t>(1, blockElements / evaluator.getCostPerRow(job.value));
  if (auto quantized = dyn_cast<QTensorType>(type))
    if (auto layout = dyn_cast_or_null<Layout>(quantized.getLayout()))
      rows = llvm::alignTo(rows, layout.getRowMultiple());
  return rows;
}

static int64_t getNumBlocks(const std::vector<ParamJob> &jobs,
                            const ParamEvaluator &evaluator) {
  int64_t count = 0;
  for (const ParamJob &job : jobs)
    count += llvm::divideCeil(getNumRows(job.value.getType()),
                              getBlockRows(job, evaluator));
  return std::max<int64_t>(1, count);
}

ParamStreamer::ParamStreamer(const ParamEvaluator &evaluator,
                             const params::ParamStore &store,
                             std::vector<ParamJob> jobList,
                             params::SafeTensorsWriter &writer)
    : evaluator(evaluator), store(store), jobs(std::move(jobList)),
      writer(writer),
      progress("write parameters", getNumBlocks(jobs, evaluator)) {
  for (size_t job = 0; job < jobs.size(); ++job) {
    int64_t rows = getNumRows(jobs[job].value.getType());
    int64_t step = getBlockRows(jobs[job], evaluator);
    for (int64_t first = 0; first < rows; first += step)
      blocks.push_back(
          {job, {first, std::min(step, rows - first)}, first + step >= rows});
  }
}

std::vector<std::byte> ParamStreamer::pack(QTensorType type, QuantizedRows rows,
                                           RowRange range) const {
  auto layout = cast<Layout>(type.getLayout());
  int64_t perRow = type.hasScale() ? type.getGroupsPerRow() : 0;
  // A scale of the whole tensor counts for every row.
  if (rows.scales.size() == 1)
    rows.scales.resize(range.count * perRow, rows.scales.front());
  if (rows.zeros.size() == 1)
    rows.zeros.resize(range.count * perRow, rows.zeros.front());
  RowBlock block{range.first, range.count, rows.codes, rows.scales, rows.zeros};
  SmallVector<int64_t> shape(type.getShape());
  shape.front() = range.count;
  // Without its layout, whose constraints are the whole weight's.
  int64_t size = layout.getByteSize(type.withLayout({}).withShape(shape));
  std::vector<std::byte> blob(size);
  layout.packRows(type, block,
                  {reinterpret_cast<char *>(blob.data()), blob.size()});
  return blob;
}

ParamStreamer::Bytes ParamStreamer::evaluateQuantized(const ParamJob &job,
                                                      RowRange range) const {
  auto type = cast<QTensorType>(job.value.getType());
  Bytes bytes;
  if (auto packOp = job.value.getDefiningOp<PackOp>()) {
    bytes.main = pack(
        type, evaluator.evaluateQuantized(packOp.getInput(), range), range);
    return bytes;
  }
  QuantizedRows rows = evaluator.evaluateQuantized(job.value, range);
  appendCodes(rows.codes, job.entries[0].dtype, bytes.main);
  if (type.hasScale())
    appendFloats(rows.scales, job.entries[1].dtype, bytes.scales);
  if (type.hasZeros())
    appendFloats(rows.zeros, job.entries[2].dtype, bytes.zeros);
  return bytes;
}

ParamStreamer::Bytes ParamStreamer::evaluate(const ParamJob &job,
                                             RowRange rows) const {
  Type type = job.value.getType();
  auto load = job.value.getDefiningOp<ml_program::GlobalLoadConstOp>();
  auto quantized = dyn_cast<QTensorType>(type);
  Type element =
      quantized ? Type() : cast<RankedTensorType>(type).getElementType();
  bool isPlainFloat =
      element && (element.isF32() || element.isF16() || element.isBF16());
  Bytes bytes;
  if (isPlainFloat) {
    appendFloats(evaluator.evaluateFloat(job.value, rows), job.entries[0].dtype,
                 bytes.main);
  } else if (load && (!quantized || quantized.getLayout())) {
    // Nothing to compute: a share of the bytes.
    const params::TensorView &tensor =
        store.get(load.getGlobal().getLeafReference().str());
    size_t total = tensor.bytes.size(), count = getNumRows(type);
    size_t begin = total * rows.first / count;
    size_t end = total * (rows.first + rows.count) / count;
    auto span = tensor.bytes.subspan(begin, end - begin);
    bytes.main.assign(span.begin(), span.end());
  } else if (quantized) {
    return evaluateQuantized(job, rows);
  } else if (element.isInteger(32)) {
    appendIntegers(evaluator.evaluateIntegers(job.value, rows), bytes.main);
  } else {
    throw params::ParamsError("parameter '" + job.name +
                              "': expected f32, f16 or bf16 numbers");
  }
  return bytes;
}

bool ParamStreamer::write(size_t index, Bytes bytes) {
  std::unique_lock<std::mutex> lock(mutex);
  turn.wait(lock, [&] { return written == index || failure; });
  if (failure)
    return false;
  try {
    writer.write(bytes.main);
    scales.insert(scales.end(), bytes.scales.begin(), bytes.scales.end());
    zeros.insert(zeros.end(), bytes.zeros.begin(), bytes.zeros.end());
    if (blocks[index].last) {
      writer.write(scales);
      writer.write(zeros);
      scales.clear();
      zeros.clear();
    }
  } catch (...) {
    failure = std::current_exception();
    failedBlock = index;
  }
  ++written;
  turn.notify_all();
  return !failure;
}

void ParamStreamer::work() {
  for (;;) {
    size_t index = nextBlock++;
    if (index >= blocks.size())
      return;
    const Block &block = blocks[index];
    Bytes bytes;
    try {
      bytes = evaluate(jobs[block.job], block.rows);
      evaluator.release(jobs[block.job].value, block.rows);
    } catch (...) {
      // Blocks before this one were all taken, and each reports its failure,
      // so the first in order is found whatever the threads do.
      std::lock_guard<std::mutex> lock(mutex);
      if (index < failedBlock) {
        failedBlock = index;
        failure = std::current_exception();
      }
      turn.notify_all();
      return;
    }
    if (!write(index, std::move(bytes)))
      return;
    progress.advance();
  }
}

void ParamStreamer::run(MLIRContext *context) {
  size_t threads =
      context->isMultithreadingEnabled() ? context->getNumThreads() : 1;
  parallelFor(context, 0, std::max<size_t>(1, threads),
              [&](size_t) { work(); });
  if (failure)
    std::rethrow_exception(failure);
}
