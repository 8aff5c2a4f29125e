// A model of two layers, an embedding and an output head.
module attributes {qnt.params = "model.safetensors"} {
ml_program.global private @embed.weight(#ml_program.extern : tensor<40x64xbf16>) : tensor<40x64xbf16>
ml_program.global private @q.weight(#ml_program.extern : tensor<64x64xbf16>) : tensor<64x64xbf16>
ml_program.global private @k.weight(#ml_program.extern : tensor<32x64xf16>) : tensor<32x64xf16>
ml_program.global private @k.bias(#ml_program.extern : tensor<32xf32>) : tensor<32xf32>
ml_program.global private @head.weight(#ml_program.extern : tensor<40x32xf32>) : tensor<40x32xf32>

func.func private @backbone(%ids: tensor<?x?xi32>) -> tensor<?x?x32xf32> {
  %e = ml_program.global_load_const @embed.weight : tensor<40x64xbf16>
  %ef = arith.extf %e : tensor<40x64xbf16> to tensor<40x64xf32>
  %x = nn.embedding %ids, %ef : tensor<?x?xi32>, tensor<40x64xf32> loc("embed")
  %q = ml_program.global_load_const @q.weight : tensor<64x64xbf16>
  %qf = arith.extf %q : tensor<64x64xbf16> to tensor<64x64xf32>
  %a = nn.linear %x, %qf : tensor<?x?x64xf32>, tensor<64x64xf32> loc("layers.0.q")
  %k = ml_program.global_load_const @k.weight : tensor<32x64xf16>
  %kf = arith.extf %k : tensor<32x64xf16> to tensor<32x64xf32>
  %b = ml_program.global_load_const @k.bias : tensor<32xf32>
  %c = nn.linear %x, %kf bias %b : tensor<?x?x64xf32>, tensor<32x64xf32>, tensor<32xf32> loc("layers.0.k")
  %d = nn.linear %a, %kf bias %b : tensor<?x?x64xf32>, tensor<32x64xf32>, tensor<32xf32> loc("layers.1.k")
  %s = nn.add %c, %d : tensor<?x?x32xf32>, tensor<?x?x32xf32>
  return %s : tensor<?x?x32xf32>
}
func.func private @head(%x: tensor<?x?x32xf32>) -> tensor<?x40xf32> {
  %r = nn.select_rows %x : tensor<?x?x32xf32>
  %h = ml_program.global_load_const @head.weight : tensor<40x32xf32>
  %y = nn.linear %r, %h : tensor<?x32xf32>, tensor<40x32xf32> loc("head")
  return %y : tensor<?x40xf32>
}
func.func @decode(%ids: tensor<?x?xi32>) -> tensor<?x40xf32> {
  %x = call @backbone(%ids) : (tensor<?x?xi32>) -> tensor<?x?x32xf32>
  %y = call @head(%x) : (tensor<?x?x32xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}
}
