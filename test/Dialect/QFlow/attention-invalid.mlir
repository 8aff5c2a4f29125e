// RUN: quant-opt %s --split-input-file --verify-diagnostics

qflow.design @multiply_c1(%a: !qflow.stream<4x8xui8, 2>, %b: !qflow.stream<4x8xsi8, 1>) -> !qflow.stream<4x8xsi17, 2> {
  // expected-error @+1 {{expected streams of one shape and as many lanes}}
  %y = qflow.multiply %a, %b zeros [0, 0] : !qflow.stream<4x8xui8, 2>, !qflow.stream<4x8xsi8, 1> -> !qflow.stream<4x8xsi17, 2>
  qflow.output %y : !qflow.stream<4x8xsi17, 2>
}

// -----

qflow.design @multiply_c1(%a: !qflow.stream<4x8xui8, 2>, %b: !qflow.stream<4x8xsi8, 2>) -> !qflow.stream<4x8xsi17, 2> {
  // expected-error @+1 {{expected two zero points, got 1}}
  %y = qflow.multiply %a, %b zeros [0] : !qflow.stream<4x8xui8, 2>, !qflow.stream<4x8xsi8, 2> -> !qflow.stream<4x8xsi17, 2>
  qflow.output %y : !qflow.stream<4x8xsi17, 2>
}

// -----

qflow.design @multiply_c1(%a: !qflow.stream<4x8xui8, 2>, %b: !qflow.stream<4x8xsi8, 2>) -> !qflow.stream<4x8xsi17, 2> {
  // expected-error @+1 {{expected elements that hold their zero point, -1 to -1, got 'ui8'}}
  %y = qflow.multiply %a, %b zeros [-1, 0] : !qflow.stream<4x8xui8, 2>, !qflow.stream<4x8xsi8, 2> -> !qflow.stream<4x8xsi17, 2>
  qflow.output %y : !qflow.stream<4x8xsi17, 2>
}

// -----

qflow.design @multiply_c2(%a: !qflow.stream<4x8xui8, 2>, %b: !qflow.stream<4x8xsi8, 2>) -> !qflow.stream<4x8xsi15, 2> {
  // expected-error @+1 {{expected elements that hold the sums, -32640 to 32385, got 'si15'}}
  %y = qflow.multiply %a, %b zeros [0, 0] : !qflow.stream<4x8xui8, 2>, !qflow.stream<4x8xsi8, 2> -> !qflow.stream<4x8xsi15, 2>
  qflow.output %y : !qflow.stream<4x8xsi15, 2>
}

// -----

qflow.design @multiply_c2(%a: !qflow.stream<4x8xui8, 2>, %b: !qflow.stream<4x8xsi8, 2>) -> !qflow.stream<4x8xui17, 2> {
  // expected-error @+1 {{expected signed sums, got 'ui17'}}
  %y = qflow.multiply %a, %b zeros [0, 0] : !qflow.stream<4x8xui8, 2>, !qflow.stream<4x8xsi8, 2> -> !qflow.stream<4x8xui17, 2>
  qflow.output %y : !qflow.stream<4x8xui17, 2>
}

// -----

qflow.design @multiply_c2(%a: !qflow.stream<4x8xui50, 2>, %b: !qflow.stream<4x8xsi8, 2>) -> !qflow.stream<4x8xsi17, 2> {
  // expected-error @+1 {{expected elements of at most 48 bits, got 'ui50'}}
  %y = qflow.multiply %a, %b zeros [0, 0] : !qflow.stream<4x8xui50, 2>, !qflow.stream<4x8xsi8, 2> -> !qflow.stream<4x8xsi17, 2>
  qflow.output %y : !qflow.stream<4x8xsi17, 2>
}

// -----

qflow.design @multiply_c2(%a: !qflow.stream<4x8xui40, 2>, %b: !qflow.stream<4x8xsi40, 2>) -> !qflow.stream<4x8xsi48, 2> {
  // expected-error @+1 {{may have a sum beyond 64 bits}}
  %y = qflow.multiply %a, %b zeros [0, 0] : !qflow.stream<4x8xui40, 2>, !qflow.stream<4x8xsi40, 2> -> !qflow.stream<4x8xsi48, 2>
  qflow.output %y : !qflow.stream<4x8xsi48, 2>
}

