// RUN: quant-opt %s --split-input-file --verify-diagnostics

func.func @C1_shape(%a: i32, %b: i64) {
  // expected-error @below {{'qgpu.wgmma' op has no shape of n = 12}}
  %d:6 = qgpu.wgmma %a, %a, %a, %a times %b n 12 of s8, s8
    : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32, i32, i32)
  return
}

// -----

func.func @C1_shape_of_integers(%a: i32, %b: i64) {
  // expected-error @below {{'qgpu.wgmma' op has no shape of n = 40}}
  %d:20 = qgpu.wgmma %a, %a, %a, %a times %b n 40 of u8, s8
    : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32)
  return
}

// -----

func.func @C2_elements(%a: i32, %b: i64) {
  // expected-error @below {{'qgpu.wgmma' op does not multiply f16 by bf16}}
  %d:4 = qgpu.wgmma %a, %a, %a, %a times %b n 8 of f16, bf16
    : (i32, i32, i32, i32, i64) -> (f32, f32, f32, f32)
  return
}

// -----

func.func @C2_of_4_bits(%a: i32, %b: i64) {
  // expected-error @below {{'qgpu.wgmma' op does not multiply e2m1 by e2m1}}
  %d:4 = qgpu.wgmma %a, %a, %a, %a times %b n 8 of e2m1, e2m1
    : (i32, i32, i32, i32, i64) -> (f32, f32, f32, f32)
  return
}

// -----

func.func @C3_count(%a: i32, %b: i64) {
  // expected-error @below {{'qgpu.wgmma' op expected 4 words and 4 numbers}}
  %d:6 = qgpu.wgmma %a, %a, %a, %a times %b n 8 of s8, s8
    : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32, i32, i32)
  return
}

// -----

func.func @C3_type(%a: i32, %b: i64) {
  // expected-error @below {{'qgpu.wgmma' op expected numbers of f32}}
  %d:4 = qgpu.wgmma %a, %a, %a, %a times %b n 8 of f16, f16
    : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
  return
}

// -----

func.func @C4_unwaited(%a: i32, %b: i64) -> i32 {
  // expected-error @below {{'qgpu.wgmma' op has sums that are used before a wait}}
  %d:4 = qgpu.wgmma %a, %a, %a, %a times %b n 8 of s8, s8
    : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
  return %d#0 : i32
}

// -----

func.func @C1_wait(%a: i32) {
  // expected-error @below {{'qgpu.wgmma_wait' op expected to give the types that it takes}}
  %d = qgpu.wgmma_wait %a : (i32) -> f32
  return
}

// -----

func.func @C1_load_count(%address: i32) {
  // expected-error @below {{'qgpu.tensor_load' op expected a power of two of numbers of one type, up to 128}}
  %x:3 = qgpu.tensor_load %address : (i32) -> (i32, i32, i32)
  return
}

// -----

func.func @C1_mma(%a: i32, %c: f32) {
  // expected-error @below {{'qgpu.mma' op does not multiply s8 by e4m3}}
  %d:4 = qgpu.mma %a, %a, %a, %a times %a, %a plus %c, %c, %c, %c of s8, e4m3
    : (i32, i32, i32, i32, i32, i32, f32, f32, f32, f32) -> (f32, f32, f32, f32)
  return
}

// -----

func.func @C1_load_types(%address: i32) {
  // expected-error @below {{'qgpu.tensor_load' op expected a power of two of numbers of one type, up to 128}}
  %x:2 = qgpu.tensor_load %address : (i32) -> (i32, f32)
  return
}

// -----

func.func @C2_mma(%a: i32, %c: f32) {
  // expected-error @below {{'qgpu.mma' op expected 4 words, 2 words and 4 numbers}}
  %d:4 = qgpu.mma %a, %a, %a, %a times %a plus %c, %c, %c, %c of e4m3, e4m3
    : (i32, i32, i32, i32, i32, f32, f32, f32, f32) -> (f32, f32, f32, f32)
  return
}
