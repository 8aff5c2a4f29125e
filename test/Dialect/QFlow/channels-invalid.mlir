// RUN: quant-opt %s --split-input-file --verify-diagnostics

qflow.design @depthwise_c1(%x: !qflow.stream<4x4x3x18xui8, 2>) -> !qflow.stream<4x4x8xsi13, 2> {
  // expected-error @+1 {{expected windows of words of channels, and as many sums for each channel}}
  %y = qflow.depthwise %x weights dense<1> : tensor<8x9xi4> : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x4x8xsi13, 2>
  qflow.output %y : !qflow.stream<4x4x8xsi13, 2>
}

// -----

qflow.design @depthwise_c1(%x: !qflow.stream<4x4x3x18xui8, 2>) -> !qflow.stream<4x5x6xsi13, 2> {
  // expected-error @+1 {{expected windows of words of channels, and as many sums for each channel}}
  %y = qflow.depthwise %x weights dense<1> : tensor<6x9xi4> : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x5x6xsi13, 2>
  qflow.output %y : !qflow.stream<4x5x6xsi13, 2>
}

// -----

qflow.design @depthwise_c1(%x: !qflow.stream<4x4x3x18xui8, 2>) -> !qflow.stream<4x4x12xsi13, 2> {
  // expected-error @+1 {{expected 4 lanes of the result, got 2}}
  %y = qflow.depthwise %x weights dense<1> : tensor<12x9xi4> : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x4x12xsi13, 2>
  qflow.output %y : !qflow.stream<4x4x12xsi13, 2>
}

// -----

qflow.design @depthwise_c1(%x: !qflow.stream<4x4x3x18xui8, 2>) -> !qflow.stream<4x4x6xsi13, 2> {
  // expected-error @+1 {{expected weights [6, 9], got 'tensor<6x8xi4>'}}
  %y = qflow.depthwise %x weights dense<1> : tensor<6x8xi4> : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x4x6xsi13, 2>
  qflow.output %y : !qflow.stream<4x4x6xsi13, 2>
}

// -----

qflow.design @depthwise_c1(%x: !qflow.stream<4x4x3x18xui8, 2>) -> !qflow.stream<4x4x6xsi13, 2> {
  // expected-error @+1 {{expected a bias [6], got 'tensor<5xi4>'}}
  %y = qflow.depthwise %x weights dense<1> : tensor<6x9xi4> bias dense<1> : tensor<5xi4> : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x4x6xsi13, 2>
  qflow.output %y : !qflow.stream<4x4x6xsi13, 2>
}

// -----

qflow.design @depthwise_c2(%x: !qflow.stream<4x4x3x18xui8, 2>) -> !qflow.stream<4x4x6xsi12, 2> {
  // expected-error @+1 {{expected elements that hold the sums, 0 to 2295, got 'si12'}}
  %y = qflow.depthwise %x weights dense<1> : tensor<6x9xi4> : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x4x6xsi12, 2>
  qflow.output %y : !qflow.stream<4x4x6xsi12, 2>
}

// -----

qflow.design @depthwise_c2(%x: !qflow.stream<4x4x3x18xui8, 2>) -> !qflow.stream<4x4x6xui13, 2> {
  // expected-error @+1 {{expected signed sums of at most 64 bits, got 'ui13'}}
  %y = qflow.depthwise %x weights dense<1> : tensor<6x9xi4> : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x4x6xui13, 2>
  qflow.output %y : !qflow.stream<4x4x6xui13, 2>
}

// -----

qflow.design @depthwise_c3(%x: !qflow.stream<4x4x3x18xui50, 2>) -> !qflow.stream<4x4x6xsi13, 2> {
  // expected-error @+1 {{expected elements of at most 48 bits, got 'ui50'}}
  %y = qflow.depthwise %x weights dense<1> : tensor<6x9xi4> : !qflow.stream<4x4x3x18xui50, 2> -> !qflow.stream<4x4x6xsi13, 2>
  qflow.output %y : !qflow.stream<4x4x6xsi13, 2>
}

// -----

qflow.design @depthwise_c4(%x: !qflow.stream<1x1x1x1800xui1, 900>) -> !qflow.stream<1x1x900xsi3, 900> {
  // expected-error @+1 {{multiplies with 900 weights at once, 4500 bits, expected at most 4096}}
  %y = qflow.depthwise %x weights dense<1> : tensor<900x2xi5> : !qflow.stream<1x1x1x1800xui1, 900> -> !qflow.stream<1x1x900xsi3, 900>
  qflow.output %y : !qflow.stream<1x1x900xsi3, 900>
}

// -----

qflow.design @concat_c1(%a: !qflow.stream<4x3x2xui8, 2>, %b: !qflow.stream<4x2x2xui8, 2>) -> !qflow.stream<4x3x4xui8, 2> {
  // expected-error @+1 {{expected dimensions [4, 3] before the last, got '!qflow.stream<4x2x2xui8, 2>'}}
  %y = qflow.concat %a, %b : !qflow.stream<4x3x2xui8, 2>, !qflow.stream<4x2x2xui8, 2> -> !qflow.stream<4x3x4xui8, 2>
  qflow.output %y : !qflow.stream<4x3x4xui8, 2>
}

// -----

qflow.design @concat_c1(%a: !qflow.stream<4x3x2xui8, 2>, %b: !qflow.stream<4x3x2xui8, 2>) -> !qflow.stream<4x3x6xui8, 2> {
  // expected-error @+1 {{has 4 elements side by side, expected 6}}
  %y = qflow.concat %a, %b : !qflow.stream<4x3x2xui8, 2>, !qflow.stream<4x3x2xui8, 2> -> !qflow.stream<4x3x6xui8, 2>
  qflow.output %y : !qflow.stream<4x3x6xui8, 2>
}

// -----

qflow.design @concat_c2(%a: !qflow.stream<4x3x2xui8, 2>, %b: !qflow.stream<4x3x2xsi8, 2>) -> !qflow.stream<4x3x4xui8, 2> {
  // expected-error @+1 {{expected the elements and the lanes of '!qflow.stream<4x3x4xui8, 2>', got '!qflow.stream<4x3x2xsi8, 2>'}}
  %y = qflow.concat %a, %b : !qflow.stream<4x3x2xui8, 2>, !qflow.stream<4x3x2xsi8, 2> -> !qflow.stream<4x3x4xui8, 2>
  qflow.output %y : !qflow.stream<4x3x4xui8, 2>
}

// -----

qflow.design @concat_c2(%a: !qflow.stream<4x3x2xui8, 2>, %b: !qflow.stream<4x3x2xui8, 1>) -> !qflow.stream<4x3x4xui8, 2> {
  // expected-error @+1 {{expected the elements and the lanes of '!qflow.stream<4x3x4xui8, 2>', got '!qflow.stream<4x3x2xui8, 1>'}}
  %y = qflow.concat %a, %b : !qflow.stream<4x3x2xui8, 2>, !qflow.stream<4x3x2xui8, 1> -> !qflow.stream<4x3x4xui8, 2>
  qflow.output %y : !qflow.stream<4x3x4xui8, 2>
}

// -----

qflow.design @concat_c1() -> !qflow.stream<4xui8, 2> {
  // expected-error @+1 {{expected streams}}
  %y = "qflow.concat"() : () -> !qflow.stream<4xui8, 2>
  qflow.output %y : !qflow.stream<4xui8, 2>
}