// -----

qflow.design @normalize_c1(%x: !qflow.stream<4x8xsi16, 2>) -> !qflow.stream<4x8xsi18, 4> {
  // expected-error @+1 {{expected streams of one shape and as many lanes}}
  %y = qflow.normalize %x zero 0 stabilizer 1 : !qflow.stream<4x8xsi16, 2> -> !qflow.stream<4x8xsi18, 4>
  qflow.output %y : !qflow.stream<4x8xsi18, 4>
}

// -----

qflow.design @normalize_c2(%x: !qflow.stream<4x8xsi16, 2>) -> !qflow.stream<4x8xsi17, 2> {
  // expected-error @+1 {{expected results of si18, got 'si17'}}
  %y = qflow.normalize %x zero 0 stabilizer 1 : !qflow.stream<4x8xsi16, 2> -> !qflow.stream<4x8xsi17, 2>
  qflow.output %y : !qflow.stream<4x8xsi17, 2>
}

// -----

qflow.design @normalize_c2(%x: !qflow.stream<4x8xsi25, 2>) -> !qflow.stream<4x8xsi18, 2> {
  // expected-error @+1 {{expected elements of at most 24 bits, got 'si25'}}
  %y = qflow.normalize %x zero 0 stabilizer 1 : !qflow.stream<4x8xsi25, 2> -> !qflow.stream<4x8xsi18, 2>
  qflow.output %y : !qflow.stream<4x8xsi18, 2>
}

// -----

qflow.design @normalize_c2(%x: !qflow.stream<4x8xui4, 2>) -> !qflow.stream<4x8xsi18, 2> {
  // expected-error @+1 {{expected elements that hold the zero point, 16 to 16, got 'ui4'}}
  %y = qflow.normalize %x zero 16 stabilizer 1 : !qflow.stream<4x8xui4, 2> -> !qflow.stream<4x8xsi18, 2>
  qflow.output %y : !qflow.stream<4x8xsi18, 2>
}

// -----

qflow.design @normalize_c3(%x: !qflow.stream<4x8xsi16, 2>) -> !qflow.stream<4x8xsi18, 2> {
  // expected-error @+1 {{expected a stabilizer that is not negative, and a sum of at most 62 bits, got -1}}
  %y = qflow.normalize %x zero 0 stabilizer -1 : !qflow.stream<4x8xsi16, 2> -> !qflow.stream<4x8xsi18, 2>
  qflow.output %y : !qflow.stream<4x8xsi18, 2>
}

// -----

qflow.design @normalize_c3(%x: !qflow.stream<4x8xsi16, 2>) -> !qflow.stream<4x8xsi18, 2> {
  // expected-error @+1 {{expected a stabilizer that is not negative, and a sum of at most 62 bits, got 4611686018427387900}}
  %y = qflow.normalize %x zero 0 stabilizer 4611686018427387900 : !qflow.stream<4x8xsi16, 2> -> !qflow.stream<4x8xsi18, 2>
  qflow.output %y : !qflow.stream<4x8xsi18, 2>
}

// -----

qflow.design @rope_c1(%x: !qflow.stream<4x16xsi16, 2>) -> !qflow.stream<4x16xsi32, 2> {
  // expected-error @+1 {{expected [tokens, heads * size] of 3 heads, got [4, 16]}}
  %y = qflow.rope %x zero 0 table dense<1> : tensor<4x8xi16> heads 3 : !qflow.stream<4x16xsi16, 2> -> !qflow.stream<4x16xsi32, 2>
  qflow.output %y : !qflow.stream<4x16xsi32, 2>
}

// -----

qflow.design @rope_c1(%x: !qflow.stream<4x16xsi16, 2>) -> !qflow.stream<16x4xsi32, 2> {
  // expected-error @+1 {{expected results [4, 16], got [16, 4]}}
  %y = qflow.rope %x zero 0 table dense<1> : tensor<4x8xi16> heads 2 : !qflow.stream<4x16xsi16, 2> -> !qflow.stream<16x4xsi32, 2>
  qflow.output %y : !qflow.stream<16x4xsi32, 2>
}

