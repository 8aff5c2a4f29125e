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

// expected-error @+1 {{expected words of at most 8191 bits, got 8192}}
func.func private @stream_c4(!qflow.stream<1024xui8, 1024>)

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
  // expected-error @+1 {{expected the same frames, and lanes that divide those of the other side}}
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
