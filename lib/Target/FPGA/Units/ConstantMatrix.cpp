//===- ConstantMatrix.cpp - products with a constant matrix -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ConstantMatrix.h"

#include "../Products.h"

#include "llvm/ADT/DenseMap.h"

#include <queue>
#include <tuple>

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

using Term = ConstantMatrix::Term;
using Node = ConstantMatrix::Node;

namespace {
/// Two terms by what they have to each other: nodes in their order, by how many
/// places the second is shifted more, and whether their signs differ.
struct Pair {
  unsigned first, second;
  int places;
  bool isDifference;

  Pair(Term a, Term b) {
    if (std::pair(b.node, b.shift) < std::pair(a.node, a.shift))
      std::swap(a, b);
    first = a.node;
    second = b.node;
    places = int(b.shift) - int(a.shift);
    isDifference = a.isNegative != b.isNegative;
  }
  using Key = std::tuple<unsigned, unsigned, int, int>;
  Key key() const { return {first, second, places, isDifference}; }
  bool operator==(const Pair &other) const { return key() == other.key(); }
  bool operator<(const Pair &other) const { return key() < other.key(); }
};

/// Finds the sums.
class Sharing {
public:
  /// Of inputs of so many bits.
  Sharing(int64_t inputs, unsigned bits, int64_t rows)
      : inputs(inputs), terms(size_t(rows)), left(size_t(rows)),
        depths(size_t(inputs)), bits(size_t(inputs), bits) {}

  /// Of a block of inputs: digits of each row.
  void share(std::vector<std::vector<Term>> digits);
  /// One term of each row, of all blocks.
  std::vector<std::optional<Term>> sumUp();

  std::vector<Node> nodes;

private:
  struct Candidate {
    int64_t score;
    Pair pair;
    /// Of the same score, that of the first numbers comes first.
    bool operator<(const Candidate &other) const {
      return score != other.score ? score < other.score : other.pair < pair;
    }
  };

  int64_t getScore(const Pair &pair, int64_t count) const;
  void count(const Pair &pair, int64_t more);
  void countWith(ArrayRef<Term> row, const Term &term, int64_t more);
  void replace(std::vector<Term> &row, const Pair &pair, unsigned node);
  Term addNode(Term a, Term b);

  int64_t inputs;
  /// Of the block, and what was left of those before.
  std::vector<std::vector<Term>> terms, left;
  llvm::DenseMap<Pair::Key, int64_t> counts;
  std::priority_queue<Candidate> candidates;
  /// Of each node, the sums behind each other, and its bits at most.
  std::vector<unsigned> depths, bits;
};
} // namespace

/// The digits of a number, none beside another.
static void appendDigits(std::vector<Term> &terms, unsigned node,
                         int64_t number) {
  for (unsigned shift = 0; number != 0; ++shift, number /= 2) {
    if (number % 2 == 0)
      continue;
    // 1 or -1, so that what is left is a multiple of 4.
    bool isNegative = ((number % 4) + 4) % 4 == 3;
    terms.push_back({node, shift, isNegative});
    number -= isNegative ? -1 : 1;
  }
}

/// How often a pair is there, times the bits in which both terms are: pairs
/// whose terms lie apart are mostly wires (Sun et al., da4ml, 2025).
int64_t Sharing::getScore(const Pair &pair, int64_t count) const {
  const int first = std::max(0, -pair.places),
            second = std::max(0, pair.places);
  int overlap =
      std::min(int(bits[pair.first]) + first, int(bits[pair.second]) + second) -
      std::max(first, second);
  return count * std::max(1, overlap + 1);
}

void Sharing::count(const Pair &pair, int64_t more) {
  int64_t &count = counts[pair.key()];
  count += more;
  if (more > 0 && count > 1)
    candidates.push({getScore(pair, count), pair});
  if (count == 0)
    counts.erase(pair.key());
}

void Sharing::countWith(ArrayRef<Term> row, const Term &term, int64_t more) {
  for (const Term &other : row)
    count({other, term}, more);
}

/// The sum of two terms is a new node times this.
Term Sharing::addNode(Term a, Term b) {
  unsigned shift = std::min(a.shift, b.shift);
  a.shift -= shift;
  b.shift -= shift;
  if (a.isNegative)
    std::swap(a, b);
  // Of two negative ones the sum is.
  bool isNegative = a.isNegative;
  if (isNegative)
    a.isNegative = b.isNegative = false;
  nodes.push_back({a, b});
  depths.push_back(std::max(depths[a.node], depths[b.node]) + 1);
  bits.push_back(std::max(bits[a.node] + a.shift, bits[b.node] + b.shift) + 1);
  return {unsigned(inputs) + unsigned(nodes.size()) - 1, shift, isNegative};
}

/// Every pair of this kind in a row, none of a term twice.
void Sharing::replace(std::vector<Term> &row, const Pair &pair, unsigned node) {
  auto find = [&](size_t i) {
    return llvm::find_if(row, [&](const Term &other) {
      return other.node == pair.second &&
             int(other.shift) == int(row[i].shift) + pair.places &&
             (other.isNegative != row[i].isNegative) == pair.isDifference;
    });
  };
  for (size_t i = 0; i < row.size();) {
    if (row[i].node != pair.first || find(i) == row.end()) {
      ++i;
      continue;
    }
    const Term a = row[i], b = *find(i);
    for (const Term &term : {a, b}) {
      row.erase(llvm::find_if(row, [&](const Term &other) {
        return other.node == term.node && other.shift == term.shift;
      }));
      countWith(row, term, -1);
    }
    Term sum{node, std::min(a.shift, b.shift), a.isNegative};
    countWith(row, sum, 1);
    row.push_back(sum);
    i = 0;
  }
}