// -----

qflow.design @rope_c1(%x: !qflow.stream<4x16xsi16, 2>) -> !qflow.stream<4x16xsi32, 4> {
  // expected-error @+1 {{expected 2 lanes of the result, got 4}}
  %y = qflow.rope %x zero 0 table dense<1> : tensor<4x8xi16> heads 2 : !qflow.stream<4x16xsi16, 2> -> !qflow.stream<4x16xsi32, 4>
  qflow.output %y : !qflow.stream<4x16xsi32, 4>
}

// -----

qflow.design @rope_c1(%x: !qflow.stream<4x16xsi16, 2>) -> !qflow.stream<4x16xsi32, 2> {
  // expected-error @+1 {{expected heads of pairs of numbers, got 1}}
  %y = qflow.rope %x zero 0 table dense<1> : tensor<4x8xi16> heads 16 : !qflow.stream<4x16xsi16, 2> -> !qflow.stream<4x16xsi32, 2>
  qflow.output %y : !qflow.stream<4x16xsi32, 2>
}

// -----

qflow.design @rope_c1(%x: !qflow.stream<4x16xsi16, 8>) -> !qflow.stream<4x16xsi32, 8> {
  // expected-error @+1 {{expected lanes that divide half a head, 4, got 8}}
  %y = qflow.rope %x zero 0 table dense<1> : tensor<4x8xi16> heads 2 : !qflow.stream<4x16xsi16, 8> -> !qflow.stream<4x16xsi32, 8>
  qflow.output %y : !qflow.stream<4x16xsi32, 8>
}

// -----

qflow.design @rope_c1(%x: !qflow.stream<4x16xsi16, 2>) -> !qflow.stream<4x16xsi32, 2> {
  // expected-error @+1 {{expected a table [4, 4] of i16, got 'tensor<4x8xi16>'}}
  %y = qflow.rope %x zero 0 table dense<1> : tensor<4x8xi16> heads 4 : !qflow.stream<4x16xsi16, 2> -> !qflow.stream<4x16xsi32, 2>
  qflow.output %y : !qflow.stream<4x16xsi32, 2>
}

// -----

qflow.design @rope_c2(%x: !qflow.stream<4x16xsi16, 2>) -> !qflow.stream<4x16xsi16, 2> {
  // expected-error @+1 {{expected elements that hold the sums, -65536 to 65535, got 'si16'}}
  %y = qflow.rope %x zero 0 table dense<1> : tensor<4x8xi16> heads 2 : !qflow.stream<4x16xsi16, 2> -> !qflow.stream<4x16xsi16, 2>
  qflow.output %y : !qflow.stream<4x16xsi16, 2>
}

// -----

qflow.design @rope_c2(%x: !qflow.stream<4x16xsi16, 2>) -> !qflow.stream<4x16xsi32, 2> {
  // expected-error @+1 {{expected elements that hold the zero point, 40000 to 40000, got 'si16'}}
  %y = qflow.rope %x zero 40000 table dense<1> : tensor<4x8xi16> heads 2 : !qflow.stream<4x16xsi16, 2> -> !qflow.stream<4x16xsi32, 2>
  qflow.output %y : !qflow.stream<4x16xsi32, 2>
}

// -----

qflow.design @rope_c3(%x: !qflow.stream<1x258xsi4, 129>) -> !qflow.stream<1x258xsi31, 129> {
  // expected-error @+1 {{takes 4128 bits of its table at once, expected at most 4096}}
  %y = qflow.rope %x zero 0 table dense<1> : tensor<1x258xi16> heads 1 : !qflow.stream<1x258xsi4, 129> -> !qflow.stream<1x258xsi31, 129>
  qflow.output %y : !qflow.stream<1x258xsi31, 129>
}

// -----

