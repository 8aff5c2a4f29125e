func.func @wanted(%x: tensor<4x32xf32>, %g: tensor<32xf32>) -> tensor<4x32xf32> {
  %y = nn.rms_norm %x, %g eps 1.0e-5 : tensor<4x32xf32>, tensor<32xf32>
  return %y : tensor<4x32xf32>
}
func.func @unwanted(%x: tensor<4x32xf32>) -> tensor<4x32xf32> {
  %y = nn.activation silu %x : tensor<4x32xf32>
  return %y : tensor<4x32xf32>
}