void Sharing::share(std::vector<std::vector<Term>> digits) {
  terms = std::move(digits);
  for (const std::vector<Term> &row : terms)
    for (size_t i = 0; i < row.size(); ++i)
      countWith(ArrayRef(row).take_front(i), row[i], 1);
  while (!candidates.empty()) {
    const auto [before, pair] = candidates.top();
    candidates.pop();
    auto count = counts.find(pair.key());
    if (count == counts.end() || count->second < 2)
      continue;
    int64_t score = getScore(pair, count->second);
    if (score != before) {
      candidates.push({score, pair});
      continue;
    }
    unsigned shift = unsigned(std::max(0, -pair.places));
    Term sum = addNode(
        {pair.first, shift, false},
        {pair.second, unsigned(int(shift) + pair.places), pair.isDifference});
    for (std::vector<Term> &row : terms)
      replace(row, pair, sum.node);
  }
  counts.clear();
  for (auto [row, more] : llvm::zip_equal(left, terms))
    llvm::append_range(row, more);
}

std::vector<std::optional<Term>> Sharing::sumUp() {
  std::vector<std::optional<Term>> sums;
  for (const std::vector<Term> &row : left) {
    auto isLater = [&](const Term &a, const Term &b) {
      return std::pair(depths[a.node], a.shift) >
             std::pair(depths[b.node], b.shift);
    };
    std::priority_queue<Term, std::vector<Term>, decltype(isLater)> rest(
        isLater, row);
    while (rest.size() > 1) {
      Term first = rest.top();
      rest.pop();
      Term second = rest.top();
      rest.pop();
      rest.push(addNode(first, second));
    }
    sums.push_back(rest.empty() ? std::nullopt : std::optional(rest.top()));
  }
  return sums;
}

/// Pairs of a block's terms that are kept count of, coarsely: a few hundred
/// megabytes.
static constexpr size_t mostPairs = 2'000'000;

ConstantMatrix::ConstantMatrix(ArrayRef<int64_t> weights, IntegerType input,
                               int64_t rows)
    : input(input), inputs(int64_t(weights.size()) / rows) {
  Sharing sharing(inputs, input.getWidth(), rows);
  std::vector<std::vector<Term>> block(static_cast<size_t>(rows));
  for (int64_t input = 0; input < inputs; ++input) {
    size_t pairs = 0;
    for (auto [row, weight] : llvm::zip_equal(
             block, weights.slice(size_t(input * rows), size_t(rows)))) {
      appendDigits(row, unsigned(input), weight);
      pairs += row.size() * row.size() / 2;
    }
    if (pairs < mostPairs && input < inputs - 1)
      continue;
    sharing.share(std::move(block));
    block.assign(size_t(rows), {});
  }
  this->rows = sharing.sumUp();
  nodes = std::move(sharing.nodes);
}

namespace {
/// An integer, without a sign where none is negative.
struct Number {
  Value value;
  Interval range;
};

/// Writes sums, modulo 2^bits.
class SumWriter {
public:
  SumWriter(ProcessBuilder &process, unsigned bits)
      : process(process), bits(bits) {}

  /// A node of these.
  Number write(const Node &node, const Number &first, const Number &second);
  /// A term of this, in all bits.
  Value write(const Term &term, const Number &number);

private:
  Value shiftLeft(const Number &number, unsigned places, unsigned to) {
    return process.shiftLeft(
        process.resize(number.value, to, number.range.low < 0), places);
  }
  Value addUp(Value a, Value b, bool isDifference);

  ProcessBuilder &process;
  const unsigned bits;
};
} // namespace

Value SumWriter::addUp(Value a, Value b, bool isDifference) {
  Value sum = isDifference ? process.subtract(a, b) : process.add(a, b);
  setSharedSum(sum.getDefiningOp());
  return sum;
}

Number SumWriter::write(const Node &node, const Number &first,
                        const Number &second) {
  const bool isDifference = node.second.isNegative;
  const int64_t factor = int64_t(1) << node.second.shift;
  Interval a = *first.range.times(int64_t(1) << node.first.shift);
  Interval b = *second.range.times(isDifference ? -factor : factor);
  Interval range = *a.plus(b);
  const unsigned to =
      std::min(bits, range.getSignedBits() - unsigned(range.low >= 0));
  return {addUp(shiftLeft(first, node.first.shift, to),
                shiftLeft(second, node.second.shift, to), isDifference),
          range};
}

Value SumWriter::write(const Term &term, const Number &number) {
  Value value = shiftLeft(number, term.shift, bits);
  return term.isNegative ? addUp(process.integer(bits, 0), value, true) : value;
}

Value ConstantMatrix::multiply(ProcessBuilder &process, Value codes,
                               unsigned bits) const {
  const Interval range = Interval::of(input);
  SumWriter writer(process, bits);
  std::vector<Number> numbers;
  for (int64_t input = 0; input < inputs; ++input)
    numbers.push_back({process.getLane(codes, input), range});
  for (const Node &node : nodes)
    numbers.push_back(writer.write(node, numbers[node.first.node],
                                   numbers[node.second.node]));
  SmallVector<Value> sums;
  for (const std::optional<Term> &row : rows)
    sums.push_back(row ? writer.write(*row, numbers[row->node])
                       : process.integer(bits, 0));
  OpBuilder &builder = process.getBuilder();
  return vector::FromElementsOp::create(
      builder, codes.getLoc(),
      VectorType::get({int64_t(sums.size())}, builder.getIntegerType(bits)),
      sums);
}