qflow.design @scores_c1(%q: !qflow.stream<6x32xsi8, 4>, %k: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x4x6xsi20, 1> {
  // expected-error @+1 {{expected heads of keys and values that divide 4, got 3}}
  %y = qflow.scores %q, %k heads 4 kv_heads 3 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi20, 1>
  qflow.output %y : !qflow.stream<6x4x6xsi20, 1>
}

// -----

qflow.design @scores_c1(%q: !qflow.stream<6x32xsi8, 4>, %k: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x4x6xsi20, 1> {
  // expected-error @+1 {{expected keys [6, 8], got [6, 16]}}
  %y = qflow.scores %q, %k heads 4 kv_heads 1 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi20, 1>
  qflow.output %y : !qflow.stream<6x4x6xsi20, 1>
}

// -----

qflow.design @scores_c1(%q: !qflow.stream<6x32xsi8, 4>, %k: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x6x4xsi20, 1> {
  // expected-error @+1 {{expected scores [6, 4, 6], got [6, 6, 4]}}
  %y = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x6x4xsi20, 1>
  qflow.output %y : !qflow.stream<6x6x4xsi20, 1>
}

// -----

qflow.design @scores_c2(%q: !qflow.stream<6x32xsi8, 4>, %k: !qflow.stream<6x16xsi8, 2>) -> !qflow.stream<6x4x6xsi20, 1> {
  // expected-error @+1 {{expected 4 lanes of keys, got 2}}
  %y = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 2> -> !qflow.stream<6x4x6xsi20, 1>
  qflow.output %y : !qflow.stream<6x4x6xsi20, 1>
}

// -----

qflow.design @scores_c2(%q: !qflow.stream<6x32xsi8, 4>, %k: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x4x6xsi20, 2> {
  // expected-error @+1 {{expected 1 lanes of scores, got 2}}
  %y = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi20, 2>
  qflow.output %y : !qflow.stream<6x4x6xsi20, 2>
}

// -----

qflow.design @scores_c2(%q: !qflow.stream<6x32xsi8, 16>, %k: !qflow.stream<6x16xsi8, 16>) -> !qflow.stream<6x4x6xsi20, 1> {
  // expected-error @+1 {{expected lanes that divide a head, 8, got 16}}
  %y = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 16>, !qflow.stream<6x16xsi8, 16> -> !qflow.stream<6x4x6xsi20, 1>
  qflow.output %y : !qflow.stream<6x4x6xsi20, 1>
}

// -----

qflow.design @scores_c3(%q: !qflow.stream<6x32xsi8, 4>, %k: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x4x6xsi18, 1> {
  // expected-error @+1 {{expected elements that hold the sums, -130049 to 131072, got 'si18'}}
  %y = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi18, 1>
  qflow.output %y : !qflow.stream<6x4x6xsi18, 1>
}

// -----

qflow.design @scores_c3(%q: !qflow.stream<6x32xsi25, 4>, %k: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x4x6xsi40, 1> {
  // expected-error @+1 {{expected elements of at most 24 bits, got 'si25'}}
  %y = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi25, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi40, 1>
  qflow.output %y : !qflow.stream<6x4x6xsi40, 1>
}

// -----

qflow.design @exponentials_c1(%s: !qflow.stream<6x4x5xsi20, 1>) -> (!qflow.stream<6x4x5xui8, 1>, !qflow.stream<6x4xui11, 1>) {
  // expected-error @+1 {{expected scores [tokens, heads, tokens], got [6, 4, 5]}}
  %y0, %y1 = qflow.exponentials %s multiplier 1 shift 1 : !qflow.stream<6x4x5xsi20, 1> -> !qflow.stream<6x4x5xui8, 1>, !qflow.stream<6x4xui11, 1>
  qflow.output %y0, %y1 : !qflow.stream<6x4x5xui8, 1>, !qflow.stream<6x4xui11, 1>
}

// -----

qflow.design @exponentials_c1(%s: !qflow.stream<6x4x6xsi20, 1>) -> (!qflow.stream<6x4x6xui8, 1>, !qflow.stream<4x6xui11, 1>) {
  // expected-error @+1 {{expected sums [6, 4], got [4, 6]}}
  %y0, %y1 = qflow.exponentials %s multiplier 1 shift 1 : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<4x6xui11, 1>
  qflow.output %y0, %y1 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<4x6xui11, 1>
}

// -----

qflow.design @exponentials_c1(%s: !qflow.stream<6x4x6xsi20, 2>) -> (!qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>) {
  // expected-error @+1 {{expected 2 lanes of powers, got 1}}
  %y0, %y1 = qflow.exponentials %s multiplier 1 shift 1 : !qflow.stream<6x4x6xsi20, 2> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
  qflow.output %y0, %y1 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
}

// -----

qflow.design @exponentials_c2(%s: !qflow.stream<6x4x6xui20, 1>) -> (!qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>) {
  // expected-error @+1 {{expected signed scores of at most 47 bits, got 'ui20'}}
  %y0, %y1 = qflow.exponentials %s multiplier 1 shift 1 : !qflow.stream<6x4x6xui20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
  qflow.output %y0, %y1 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
}

// -----

qflow.design @exponentials_c2(%s: !qflow.stream<6x4x6xsi20, 1>) -> (!qflow.stream<6x4x6xui9, 1>, !qflow.stream<6x4xui11, 1>) {
  // expected-error @+1 {{expected powers of ui8, got 'ui9'}}
  %y0, %y1 = qflow.exponentials %s multiplier 1 shift 1 : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui9, 1>, !qflow.stream<6x4xui11, 1>
  qflow.output %y0, %y1 : !qflow.stream<6x4x6xui9, 1>, !qflow.stream<6x4xui11, 1>
}

// -----

qflow.design @exponentials_c2(%s: !qflow.stream<6x4x6xsi20, 1>) -> (!qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui10, 1>) {
  // expected-error @+1 {{expected elements that hold the sums, 0 to 1530, got 'ui10'}}
  %y0, %y1 = qflow.exponentials %s multiplier 1 shift 1 : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui10, 1>
  qflow.output %y0, %y1 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui10, 1>
}

// -----

qflow.design @exponentials_c3(%s: !qflow.stream<6x4x6xsi20, 1>) -> (!qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>) {
  // expected-error @+1 {{expected a multiplier of 1 to 65535, got 65536}}
  %y0, %y1 = qflow.exponentials %s multiplier 65536 shift 1 : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
  qflow.output %y0, %y1 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
}

// -----

qflow.design @exponentials_c3(%s: !qflow.stream<6x4x6xsi20, 1>) -> (!qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>) {
  // expected-error @+1 {{expected a shift of 1 to 62, got 0}}
  %y0, %y1 = qflow.exponentials %s multiplier 1 shift 0 : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
  qflow.output %y0, %y1 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
}

// -----

qflow.design @mix_c1(%p: !qflow.stream<6x4x6xui8, 1>, %v: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x32xsi20, 4> {
  // expected-error @+1 {{expected values [6, 32], got [6, 16]}}
  %y = qflow.mix %p, %v heads 4 kv_heads 4 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x32xsi20, 4>
  qflow.output %y : !qflow.stream<6x32xsi20, 4>
}

// -----

qflow.design @mix_c1(%p: !qflow.stream<6x6x4xui8, 1>, %v: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x32xsi20, 4> {
  // expected-error @+1 {{expected weights [6, 4, 6], got [6, 6, 4]}}
  %y = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x6x4xui8, 1>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x32xsi20, 4>
  qflow.output %y : !qflow.stream<6x32xsi20, 4>
}

// -----

qflow.design @mix_c2(%p: !qflow.stream<6x4x6xui8, 2>, %v: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x32xsi20, 4> {
  // expected-error @+1 {{expected 1 lanes of weights, got 2}}
  %y = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x4x6xui8, 2>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x32xsi20, 4>
  qflow.output %y : !qflow.stream<6x32xsi20, 4>
}

// -----

qflow.design @mix_c2(%p: !qflow.stream<6x4x6xui8, 1>, %v: !qflow.stream<6x16xsi8, 2>) -> !qflow.stream<6x32xsi20, 4> {
  // expected-error @+1 {{expected 4 lanes of values, got 2}}
  %y = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 2> -> !qflow.stream<6x32xsi20, 4>
  qflow.output %y : !qflow.stream<6x32xsi20, 4>
}

// -----

qflow.design @mix_c2(%p: !qflow.stream<6x4x6xui8, 1>, %v: !qflow.stream<6x16xsi8, 16>) -> !qflow.stream<6x32xsi20, 16> {
  // expected-error @+1 {{expected lanes that divide a head, 8, got 16}}
  %y = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 16> -> !qflow.stream<6x32xsi20, 16>
  qflow.output %y : !qflow.stream<6x32xsi20, 16>
}

// -----

qflow.design @mix_c3(%p: !qflow.stream<6x4x6xsi8, 1>, %v: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x32xsi20, 4> {
  // expected-error @+1 {{expected unsigned weights of at most 24 bits, got 'si8'}}
  %y = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x4x6xsi8, 1>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x32xsi20, 4>
  qflow.output %y : !qflow.stream<6x32xsi20, 4>
}

// -----

qflow.design @mix_c3(%p: !qflow.stream<6x4x6xui8, 1>, %v: !qflow.stream<6x16xsi8, 4>) -> !qflow.stream<6x32xsi18, 4> {
  // expected-error @+1 {{expected elements that hold the sums, -195840 to 194310, got 'si18'}}
  %y = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x32xsi18, 4>
  qflow.output %y : !qflow.stream<6x32xsi18, 4>
}

// -----

qflow.design @divide_c1(%o: !qflow.stream<6x32xsi20, 2>, %l: !qflow.stream<6x4xui11, 1>) -> !qflow.stream<6x32xsi17, 2> {
  // expected-error @+1 {{expected divisors [6, 8], got [6, 4]}}
  %y = qflow.divide %o, %l heads 8 : !qflow.stream<6x32xsi20, 2>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi17, 2>
  qflow.output %y : !qflow.stream<6x32xsi17, 2>
}

// -----

qflow.design @divide_c1(%o: !qflow.stream<6x32xsi20, 2>, %l: !qflow.stream<6x4xui11, 2>) -> !qflow.stream<6x32xsi17, 2> {
  // expected-error @+1 {{expected 1 lanes of divisors, got 2}}
  %y = qflow.divide %o, %l heads 4 : !qflow.stream<6x32xsi20, 2>, !qflow.stream<6x4xui11, 2> -> !qflow.stream<6x32xsi17, 2>
  qflow.output %y : !qflow.stream<6x32xsi17, 2>
}

// -----

qflow.design @divide_c1(%o: !qflow.stream<6x32xsi20, 16>, %l: !qflow.stream<6x4xui11, 1>) -> !qflow.stream<6x32xsi17, 16> {
  // expected-error @+1 {{expected lanes that divide a head, 8, got 16}}
  %y = qflow.divide %o, %l heads 4 : !qflow.stream<6x32xsi20, 16>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi17, 16>
  qflow.output %y : !qflow.stream<6x32xsi17, 16>
}

// -----

qflow.design @divide_c2(%o: !qflow.stream<6x32xsi20, 2>, %l: !qflow.stream<6x4xui11, 1>) -> !qflow.stream<6x32xsi16, 2> {
  // expected-error @+1 {{expected results of si17, got 'si16'}}
  %y = qflow.divide %o, %l heads 4 : !qflow.stream<6x32xsi20, 2>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi16, 2>
  qflow.output %y : !qflow.stream<6x32xsi16, 2>
}

// -----

qflow.design @divide_c2(%o: !qflow.stream<6x32xsi20, 2>, %l: !qflow.stream<6x4xui25, 1>) -> !qflow.stream<6x32xsi17, 2> {
  // expected-error @+1 {{expected unsigned divisors of at most 24 bits, got 'ui25'}}
  %y = qflow.divide %o, %l heads 4 : !qflow.stream<6x32xsi20, 2>, !qflow.stream<6x4xui25, 1> -> !qflow.stream<6x32xsi17, 2>
  qflow.output %y : !qflow.stream<6x32xsi17, 2>
}

// -----

qflow.design @divide_c2(%o: !qflow.stream<6x32xui20, 2>, %l: !qflow.stream<6x4xui11, 1>) -> !qflow.stream<6x32xsi17, 2> {
  // expected-error @+1 {{expected signed sums of at most 40 bits, got 'ui20'}}
  %y = qflow.divide %o, %l heads 4 : !qflow.stream<6x32xui20, 2>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi17, 2>
  qflow.output %y : !qflow.stream<6x32xsi17, 2>
}
