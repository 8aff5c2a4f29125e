// RUN: quant-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expected a frame of positive dimensions}}
func.func private @stream_c1(!qflow.stream<4x0xui8, 1>)

// -----

// expected-error @+1 {{expected signed or unsigned integers, such as si8 or ui8, got 'i8'}}
func.func private @stream_c2(!qflow.stream<4x8xi8, 1>)

// -----

// expected-error @+1 {{expected lanes that divide the last dimension, 8, got 3}}
func.func private @stream_c3(!qflow.stream<4x8xui8, 3>)

// -----

// expected-error @+1 {{expected words of at most 4096 bits, got 4104}}
func.func private @stream_c4(!qflow.stream<513xui8, 513>)

// -----

// expected-error @+1 {{expected a positive depth, got 0}}
func.func private @memory_c1(!qflow.memory<0 x i8>)

// -----

// expected-error @+1 {{expected words that are signless integers or vectors of such}}
func.func private @memory_c2(!qflow.memory<4 x f32>)

// -----

// expected-error @+1 {{expected streams to come in and go out, got 'i8'}}
qflow.design @design_c1(%x: i8) {
  qflow.output
}

// -----

// expected-error @+1 {{has a stream with 2 readers, expected one; a qflow.fork makes more of it}}
qflow.design @design_c2(%x: !qflow.stream<4xui8, 1>) -> (!qflow.stream<4xui8, 1>, !qflow.stream<4xui8, 1>) {
  qflow.output %x, %x : !qflow.stream<4xui8, 1>, !qflow.stream<4xui8, 1>
}

// -----

qflow.design @design_c2(%x: !qflow.stream<4xui8, 1>) {
  // expected-error @+1 {{has a stream with 0 readers, expected one}}
  %y = qflow.fifo %x depth 4 : !qflow.stream<4xui8, 1>
  qflow.output
}

// -----

// expected-error @+1 {{expected a positive clock, in MHz}}
qflow.design @design_c3() attributes {clock = 0.0 : f64} {
  qflow.output
}

// -----

