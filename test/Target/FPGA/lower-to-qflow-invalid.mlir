// RUN: quant-opt %s --split-input-file --verify-diagnostics --qnt-materialize-params=output=%t.safetensors --qnt-lower-to-qflow

// expected-error @+1 {{expected one public function for a design, got 2}}
module {
  func.func @a(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    return %x : tensor<1x4xf32>
  }
  func.func @b(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    return %x : tensor<1x4xf32>
  }
}

// -----

func.func @norm(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{comes before the first codes, expected what a host does to numbers one by one}}
  %y = nn.softmax %x : tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @layer(%x: tensor<1x4xf32>, %w: tensor<4x4xf32>) -> tensor<1x4xf32> {
  %none = arith.constant dense<0.0> : tensor<1x4xf32>
  // expected-error @+1 {{comes before the first codes, expected what a host does to numbers one by one}}
  %y = linalg.matmul ins(%x, %w : tensor<1x4xf32>, tensor<4x4xf32>) outs(%none : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @floats(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{expected result 0 to be computed with codes}}
  return %x : tensor<1x4xf32>
}

// -----

func.func @dynamic(%x: tensor<1x?x4xf32>) -> tensor<1x?x4xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  // expected-error @+1 {{expected frames of a known shape}}
  %codes = qnt.quantize %x scale %scale : tensor<1x?x4xf32>, tensor<f32> -> !qnt.tensor<1x?x4, int8, per_tensor, scale f32>
  %y = qnt.dequantize %codes : !qnt.tensor<1x?x4, int8, per_tensor, scale f32> -> tensor<1x?x4xf32>
  return %y : tensor<1x?x4xf32>
}

// -----

func.func @rows(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // expected-error @+1 {{expected integers with one scale}}
  %codes = qnt.quantize %x : tensor<2x4xf32> -> !qnt.tensor<2x4, int8, per_row, scale f32>
  %y = qnt.dequantize %codes : !qnt.tensor<2x4, int8, per_row, scale f32> -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

func.func @between(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %y = qnt.dequantize %codes : !qnt.tensor<1x4, int8, per_tensor, scale f32> -> tensor<1x4xf32>
  // expected-error @+1 {{takes what was computed with codes, but the FPGA target has no unit for it}}
  %z = nn.activation gelu %y : tensor<1x4xf32>
  %c = qnt.quantize %z scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %d = qnt.dequantize %c : !qnt.tensor<1x4, int8, per_tensor, scale f32> -> tensor<1x4xf32>
  return %d : tensor<1x4xf32>
}

// -----

func.func @layer_behind(%x: tensor<1x4xf32>, %w: tensor<4x4xf32>) -> tensor<1x4xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %y = qnt.dequantize %codes : !qnt.tensor<1x4, int8, per_tensor, scale f32> -> tensor<1x4xf32>
  %none = arith.constant dense<0.0> : tensor<1x4xf32>
  // expected-error @+1 {{takes what was computed with codes, but the FPGA target has no unit for it}}
  %z = linalg.matmul ins(%y, %w : tensor<1x4xf32>, tensor<4x4xf32>) outs(%none : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %z : tensor<1x4xf32>
}

// -----

func.func @channels_apart(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %integers = qnt.codes %codes : !qnt.tensor<1x4, int8, per_tensor, scale f32> -> tensor<1x4xi8>
  // expected-error @+1 {{expected frames of a known shape, whose last elements lie side by side}}
  %slice = tensor.extract_slice %integers[0, 0] [1, 2] [1, 2] : tensor<1x4xi8> to tensor<1x2xi8>
  %c = qnt.wrap %slice scale %scale : tensor<1x2xi8>, tensor<f32> -> !qnt.tensor<1x2, int8, per_tensor, scale f32>
  %d = qnt.dequantize %c : !qnt.tensor<1x2, int8, per_tensor, scale f32> -> tensor<1x2xf32>
  return %d : tensor<1x2xf32>
}

// -----

func.func @f32_steps(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  %wq = qnt.quantize %w : tensor<2x4xf32> -> !qnt.tensor<2x4, int8, per_channel, scale f32>
  // expected-error @+1 {{gives floats, expected arithmetic in integers (arithmetic=integer)}}
  %y = qnt.linear %codes, %wq epilogue [relu] : !qnt.tensor<1x4, int8, per_tensor, scale f32>, !qnt.tensor<2x4, int8, per_channel, scale f32>
  return %y : tensor<1x2xf32>
}

// -----

func.func @f32_steps(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  %wq = qnt.quantize %w : tensor<2x4xf32> -> !qnt.tensor<2x4, int8, per_channel, scale f32>
  // expected-error @+1 {{has the step gelu, expected arithmetic in integers (arithmetic=integer)}}
  %y = qnt.linear %codes, %wq epilogue [gelu] : !qnt.tensor<1x4, int8, per_tensor, scale f32>, !qnt.tensor<2x4, int8, per_channel, scale f32>
  return %y : tensor<1x2xf32>
}

// -----

func.func @relu_of_floats(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  %wq = qnt.quantize %w : tensor<2x4xf32> -> !qnt.tensor<2x4, int8, per_channel, scale f32>
  %scales = arith.constant dense<0.25> : tensor<2xf32>
  // expected-error @+1 {{rescales to floats behind relu or a sum, which the FPGA target has no unit for}}
  %y = qnt.linear %codes, %wq epilogue [relu, rescale](%scales : tensor<2xf32>) : !qnt.tensor<1x4, int8, per_tensor, scale f32>, !qnt.tensor<2x4, int8, per_channel, scale f32>
  return %y : tensor<1x2xf32>
}

// -----

func.func @rows_joined(%x: tensor<1x4x2xf32>) -> tensor<1x8x2xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4x2xf32>, tensor<f32> -> !qnt.tensor<1x4x2, int8, per_tensor, scale f32>
  %integers = qnt.codes %codes : !qnt.tensor<1x4x2, int8, per_tensor, scale f32> -> tensor<1x4x2xi8>
  // expected-error @+1 {{joins dimension 1, expected the last one, 2}}
  %both = tensor.concat dim(1) %integers, %integers : (tensor<1x4x2xi8>, tensor<1x4x2xi8>) -> tensor<1x8x2xi8>
  %c = qnt.wrap %both scale %scale : tensor<1x8x2xi8>, tensor<f32> -> !qnt.tensor<1x8x2, int8, per_tensor, scale f32>
  %d = qnt.dequantize %c : !qnt.tensor<1x8x2, int8, per_tensor, scale f32> -> tensor<1x8x2xf32>
  return %d : tensor<1x8x2xf32>
}

// -----

func.func @others_joined(%x: tensor<1x4xf32>, %y: tensor<1x4xi8>) -> tensor<1x8xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %integers = qnt.codes %codes : !qnt.tensor<1x4, int8, per_tensor, scale f32> -> tensor<1x4xi8>
  // expected-error @+1 {{joins codes and 'tensor<1x4xi8>', which is none}}
  %both = tensor.concat dim(1) %integers, %y : (tensor<1x4xi8>, tensor<1x4xi8>) -> tensor<1x8xi8>
  %c = qnt.wrap %both scale %scale : tensor<1x8xi8>, tensor<f32> -> !qnt.tensor<1x8, int8, per_tensor, scale f32>
  %d = qnt.dequantize %c : !qnt.tensor<1x8, int8, per_tensor, scale f32> -> tensor<1x8xf32>
  return %d : tensor<1x8xf32>
}
