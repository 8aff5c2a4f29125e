//===- ap_int.h - integers of any width, for simulation -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What generated designs use of ap_int and ap_uint (Vitis HLS user guide,
// UG1399, "Arbitrary Precision Integer Types"), by clang's _BitInt: so a design
// runs without Vitis, many times faster than by its own header. Results have
// the widths that the user guide gives. Like there, a variable that nothing was
// assigned to holds whatever was in its place.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SIMULATION_AP_INT_H
#define QNT_SIMULATION_AP_INT_H

#include <type_traits>

namespace qnt_sim {

template <int W, bool S> class Int;

/// Bits [low, low + count) of an integer.
template <typename T> class Range {
public:
  Range(T &whole, int high, int low)
      : whole(whole), low(low), count(high - low + 1) {}

  template <int W, bool S> Range &operator=(const Int<W, S> &value) {
    using Bits = typename T::Bits;
    Bits mask = (count == T::width ? Bits(0) : Bits(Bits(1) << count)) - 1;
    Bits part = Bits(value.get()) & mask;
    whole = T(Bits((Bits(whole.get()) & Bits(~Bits(mask << low))) |
                   Bits(part << low)));
    return *this;
  }

  auto get() const {
    using Bits = typename T::Bits;
    Bits mask = (count == T::width ? Bits(0) : Bits(Bits(1) << count)) - 1;
    return Int<T::width, false>(Bits(Bits(whole.get()) >> low) & mask);
  }
  int to_int() const { return get().to_int(); }

private:
  T &whole;
  int low, count;
};

template <int W, bool S> class Int {
public:
  static constexpr int width = W;
  using Bits = unsigned _BitInt(W);
  // A signed _BitInt has two bits at least.
  using Raw = std::conditional_t<S, signed _BitInt(W < 2 ? 2 : W), Bits>;

  Int() = default;
  template <
      typename N,
      std::enable_if_t<!std::is_class_v<N> && !std::is_pointer_v<N>, int> = 0>
  constexpr Int(N number) : raw(wrap(Bits(number))) {}
  template <int W2, bool S2>
  constexpr Int(const Int<W2, S2> &other) : raw(wrap(Bits(other.get()))) {}
  template <typename T>
  constexpr Int(const Range<T> &range) : Int(range.get()) {}
  /// Hexadecimal digits.
  Int(const char *digits, int) : raw(0) {
    Bits bits = 0;
    for (; *digits; ++digits)
      bits = Bits(bits << (W > 4 ? 4 : 0)) |
             Bits(*digits <= '9' ? *digits - '0' : (*digits | 32) - 'a' + 10);
    raw = wrap(bits);
  }

  constexpr Raw get() const { return raw; }
  int to_int() const { return int(raw); }
  constexpr operator long long() const { return (long long)raw; }

  Range<Int> range(int high, int low) { return {*this, high, low}; }
  Range<const Int> range(int high, int low) const { return {*this, high, low}; }

private:
  static constexpr Raw wrap(Bits bits) {
    if constexpr (S && W == 1)
      return Raw(bits ? -1 : 0);
    else
      return Raw(bits);
  }

  Raw raw;
};

/// Of a sum, which holds any: one bit more than both have, a sign included.
template <int W1, bool S1, int W2, bool S2>
inline constexpr int sumWidth =
    (W1 + (S2 && !S1) > W2 + (S1 && !S2) ? W1 + (S2 && !S1)
                                         : W2 + (S1 && !S2)) +
    1;

template <typename N>
using FromNumber = Int<8 * sizeof(N), std::is_signed_v<N>>;

// An operator on two integers, and on one and a number of C++. Operands are
// made as wide as the result, where they keep their values.
#define QNT_BINARY(OP, WIDTH, SIGNED, EXPRESSION)                              \
  template <int W1, bool S1, int W2, bool S2>                                  \
  constexpr auto operator OP(const Int<W1, S1> &first,                         \
                             const Int<W2, S2> &second) {                      \
    using R = Int<WIDTH, SIGNED>;                                              \
    typename R::Bits a(first.get()), b(second.get());                          \
    return R(typename R::Bits(EXPRESSION));                                    \
  }                                                                            \
  QNT_WITH_NUMBERS(OP)
#define QNT_WITH_NUMBERS(OP)                                                   \
  template <int W, bool S, typename N,                                         \
            std::enable_if_t<std::is_integral_v<N>, int> = 0>                  \
  constexpr auto operator OP(const Int<W, S> &first, N second) {               \
    return first OP FromNumber<N>(second);                                     \
  }                                                                            \
  template <int W, bool S, typename N,                                         \
            std::enable_if_t<std::is_integral_v<N>, int> = 0>                  \
  constexpr auto operator OP(N first, const Int<W, S> &second) {               \
    return FromNumber<N>(first) OP second;                                     \
  }
QNT_BINARY(+, (sumWidth<W1, S1, W2, S2>), S1 || S2, a + b)
QNT_BINARY(-, (sumWidth<W1, S1, W2, S2>), true, a - b)
QNT_BINARY(*, W1 + W2, S1 || S2, a *b)
QNT_BINARY(&, (sumWidth<W1, S1, W2, S2> - 1), S1 || S2, a &b)
QNT_BINARY(|, (sumWidth<W1, S1, W2, S2> - 1), S1 || S2, a | b)
QNT_BINARY(^, (sumWidth<W1, S1, W2, S2> - 1), S1 || S2, a ^ b)
#undef QNT_BINARY

#define QNT_COMPARISON(OP)                                                     \
  template <int W1, bool S1, int W2, bool S2>                                  \
  constexpr bool operator OP(const Int<W1, S1> &first,                         \
                             const Int<W2, S2> &second) {                      \
    using Common = signed _BitInt(sumWidth<W1, S1, W2, S2> + 1);               \
    return Common(first.get()) OP Common(second.get());                        \
  }                                                                            \
  QNT_WITH_NUMBERS(OP)
QNT_COMPARISON(==)
QNT_COMPARISON(!=)
QNT_COMPARISON(<)
QNT_COMPARISON(<=)
QNT_COMPARISON(>)
QNT_COMPARISON(>=)
#undef QNT_COMPARISON
#undef QNT_WITH_NUMBERS

/// Has the width of what is shifted; nothing is left of it beyond that.
template <int W, bool S, int W2>
constexpr Int<W, S> operator<<(const Int<W, S> &value,
                               const Int<W2, false> &by) {
  using Bits = typename Int<W, S>::Bits;
  return by < W ? Int<W, S>(Bits(Bits(value.get()) << int(by.get())))
                : Int<W, S>(0);
}
template <int W, bool S, int W2>
constexpr Int<W, S> operator>>(const Int<W, S> &value,
                               const Int<W2, false> &by) {
  using Bits = typename Int<W, S>::Bits;
  return by < W ? Int<W, S>(Bits(value.get() >> int(by.get())))
                : Int<W, S>(value < 0 ? -1 : 0);
}
template <int W, bool S>
constexpr Int<W, S> operator<<(const Int<W, S> &value, int by) {
  return value << Int<32, false>(by);
}
template <int W, bool S>
constexpr Int<W, S> operator>>(const Int<W, S> &value, int by) {
  return value >> Int<32, false>(by);
}

} // namespace qnt_sim

template <int W> using ap_int = qnt_sim::Int<W, true>;
template <int W> using ap_uint = qnt_sim::Int<W, false>;

#endif // QNT_SIMULATION_AP_INT_H