qflow.design @output_c1(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<4xui8, 2> {
  // expected-error @+1 {{expected streams of the types that the design says}}
  qflow.output %x : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @fifo_c1(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<4xui8, 1> {
  // expected-error @+1 {{expected a depth of 2 or more, got 1}}
  %y = qflow.fifo %x depth 1 : !qflow.stream<4xui8, 1>
  qflow.output %y : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @fork(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<4xui8, 1> {
  // expected-error @+1 {{expected 2 readers or more, got 1}}
  %y = qflow.fork %x : !qflow.stream<4xui8, 1> -> 1
  qflow.output %y : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @width_c1(%x: !qflow.stream<12xui8, 2>) -> !qflow.stream<12xui8, 3> {
  // expected-error @+1 {{expected the same elements, and lanes that divide those of the other side}}
  %y = qflow.width %x : !qflow.stream<12xui8, 2> -> !qflow.stream<12xui8, 3>
  qflow.output %y : !qflow.stream<12xui8, 3>
}

// -----

qflow.design @process_c1() {
  // expected-error @+1 {{expected a loop or more, each of 1 or more iterations}}
  qflow.process "p"() loops [4, 0] : () -> () {
  ^bb0(%i: i2, %j: i1):
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @process_c2() {
  // expected-error @+1 {{expected a body with 2 arguments (streams in, streams out, indices, states), got 1}}
  qflow.process "p"() loops [4, 4] : () -> () {
  ^bb0(%i: i2):
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @process_c2() {
  // expected-error @+1 {{expected argument 0 of the body to be 'i3', got 'i2'}}
  qflow.process "p"() loops [5] : () -> () {
  ^bb0(%i: i2):
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @process_c2() {
  // expected-error @+1 {{expected initial states that are signless integers or vectors of such, got 0.000000e+00 : f32}}
  qflow.process "p"() loops [4] initial [0.0 : f32] : () -> () {
  ^bb0(%i: i2, %s: f32):
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @process_c3(%x: !qflow.stream<4xui8, 1>) {
  // expected-error @+1 {{expected one qflow.read of each stream that comes in}}
  qflow.process "p"(%x) loops [4] : (!qflow.stream<4xui8, 1>) -> () {
  ^bb0(%in: !qflow.stream<4xui8, 1>, %i: i2):
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @process_c3() -> !qflow.stream<4xui8, 1> {
  // expected-error @+1 {{expected one qflow.write to each stream that goes out}}
  %y = qflow.process "p"() loops [4] : () -> !qflow.stream<4xui8, 1> {
  ^bb0(%out: !qflow.stream<4xui8, 1>, %i: i2):
    qflow.next
  }
  qflow.output %y : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @process_c4(%x: !qflow.stream<4xui1, 1>, %y: !qflow.stream<4xui1, 1>) {
  qflow.process "p"(%x, %y) loops [4] : (!qflow.stream<4xui1, 1>, !qflow.stream<4xui1, 1>) -> () {
  ^bb0(%a: !qflow.stream<4xui1, 1>, %b: !qflow.stream<4xui1, 1>, %i: i2):
    %true = arith.constant true
    %first = qflow.read %a if %true : !qflow.stream<4xui1, 1>
    %not = arith.xori %first, %true : i1
    // expected-error @+1 {{expected a condition that follows from indices and states, not from what is read or loaded}}
    %second = qflow.read %b if %not : !qflow.stream<4xui1, 1>
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @next() {
  qflow.process "p"() loops [4] initial [0 : i4] : () -> () {
  ^bb0(%i: i2, %s: i4):
    // expected-error @+1 {{expected states of the types of the process's}}
    qflow.next %i : i2
  }
  qflow.output
}

// -----

qflow.design @write_c1() -> !qflow.stream<4xui8, 1> {
  %y = qflow.process "p"() loops [4] : () -> !qflow.stream<4xui8, 1> {
  ^bb0(%out: !qflow.stream<4xui8, 1>, %i: i2):
    %true = arith.constant true
    // expected-error @+1 {{expected a word of 'i8', got 'i2'}}
    "qflow.write"(%i, %out, %true) : (i2, !qflow.stream<4xui8, 1>, i1) -> ()
    qflow.next
  }
  qflow.output %y : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @memory_c1() {
  qflow.process "p"() loops [4] : () -> () {
  ^bb0(%i: i2):
    // expected-error @+1 {{expected contents of type 'tensor<4x2xi8>', got 'tensor<4xi8>'}}
    %m = qflow.memory auto contents dense<[1, 2, 3, 4]> : tensor<4xi8> -> !qflow.memory<4 x vector<2xi8>>
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @store_c1() {
  qflow.process "p"() loops [4] : () -> () {
  ^bb0(%i: i2):
    %true = arith.constant true
    %m = qflow.memory auto contents dense<[0, 1, 2, 3]> : tensor<4xi2> -> !qflow.memory<4 x i2>
    // expected-error @+1 {{expected a memory without contents}}
    qflow.store %i to %m[%i] if %true : !qflow.memory<4 x i2>
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @store_c1() {
  qflow.process "p"() loops [4] : () -> () {
  ^bb0(%i: i2):
    %true = arith.constant true
    %m = qflow.memory auto -> !qflow.memory<4 x i2>
    // expected-error @+1 {{expected the memory's only store}}
    qflow.store %i to %m[%i] if %true : !qflow.memory<4 x i2>
    qflow.store %i to %m[%i] if %true : !qflow.memory<4 x i2>
    qflow.next
  }
  qflow.output
}

// -----

qflow.design @dot_c1(%x: !qflow.stream<2x4xui8, 1>) -> !qflow.stream<5x3xsi20, 1> {
  // expected-error @+1 {{expected as many vectors out as in}}
  %y = qflow.dot %x weights dense<1> : tensor<3x4xi2> : !qflow.stream<2x4xui8, 1> -> !qflow.stream<5x3xsi20, 1>
  qflow.output %y : !qflow.stream<5x3xsi20, 1>
}

// -----

qflow.design @dot_c1(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<3xsi20, 1> {
  // expected-error @+1 {{expected weights [3, 4], got 'tensor<4x3xi2>'}}
  %y = qflow.dot %x weights dense<1> : tensor<4x3xi2> : !qflow.stream<4xui8, 1> -> !qflow.stream<3xsi20, 1>
  qflow.output %y : !qflow.stream<3xsi20, 1>
}

// -----

qflow.design @dot_c1(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<3xsi20, 1> {
  // expected-error @+1 {{expected a bias [3], got 'tensor<4xi2>'}}
  %y = qflow.dot %x weights dense<1> : tensor<3x4xi2> bias dense<1> : tensor<4xi2> : !qflow.stream<4xui8, 1> -> !qflow.stream<3xsi20, 1>
  qflow.output %y : !qflow.stream<3xsi20, 1>
}

// -----

qflow.design @dot_c7(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<3xsi20, 1> {
  // expected-error @+1 {{expected weights that are minifloats [2, 1] in units of the smallest, got 5}}
  %y = qflow.dot %x weights dense<5> : tensor<3x4xi5> minifloat [2, 1] : !qflow.stream<4xui8, 1> -> !qflow.stream<3xsi20, 1>
  qflow.output %y : !qflow.stream<3xsi20, 1>
}

// -----

qflow.design @dot_c7(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<3xsi20, 1> {
  // expected-error @+1 {{expected weights that are minifloats [2, 1] in units of the smallest, got 16}}
  %y = qflow.dot %x weights dense<16> : tensor<3x4xi6> minifloat [2, 1] : !qflow.stream<4xui8, 1> -> !qflow.stream<3xsi20, 1>
  qflow.output %y : !qflow.stream<3xsi20, 1>
}

// -----

qflow.design @dot_c7(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<3xsi20, 1> {
  // expected-error @+1 {{expected minifloats of 1 to 5 bits of an exponent and 0 to 10 of a mantissa, got [6, 1]}}
  %y = qflow.dot %x weights dense<1> : tensor<3x4xi6> minifloat [6, 1] : !qflow.stream<4xui8, 1> -> !qflow.stream<3xsi20, 1>
  qflow.output %y : !qflow.stream<3xsi20, 1>
}

// -----

qflow.design @dot_c7(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<2xsi20, 2> {
  // expected-error @+1 {{has rows that share products, and weights that are stored as minifloats}}
  %y = qflow.dot %x weights dense<1> : tensor<2x4xi6> minifloat [2, 1] shared 2 : !qflow.stream<4xui8, 1> -> !qflow.stream<2xsi20, 2>
  qflow.output %y : !qflow.stream<2xsi20, 2>
}

// -----

qflow.design @dot_c8(%x: !qflow.stream<2x8xui4, 1>) -> !qflow.stream<2x4xsi20, 2> {
  // expected-error @+1 {{expected products in DSPs, of integers on the chip, that 2 vectors share, got 3}}
  %y = qflow.dot %x weights dense<1> : tensor<4x8xi4> vectors 3 : !qflow.stream<2x8xui4, 1> -> !qflow.stream<2x4xsi20, 2>
  qflow.output %y : !qflow.stream<2x4xsi20, 2>
}

// -----

qflow.design @dot_c8(%x: !qflow.stream<2x8xui4, 1>) -> !qflow.stream<2x4xsi20, 2> {
  // expected-error @+1 {{expected products in DSPs, of integers on the chip, that 2 vectors share, got 2}}
  %y = qflow.dot %x weights dense<1> : tensor<4x8xi4> in_luts vectors 2 : !qflow.stream<2x8xui4, 1> -> !qflow.stream<2x4xsi20, 2>
  qflow.output %y : !qflow.stream<2x4xsi20, 2>
}

// -----

qflow.design @dot_c8(%x: !qflow.stream<3x8xui4, 1>) -> !qflow.stream<3x4xsi20, 2> {
  // expected-error @+1 {{expected an even number of vectors, and more words of each than of its result, which are 2 or more, got '!qflow.stream<3x8xui4, 1>' and '!qflow.stream<3x4xsi20, 2>'}}
  %y = qflow.dot %x weights dense<1> : tensor<4x8xi4> vectors 2 : !qflow.stream<3x8xui4, 1> -> !qflow.stream<3x4xsi20, 2>
  qflow.output %y : !qflow.stream<3x4xsi20, 2>
}

// -----

qflow.design @dot_c8(%x: !qflow.stream<2x8xui4, 4>) -> !qflow.stream<2x4xsi20, 2> {
  // expected-error @+1 {{expected an even number of vectors, and more words of each than of its result, which are 2 or more, got '!qflow.stream<2x8xui4, 4>' and '!qflow.stream<2x4xsi20, 2>'}}
  %y = qflow.dot %x weights dense<1> : tensor<4x8xi4> vectors 2 : !qflow.stream<2x8xui4, 4> -> !qflow.stream<2x4xsi20, 2>
  qflow.output %y : !qflow.stream<2x4xsi20, 2>
}

// -----

qflow.design @dot_c8(%x: !qflow.stream<2x8xui4, 1>) -> !qflow.stream<2x4xsi20, 4> {
  // expected-error @+1 {{expected an even number of vectors, and more words of each than of its result, which are 2 or more, got '!qflow.stream<2x8xui4, 1>' and '!qflow.stream<2x4xsi20, 4>'}}
  %y = qflow.dot %x weights dense<1> : tensor<4x8xi4> vectors 2 : !qflow.stream<2x8xui4, 1> -> !qflow.stream<2x4xsi20, 4>
  qflow.output %y : !qflow.stream<2x4xsi20, 4>
}

// -----

// Two codes of 8 bits and products of 12.
qflow.design @dot_c8(%x: !qflow.stream<2x8xui8, 1>) -> !qflow.stream<2x4xsi20, 2> {
  // expected-error @+1 {{has 2 rows that share products with 'ui8', beyond 25 by 18 bits}}
  %y = qflow.dot %x weights dense<-8> : tensor<4x8xi4> shared 2 vectors 2 : !qflow.stream<2x8xui8, 1> -> !qflow.stream<2x4xsi20, 2>
  qflow.output %y : !qflow.stream<2x4xsi20, 2>
}

// -----

qflow.design @dot_c5(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<3xsi20, 3> {
  // expected-error @+1 {{expected products in DSPs that 2 or more of 3 rows share, got 2}}
  %y = qflow.dot %x weights dense<1> : tensor<3x4xi2> shared 2 : !qflow.stream<4xui8, 1> -> !qflow.stream<3xsi20, 3>
  qflow.output %y : !qflow.stream<3xsi20, 3>
}

// -----

qflow.design @dot_c5(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<2xsi20, 2> {
  // expected-error @+1 {{expected products in DSPs that 2 or more of 2 rows share, got 2}}
  %y = qflow.dot %x weights dense<1> : tensor<2x4xi2> in_luts shared 2 : !qflow.stream<4xui8, 1> -> !qflow.stream<2xsi20, 2>
  qflow.output %y : !qflow.stream<2xsi20, 2>
}

// -----

// 17 and 9 bits of two rows, less their sign.
qflow.design @dot_c5(%x: !qflow.stream<4xui9, 1>) -> !qflow.stream<2xsi20, 2> {
  // expected-error @+1 {{has 2 rows that share products with 'ui9', beyond 25 by 18 bits}}
  %y = qflow.dot %x weights dense<-128> : tensor<2x4xi8> shared 2 : !qflow.stream<4xui9, 1> -> !qflow.stream<2xsi20, 2>
  qflow.output %y : !qflow.stream<2xsi20, 2>
}

// -----

qflow.design @dot_c2(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<3xui20, 1> {
  // expected-error @+1 {{expected signed sums of at most 64 bits, got 'ui20'}}
  %y = qflow.dot %x weights dense<1> : tensor<3x4xi2> : !qflow.stream<4xui8, 1> -> !qflow.stream<3xui20, 1>
  qflow.output %y : !qflow.stream<3xui20, 1>
}

// -----

qflow.design @dot_c2(%x: !qflow.stream<4xui8, 1>) -> !qflow.stream<3xsi11, 1> {
  // expected-error @+1 {{expected elements that hold the sums, 4 to 1024, got 'si11'}}
  %y = qflow.dot %x weights dense<1> : tensor<3x4xi2> bias dense<4> : tensor<3xi8> : !qflow.stream<4xui8, 1> -> !qflow.stream<3xsi11, 1>
  qflow.output %y : !qflow.stream<3xsi11, 1>
}

// -----

qflow.design @dot_c3(%x: !qflow.stream<4xui49, 1>) -> !qflow.stream<3xsi40, 1> {
  // expected-error @+1 {{expected elements of at most 48 bits, got 'ui49'}}
  %y = qflow.dot %x weights dense<1> : tensor<3x4xi2> : !qflow.stream<4xui49, 1> -> !qflow.stream<3xsi40, 1>
  qflow.output %y : !qflow.stream<3xsi40, 1>
}

// -----

qflow.design @requantize_c1(%x: !qflow.stream<6xsi8, 2>) -> !qflow.stream<6xui8, 3> {
  // expected-error @+1 {{expected streams of one shape and as many lanes}}
  %y = qflow.requantize %x multipliers dense<1> : tensor<6xi64> offsets dense<1> : tensor<6xi64> shifts dense<1> : tensor<6xi64> clamp [0, 1] : !qflow.stream<6xsi8, 2> -> !qflow.stream<6xui8, 3>
  qflow.output %y : !qflow.stream<6xui8, 3>
}

// -----

qflow.design @requantize_c1(%x: !qflow.stream<4xsi8, 1>) -> !qflow.stream<4xui8, 1> {
  // expected-error @+1 {{expected multipliers [4], got 'tensor<6xi64>'}}
  %y = qflow.requantize %x multipliers dense<1> : tensor<6xi64> offsets dense<1> : tensor<6xi64> shifts dense<1> : tensor<6xi64> clamp [0, 1] : !qflow.stream<4xsi8, 1> -> !qflow.stream<4xui8, 1>
  qflow.output %y : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @requantize_c2(%x: !qflow.stream<6xsi8, 1>) -> !qflow.stream<6xui8, 1> {
  // expected-error @+1 {{expected shifts of 0 to 62, got 63}}
  %y = qflow.requantize %x multipliers dense<1> : tensor<6xi64> offsets dense<1> : tensor<6xi64> shifts dense<63> : tensor<6xi64> clamp [0, 1] : !qflow.stream<6xsi8, 1> -> !qflow.stream<6xui8, 1>
  qflow.output %y : !qflow.stream<6xui8, 1>
}

// -----

qflow.design @requantize_c3(%x: !qflow.stream<6xsi8, 1>) -> !qflow.stream<6xui8, 1> {
  // expected-error @+1 {{may have a sum beyond 64 bits}}
  %y = qflow.requantize %x multipliers dense<9223372036854775807> : tensor<6xi64> offsets dense<1> : tensor<6xi64> shifts dense<1> : tensor<6xi64> clamp [0, 1] : !qflow.stream<6xsi8, 1> -> !qflow.stream<6xui8, 1>
  qflow.output %y : !qflow.stream<6xui8, 1>
}

// -----

qflow.design @requantize_c4(%x: !qflow.stream<6xsi8, 1>) -> !qflow.stream<6xui8, 1> {
  // expected-error @+1 {{expected two bounds, the lower first}}
  %y = qflow.requantize %x multipliers dense<1> : tensor<6xi64> offsets dense<1> : tensor<6xi64> shifts dense<1> : tensor<6xi64> clamp [2, 1] : !qflow.stream<6xsi8, 1> -> !qflow.stream<6xui8, 1>
  qflow.output %y : !qflow.stream<6xui8, 1>
}

// -----

qflow.design @requantize_c4(%x: !qflow.stream<6xsi8, 1>) -> !qflow.stream<6xui8, 1> {
  // expected-error @+1 {{expected elements that hold the codes, 0 to 256, got 'ui8'}}
  %y = qflow.requantize %x multipliers dense<1> : tensor<6xi64> offsets dense<1> : tensor<6xi64> shifts dense<1> : tensor<6xi64> clamp [0, 256] : !qflow.stream<6xsi8, 1> -> !qflow.stream<6xui8, 1>
  qflow.output %y : !qflow.stream<6xui8, 1>
}

// -----

qflow.design @requantize_c5(%x: !qflow.stream<6xsi49, 1>) -> !qflow.stream<6xui8, 1> {
  // expected-error @+1 {{expected elements of at most 48 bits, got 'si49'}}
  %y = qflow.requantize %x multipliers dense<1> : tensor<6xi64> offsets dense<1> : tensor<6xi64> shifts dense<1> : tensor<6xi64> clamp [0, 1] : !qflow.stream<6xsi49, 1> -> !qflow.stream<6xui8, 1>
  qflow.output %y : !qflow.stream<6xui8, 1>
}

// -----

qflow.design @requantize_c7_codes(%x: !qflow.stream<4xsi9, 1>) -> !qflow.stream<4xui8, 1> {
  // expected-error @+1 {{by thresholds: expected at most 16 codes, multipliers that are not negative, and neither add nor in_luts}}
  %y = qflow.requantize %x multipliers dense<3> : tensor<4xi64> offsets dense<1> : tensor<4xi64> shifts dense<2> : tensor<4xi64> clamp [0, 16] by_thresholds : !qflow.stream<4xsi9, 1> -> !qflow.stream<4xui8, 1>
  qflow.output %y : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @requantize_c7_descending(%x: !qflow.stream<4xsi9, 1>) -> !qflow.stream<4xui8, 1> {
  // expected-error @+1 {{by thresholds: expected at most 16 codes, multipliers that are not negative, and neither add nor in_luts}}
  %y = qflow.requantize %x multipliers dense<-3> : tensor<4xi64> offsets dense<1> : tensor<4xi64> shifts dense<2> : tensor<4xi64> clamp [0, 15] by_thresholds : !qflow.stream<4xsi9, 1> -> !qflow.stream<4xui8, 1>
  qflow.output %y : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @requantize_c7_where(%x: !qflow.stream<4xsi9, 1>) -> !qflow.stream<4xui8, 1> {
  // expected-error @+1 {{by thresholds: expected at most 16 codes, multipliers that are not negative, and neither add nor in_luts}}
  %y = qflow.requantize %x multipliers dense<3> : tensor<4xi64> offsets dense<1> : tensor<4xi64> shifts dense<2> : tensor<4xi64> clamp [0, 15] in_luts by_thresholds : !qflow.stream<4xsi9, 1> -> !qflow.stream<4xui8, 1>
  qflow.output %y : !qflow.stream<4xui8, 1>
}

// -----

qflow.design @window_c1(%x: !qflow.stream<8x4xui8, 1>) -> !qflow.stream<8x4xui8, 1> {
  // expected-error @+1 {{expected an image [rows, columns, channels], got [8, 4]}}
  %y = qflow.window %x kernel [1, 1] outside 0 : !qflow.stream<8x4xui8, 1> -> !qflow.stream<8x4xui8, 1>
  qflow.output %y : !qflow.stream<8x4xui8, 1>
}

// -----

qflow.design @window_c1(%x: !qflow.stream<2x4x1xui8, 1>) -> !qflow.stream<1x2x9xui8, 1> {
  // expected-error @+1 {{expected an image with pads of at least 3 rows, got 2}}
  %y = qflow.window %x kernel [3, 3] outside 0 : !qflow.stream<2x4x1xui8, 1> -> !qflow.stream<1x2x9xui8, 1>
  qflow.output %y : !qflow.stream<1x2x9xui8, 1>
}

// -----

qflow.design @window_c1(%x: !qflow.stream<4x4x1xui8, 1>) -> !qflow.stream<5x3x4xui8, 1> {
  // expected-error @+1 {{expected pads of less than the windows extend over, got [2, 0, 0, 0]}}
  %y = qflow.window %x kernel [2, 2] pads [2, 0, 0, 0] outside 0 : !qflow.stream<4x4x1xui8, 1> -> !qflow.stream<5x3x4xui8, 1>
  qflow.output %y : !qflow.stream<5x3x4xui8, 1>
}

// -----

qflow.design @window_c2(%x: !qflow.stream<4x4x1xui8, 1>) -> !qflow.stream<3x3x8xui8, 1> {
  // expected-error @+1 {{expected windows [3, 3, 4] of the input's elements and lanes}}
  %y = qflow.window %x kernel [2, 2] outside 0 : !qflow.stream<4x4x1xui8, 1> -> !qflow.stream<3x3x8xui8, 1>
  qflow.output %y : !qflow.stream<3x3x8xui8, 1>
}

// -----

qflow.design @window_c2(%x: !qflow.stream<4x4x4xui8, 2>) -> !qflow.stream<3x3x16xui8, 2> {
  // expected-error @+1 {{expected windows [3, 3, 2, 8] of the input's elements and lanes}}
  %y = qflow.window %x by_channel kernel [2, 2] outside 0 : !qflow.stream<4x4x4xui8, 2> -> !qflow.stream<3x3x16xui8, 2>
  qflow.output %y : !qflow.stream<3x3x16xui8, 2>
}

// -----

qflow.design @window_c3(%x: !qflow.stream<4x4x1xui8, 1>) -> !qflow.stream<3x3x4xui8, 1> {
  // expected-error @+1 {{expected elements that hold what is outside, -1 to -1, got 'ui8'}}
  %y = qflow.window %x kernel [2, 2] outside -1 : !qflow.stream<4x4x1xui8, 1> -> !qflow.stream<3x3x4xui8, 1>
  qflow.output %y : !qflow.stream<3x3x4xui8, 1>
}

// -----

qflow.design @window_c4(%x: !qflow.stream<4x4x1xui64, 1>) -> !qflow.stream<3x3x4xui64, 1> {
  // expected-error @+1 {{expected elements of at most 48 bits, got 'ui64'}}
  %y = qflow.window %x kernel [2, 2] outside 0 : !qflow.stream<4x4x1xui64, 1> -> !qflow.stream<3x3x4xui64, 1>
  qflow.output %y : !qflow.stream<3x3x4xui64, 1>
}

// -----

qflow.design @pool_c1(%x: !qflow.stream<4x4x2x8xui8, 2>) -> !qflow.stream<4x4x2xui8, 2> {
  // expected-error @+1 {{expected windows of words of channels, and a number for each channel}}
  %y = qflow.pool max %x : !qflow.stream<4x4x2x8xui8, 2> -> !qflow.stream<4x4x2xui8, 2>
  qflow.output %y : !qflow.stream<4x4x2xui8, 2>
}

// -----

qflow.design @pool_c2(%x: !qflow.stream<4x4x2x8xui8, 2>) -> !qflow.stream<4x4x4xui9, 2> {
  // expected-error @+1 {{expected elements that hold what it gives, 0 to 1020, got 'ui9'}}
  %y = qflow.pool sum %x : !qflow.stream<4x4x2x8xui8, 2> -> !qflow.stream<4x4x4xui9, 2>
  qflow.output %y : !qflow.stream<4x4x4xui9, 2>
}

// -----

qflow.design @pool_c2(%x: !qflow.stream<4x4x2x8xui8, 2>) -> !qflow.stream<4x4x4xsi9, 2> {
  // expected-error @+1 {{expected elements of the input's signs, of at most 64 bits}}
  %y = qflow.pool max %x : !qflow.stream<4x4x2x8xui8, 2> -> !qflow.stream<4x4x4xsi9, 2>
  qflow.output %y : !qflow.stream<4x4x4xsi9, 2>
}

// -----

qflow.design @pool_c3(%x: !qflow.stream<4x4x2x8xui8, 2>) -> !qflow.stream<4x4x4xui50, 2> {
  // expected-error @+1 {{expected elements of at most 48 bits, got 'ui50'}}
  %y = qflow.pool sum %x : !qflow.stream<4x4x2x8xui8, 2> -> !qflow.stream<4x4x4xui50, 2>
  qflow.output %y : !qflow.stream<4x4x4xui50, 2>
}

// -----

qflow.design @lookup_c1(%x: !qflow.stream<4xui2, 1>) -> !qflow.stream<4x1xui2, 1> {
  // expected-error @+1 {{expected streams of one shape and as many lanes}}
  %y = qflow.lookup %x table dense<1> : tensor<4xi2> : !qflow.stream<4xui2, 1> -> !qflow.stream<4x1xui2, 1>
  qflow.output %y : !qflow.stream<4x1xui2, 1>
}

// -----

qflow.design @lookup_c2(%x: !qflow.stream<4xui17, 1>) -> !qflow.stream<4xui2, 1> {
  // expected-error @+1 {{expected elements of at most 16 bits, got 'ui17'}}
  %y = qflow.lookup %x table dense<1> : tensor<4xi2> : !qflow.stream<4xui17, 1> -> !qflow.stream<4xui2, 1>
  qflow.output %y : !qflow.stream<4xui2, 1>
}

// -----

qflow.design @lookup_c2(%x: !qflow.stream<4xui2, 1>) -> !qflow.stream<4xui2, 1> {
  // expected-error @+1 {{expected entries of 2 bits, got 'i3'}}
  %y = qflow.lookup %x table dense<1> : tensor<4xi3> : !qflow.stream<4xui2, 1> -> !qflow.stream<4xui2, 1>
  qflow.output %y : !qflow.stream<4xui2, 1>
}

// -----

qflow.design @lookup_c2(%x: !qflow.stream<4xui2, 1>) -> !qflow.stream<4xui2, 1> {
  // expected-error @+1 {{expected a table [4], got 'tensor<5xi2>'}}
  %y = qflow.lookup %x table dense<1> : tensor<5xi2> : !qflow.stream<4xui2, 1> -> !qflow.stream<4xui2, 1>
  qflow.output %y : !qflow.stream<4xui2, 1>
}

// -----

qflow.design @slice_c1(%x: !qflow.stream<2x4xui2, 1>) -> !qflow.stream<4xui2, 1> {
  // expected-error @+1 {{expected 1 dimensions of both streams, got 2}}
  %y = qflow.slice %x offsets [0, 0] strides [1, 1] : !qflow.stream<2x4xui2, 1> -> !qflow.stream<4xui2, 1>
  qflow.output %y : !qflow.stream<4xui2, 1>
}

// -----

qflow.design @slice_c1(%x: !qflow.stream<4x4xui2, 1>) -> !qflow.stream<3x4xui2, 1> {
  // expected-error @+1 {{takes 3 elements 2 apart from 0 on, expected them in [0, 4)}}
  %y = qflow.slice %x offsets [0, 0] strides [2, 1] : !qflow.stream<4x4xui2, 1> -> !qflow.stream<3x4xui2, 1>
  qflow.output %y : !qflow.stream<3x4xui2, 1>
}

// -----

qflow.design @slice_c1(%x: !qflow.stream<4x4xui2, 1>) -> !qflow.stream<4x2xui2, 1> {
  // expected-error @+1 {{expected a stride for each dimension, 1 for the last}}
  %y = qflow.slice %x offsets [0, 0] strides [1, 2] : !qflow.stream<4x4xui2, 1> -> !qflow.stream<4x2xui2, 1>
  qflow.output %y : !qflow.stream<4x2xui2, 1>
}

// -----

qflow.design @slice_c2(%x: !qflow.stream<4x4xui2, 2>) -> !qflow.stream<4x2xui2, 2> {
  // expected-error @+1 {{expected streams of the same elements and lanes, which divide 1}}
  %y = qflow.slice %x offsets [0, 1] strides [1, 1] : !qflow.stream<4x4xui2, 2> -> !qflow.stream<4x2xui2, 2>
  qflow.output %y : !qflow.stream<4x2xui2, 2>
}

// -----

qflow.design @pad_c1(%x: !qflow.stream<4x4xui2, 1>) -> !qflow.stream<4x5xui2, 1> {
  // expected-error @+1 {{puts 4 elements from 2 on, expected them in [0, 5)}}
  %y = qflow.pad %x low [0, 2] outside 0 : !qflow.stream<4x4xui2, 1> -> !qflow.stream<4x5xui2, 1>
  qflow.output %y : !qflow.stream<4x5xui2, 1>
}

// -----

qflow.design @pad_c2(%x: !qflow.stream<4x4xui2, 1>) -> !qflow.stream<4x4xui3, 1> {
  // expected-error @+1 {{expected streams of the same elements and lanes, which divide 0}}
  %y = qflow.pad %x low [0, 0] outside 0 : !qflow.stream<4x4xui2, 1> -> !qflow.stream<4x4xui3, 1>
  qflow.output %y : !qflow.stream<4x4xui3, 1>
}

// -----

qflow.design @pad_c3(%x: !qflow.stream<4x4xui2, 1>) -> !qflow.stream<4x5xui2, 1> {
  // expected-error @+1 {{expected elements that hold what is outside, 4 to 4, got 'ui2'}}
  %y = qflow.pad %x low [0, 0] outside 4 : !qflow.stream<4x4xui2, 1> -> !qflow.stream<4x5xui2, 1>
  qflow.output %y : !qflow.stream<4x5xui2, 1>
}

// -----

qflow.design @fetch_c1() -> !qflow.stream<2x2x8xsi4, 8> {
  // expected-error @+1 {{expected contents of type 'tensor<2x2x8xi4>', got 'tensor<32xi4>'}}
  %y = qflow.fetch "w" contents dense<1> : tensor<32xi4> port 64 burst 16 ahead 32 : !qflow.stream<2x2x8xsi4, 8>
  qflow.output %y : !qflow.stream<2x2x8xsi4, 8>
}

// -----

qflow.design @fetch_c2() -> !qflow.stream<2x2x8xsi4, 8> {
  // expected-error @+1 {{expected a port of a power of two bits from 32 to 1024, at least 32, got 48}}
  %y = qflow.fetch "w" contents dense<1> : tensor<2x2x8xi4> port 48 burst 16 ahead 32 : !qflow.stream<2x2x8xsi4, 8>
  qflow.output %y : !qflow.stream<2x2x8xsi4, 8>
}

// -----

qflow.design @fetch_c2_words() -> !qflow.stream<8xsi5, 8> {
  // expected-error @+1 {{expected a port of a power of two bits from 32 to 1024, at least 40, got 32}}
  %y = qflow.fetch "w" contents dense<1> : tensor<8xi5> port 32 burst 16 ahead 32 : !qflow.stream<8xsi5, 8>
  qflow.output %y : !qflow.stream<8xsi5, 8>
}

// -----

qflow.design @fetch_c3() -> !qflow.stream<2x2x8xsi4, 8> {
  // expected-error @+1 {{expected bursts of a power of two words, at most 256 and 4096 bytes, got 128 of 64 bytes}}
  %y = qflow.fetch "w" contents dense<1> : tensor<2x2x8xi4> port 512 burst 128 ahead 512 : !qflow.stream<2x2x8xsi4, 8>
  qflow.output %y : !qflow.stream<2x2x8xsi4, 8>
}

// -----

qflow.design @fetch_c4() -> !qflow.stream<2x2x8xsi4, 8> {
  // expected-error @+1 {{expected a power of two words ahead from two bursts, 32, to 65536, got 16}}
  %y = qflow.fetch "w" contents dense<1> : tensor<2x2x8xi4> port 64 burst 16 ahead 16 : !qflow.stream<2x2x8xsi4, 8>
  qflow.output %y : !qflow.stream<2x2x8xsi4, 8>
}

// -----

qflow.design @fetch_c5() -> (!qflow.stream<8xsi4, 8>, !qflow.stream<8xsi4, 8>) {
  // expected-error @+1 {{expected a name of its own, got 'w' twice}}
  %a = qflow.fetch "w" contents dense<1> : tensor<8xi4> port 64 burst 16 ahead 32 : !qflow.stream<8xsi4, 8>
  %b = qflow.fetch "w" contents dense<1> : tensor<8xi4> port 64 burst 16 ahead 32 : !qflow.stream<8xsi4, 8>
  qflow.output %a, %b : !qflow.stream<8xsi4, 8>, !qflow.stream<8xsi4, 8>
}

// -----

qflow.design @tiled_dot_c1_weights(%x: !qflow.stream<3x8xui8, 4>, %w: !qflow.stream<2x2x8xsi4, 4>) -> !qflow.stream<2x3x2xsi15, 2> {
  // expected-error @+1 {{expected weights [tiles, 2, 8] in words of the last dimension, got '!qflow.stream<2x2x8xsi4, 4>'}}
  %y = qflow.tiled_dot %x, %w : !qflow.stream<3x8xui8, 4>, !qflow.stream<2x2x8xsi4, 4> -> !qflow.stream<2x3x2xsi15, 2>
  qflow.output %y : !qflow.stream<2x3x2xsi15, 2>
}

// -----

qflow.design @tiled_dot_c1_result(%x: !qflow.stream<3x8xui8, 4>, %w: !qflow.stream<2x2x8xsi4, 8>) -> !qflow.stream<3x4xsi15, 2> {
  // expected-error @+1 {{expected a result [2, 3, 2], got '!qflow.stream<3x4xsi15, 2>'}}
  %y = qflow.tiled_dot %x, %w : !qflow.stream<3x8xui8, 4>, !qflow.stream<2x2x8xsi4, 8> -> !qflow.stream<3x4xsi15, 2>
  qflow.output %y : !qflow.stream<3x4xsi15, 2>
}

// -----

qflow.design @tiled_dot_c2(%x: !qflow.stream<3x8xui8, 4>, %w: !qflow.stream<2x2x8xui4, 8>) -> !qflow.stream<2x3x2xsi15, 2> {
  // expected-error @+1 {{expected signed weights, or unsigned codes of minifloats, got 'ui4'}}
  %y = qflow.tiled_dot %x, %w : !qflow.stream<3x8xui8, 4>, !qflow.stream<2x2x8xui4, 8> -> !qflow.stream<2x3x2xsi15, 2>
  qflow.output %y : !qflow.stream<2x3x2xsi15, 2>
}

// -----

qflow.design @tiled_dot_c2(%x: !qflow.stream<3x8xui8, 4>, %w: !qflow.stream<2x2x8xui5, 8>) -> !qflow.stream<2x3x2xsi15, 2> {
  // expected-error @+1 {{expected signed weights, or unsigned codes of minifloats, got 'ui5'}}
  %y = qflow.tiled_dot %x, %w minifloat [2, 1] : !qflow.stream<3x8xui8, 4>, !qflow.stream<2x2x8xui5, 8> -> !qflow.stream<2x3x2xsi15, 2>
  qflow.output %y : !qflow.stream<2x3x2xsi15, 2>
}

// -----

qflow.design @tiled_dot_c3(%x: !qflow.stream<3x8xui8, 4>, %w: !qflow.stream<2x2x8xsi4, 8>) -> !qflow.stream<2x3x2xsi49, 2> {
  // expected-error @+1 {{expected elements of at most 48 bits, got 'si49'}}
  %y = qflow.tiled_dot %x, %w : !qflow.stream<3x8xui8, 4>, !qflow.stream<2x2x8xsi4, 8> -> !qflow.stream<2x3x2xsi49, 2>
  qflow.output %y : !qflow.stream<2x3x2xsi49, 2>
}

// -----

qflow.design @tiled_dot_c4(%x: !qflow.stream<3x8xui8, 4>, %w: !qflow.stream<2x2x8xsi4, 8>) -> !qflow.stream<2x3x2xsi15, 2> {
  // expected-error @+1 {{expected a bias [4], got 'tensor<3xi4>'}}
  %y = qflow.tiled_dot %x, %w bias dense<1> : tensor<3xi4> : !qflow.stream<3x8xui8, 4>, !qflow.stream<2x2x8xsi4, 8> -> !qflow.stream<2x3x2xsi15, 2>
  qflow.output %y : !qflow.stream<2x3x2xsi15, 2>
}

// -----

qflow.design @reorder_c1(%x: !qflow.stream<2x3x2xsi8, 2>) -> !qflow.stream<2x3x2xsi8, 2> {
  // expected-error @+1 {{expected a permutation of 3 dimensions, got [1, 1, 2]}}
  %y = qflow.reorder %x permutation [1, 1, 2] : !qflow.stream<2x3x2xsi8, 2> -> !qflow.stream<2x3x2xsi8, 2>
  qflow.output %y : !qflow.stream<2x3x2xsi8, 2>
}

// -----

qflow.design @reorder_c1_elements(%x: !qflow.stream<2x3x2xsi8, 2>) -> !qflow.stream<2x4xsi8, 2> {
  // expected-error @+1 {{expected as many elements of the input's type and lanes, got '!qflow.stream<2x4xsi8, 2>'}}
  %y = qflow.reorder %x permutation [1, 0, 2] : !qflow.stream<2x3x2xsi8, 2> -> !qflow.stream<2x4xsi8, 2>
  qflow.output %y : !qflow.stream<2x4xsi8, 2>
}

// -----

qflow.design @reorder_c2(%x: !qflow.stream<2x3x2xsi8, 2>) -> !qflow.stream<2x3x2xsi8, 2> {
  // expected-error @+1 {{expected the last dimension to stay, as words have 2 elements}}
  %y = qflow.reorder %x permutation [0, 2, 1] : !qflow.stream<2x3x2xsi8, 2> -> !qflow.stream<2x3x2xsi8, 2>
  qflow.output %y : !qflow.stream<2x3x2xsi8, 2>
}

// -----

qflow.design @dot_c5(%x: !qflow.stream<8xui8, 4>) -> !qflow.stream<4xsi15, 2> {
  // expected-error @+1 {{expected a port of a power of two bits from 32 to 1024, got 16}}
  %y = qflow.dot %x weights dense<1> : tensor<4x8xi4> port 16 : !qflow.stream<8xui8, 4> -> !qflow.stream<4xsi15, 2>
  qflow.output %y : !qflow.stream<4xsi15, 2>
}

// -----

qflow.design @requantize_tiled(%x: !qflow.stream<3x4xsi15, 2>) -> !qflow.stream<3x4xsi8, 2> {
  // expected-error @+1 {{expected tiled streams of 3 dimensions}}
  %y = qflow.requantize %x multipliers dense<77> : tensor<12xi64> offsets dense<512> : tensor<12xi64> shifts dense<10> : tensor<12xi64> clamp [-128, 127] tiled : !qflow.stream<3x4xsi15, 2> -> !qflow.stream<3x4xsi8, 2>
  qflow.output %y : !qflow.stream<3x4xsi8, 2>
}
