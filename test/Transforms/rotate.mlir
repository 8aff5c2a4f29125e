// RUN: quant-opt %s --split-input-file --qnt-rotate="residual seed=7" | FileCheck %s --check-prefix=R1
// RUN: quant-opt %s --split-input-file --qnt-rotate="values seed=7" | FileCheck %s --check-prefix=R2
// RUN: quant-opt %s --split-input-file --qnt-rotate="keys seed=7" | FileCheck %s --check-prefix=R3
// RUN: quant-opt %s --split-input-file --qnt-rotate="down seed=7 block=24" | FileCheck %s --check-prefix=R4
// RUN: quant-opt %s --split-input-file --qnt-rotate="residual values keys down seed=7" --remark-policy=all --remarks-filter=qnt-rotate 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: quant-opt %s --split-input-file --qnt-rotate | FileCheck %s --check-prefix=NONE
// NONE-NOT: qnt.rotate

ml_program.global private @table(#ml_program.extern : tensor<40x16xf32>) : tensor<40x16xf32>
ml_program.global private @q(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>
ml_program.global private @k(#ml_program.extern : tensor<8x16xf32>) : tensor<8x16xf32>
ml_program.global private @v(#ml_program.extern : tensor<8x16xf32>) : tensor<8x16xf32>
ml_program.global private @vb(#ml_program.extern : tensor<8xf32>) : tensor<8xf32>
ml_program.global private @o(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>
ml_program.global private @ob(#ml_program.extern : tensor<16xf32>) : tensor<16xf32>
ml_program.global private @up(#ml_program.extern : tensor<48x16xf32>) : tensor<48x16xf32>
ml_program.global private @down(#ml_program.extern : tensor<16x48xf32>) : tensor<16x48xf32>
ml_program.global private @places(#ml_program.extern : tensor<16xf32>) : tensor<16xf32>

// Four heads of queries share two of keys and values.
// R1-LABEL: func private @block
// R1:         %[[Q:.*]] = ml_program.global_load_const @q
// R1:         %[[QR:.*]] = qnt.rotate %[[Q]] hadamard <16, seed = 7> : tensor<16x16xf32>
// R1:         nn.linear %{{.*}}, %[[QR]] :
// R1:         %[[O:.*]] = ml_program.global_load_const @o :
// R1:         %[[OB:.*]] = ml_program.global_load_const @ob
// R1:         %[[OR:.*]] = qnt.rotate %[[O]] outputs hadamard <16, seed = 7> : tensor<16x16xf32>
// R1:         %[[OBR:.*]] = qnt.rotate %[[OB]] outputs hadamard <16, seed = 7> : tensor<16xf32>
// R1:         nn.linear %{{.*}}, %[[OR]] bias %[[OBR]]
// R1:         qnt.rotate %{{.*up.*}} hadamard <16, seed = 7> : tensor<48x16xf32>
// R1:         qnt.rotate %{{.*down.*}} outputs hadamard <16, seed = 7> : tensor<16x48xf32>

// R2-LABEL: func private @block
// R2:         %[[V:.*]] = qnt.rotate %{{.*}} outputs hadamard <4, seed = 7> : tensor<8x16xf32>
// R2:         %[[B:.*]] = qnt.rotate %{{.*}} outputs hadamard <4, seed = 7> : tensor<8xf32>
// R2:         nn.linear %{{.*}}, %[[V]] bias %[[B]]
// R2:         %[[S:.*]] = arith.constant dense<[[[SIGNS:.*]]]> : tensor<16xf32>
// R2:         %[[W:.*]] = nn.mul %{{.*o.*}}, %[[S]]
// R2:         %[[R:.*]] = qnt.rotate %[[W]] hadamard <4> : tensor<16x16xf32>
// R2:         nn.linear %{{.*}}, %[[R]]
// R2-NOT:     qnt.rotate

// R3-LABEL: func private @block
// R3:         %[[Q:.*]] = nn.rope
// R3:         %[[K:.*]] = nn.rope
// R3:         %[[QR:.*]] = qnt.rotate %[[Q]] hadamard <4> : tensor<?x?x16xf32>
// R3:         %[[KR:.*]] = qnt.rotate %[[K]] hadamard <4> : tensor<?x?x8xf32>
// R3:         nn.attention %[[QR]], %[[KR]]
// R3-NOT:     qnt.rotate

// R4-LABEL: func private @block
// R4:         %[[A:.*]] = nn.activation
// R4:         %[[AR:.*]] = qnt.rotate %[[A]] hadamard <24, seed = 7> : tensor<?x?x48xf32>
// R4:         %[[W:.*]] = qnt.rotate %{{.*down.*}} hadamard <24, seed = 7> : tensor<16x48xf32>
// R4:         nn.linear %[[AR]], %[[W]]
// R4-NOT:     qnt.rotate

// REMARK:     [Passed] residual | Category:qnt-rotate | block=16, readers=6, width=16, writers=2
// REMARK:     [Passed] values | Category:qnt-rotate | block=4
// REMARK:     [Passed] keys | Category:qnt-rotate | block=4
// REMARK:     [Passed] online | Category:qnt-rotate | block=48, layers=1, site=down_proj, width=48
func.func private @block(%x: tensor<?x?x16xf32>, %t: tensor<?x?x4xf32>) -> tensor<?x?x16xf32> {
  %ones = arith.constant dense<1.0> : tensor<16xf32>
  %h = nn.rms_norm %x, %ones eps 1.0e-5 : tensor<?x?x16xf32>, tensor<16xf32>
  %wq = ml_program.global_load_const @q : tensor<16x16xf32>
  %q = nn.linear %h, %wq : tensor<?x?x16xf32>, tensor<16x16xf32>
  %wk = ml_program.global_load_const @k : tensor<8x16xf32>
  %k = nn.linear %h, %wk : tensor<?x?x16xf32>, tensor<8x16xf32>
  %wv = ml_program.global_load_const @v : tensor<8x16xf32>
  %bv = ml_program.global_load_const @vb : tensor<8xf32>
  %v = nn.linear %h, %wv bias %bv : tensor<?x?x16xf32>, tensor<8x16xf32>, tensor<8xf32>
  %qr = nn.rope %q, %t heads 4 : tensor<?x?x16xf32>, tensor<?x?x4xf32>
  %kr = nn.rope %k, %t heads 2 : tensor<?x?x8xf32>, tensor<?x?x4xf32>
  %a = nn.attention %qr, %kr, %v heads 4 kv_heads 2 scale 0.5 causal : tensor<?x?x16xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  %wo = ml_program.global_load_const @o : tensor<16x16xf32>
  %bo = ml_program.global_load_const @ob : tensor<16xf32>
  %o = nn.linear %a, %wo bias %bo : tensor<?x?x16xf32>, tensor<16x16xf32>, tensor<16xf32>
  %y = nn.add %x, %o : tensor<?x?x16xf32>, tensor<?x?x16xf32>
  %n = nn.rms_norm %y, %ones eps 1.0e-5 : tensor<?x?x16xf32>, tensor<16xf32>
  %wu = ml_program.global_load_const @up : tensor<48x16xf32>
  %u = nn.linear %n, %wu : tensor<?x?x16xf32>, tensor<48x16xf32>
  %g = nn.activation silu %u : tensor<?x?x48xf32>
  %wd = ml_program.global_load_const @down : tensor<16x48xf32>
  %d = nn.linear %g, %wd : tensor<?x?x48xf32>, tensor<16x48xf32> loc("down_proj")
  %z = nn.add %y, %d : tensor<?x?x16xf32>, tensor<?x?x16xf32>
  return %z : tensor<?x?x16xf32>
}

// The stream goes through calls, sums with parameters, factors, choices of rows.
// The table of the embedding is the head's weight too: they part.
// R1-LABEL: func private @body
// R1:         %[[T:.*]] = ml_program.global_load_const @table
// R1:         %[[TR:.*]] = qnt.rotate %[[T]] hadamard <16, seed = 7> : tensor<40x16xf32>
// R1:         %[[E:.*]] = nn.embedding %{{.*}}, %[[TR]]
// R1:         %[[M:.*]] = nn.mul %[[E]], %{{.*}}
// R1:         %[[P:.*]] = qnt.rotate %{{.*places.*}} hadamard <16, seed = 7> : tensor<16xf32>
// R1:         %[[A:.*]] = nn.add %[[M]], %[[P]]
// R1:         call @block(%[[A]]
func.func private @body(%ids: tensor<?x?xi32>) -> tensor<?x?x16xf32> {
  %w = ml_program.global_load_const @table : tensor<40x16xf32>
  %e = nn.embedding %ids, %w : tensor<?x?xi32>, tensor<40x16xf32>
  %four = arith.constant dense<4.0> : tensor<16xf32>
  %m = nn.mul %e, %four : tensor<?x?x16xf32>, tensor<16xf32>
  %places = ml_program.global_load_const @places : tensor<16xf32>
  %x = nn.add %m, %places : tensor<?x?x16xf32>, tensor<16xf32>
  %t = nn.rope_table %ids dim 4 theta 1.0e4 : tensor<?x?xi32>
  %y = call @block(%x, %t) : (tensor<?x?x16xf32>, tensor<?x?x4xf32>) -> tensor<?x?x16xf32>
  return %y : tensor<?x?x16xf32>
}

// R1-LABEL: func @last
// R1:         %[[R:.*]] = nn.select_rows
// R1:         %[[T:.*]] = ml_program.global_load_const @table
// R1:         %[[TR:.*]] = qnt.rotate %[[T]] hadamard <16, seed = 7> : tensor<40x16xf32>
// R1:         nn.linear %[[R]], %[[TR]]
func.func @last(%ids: tensor<?x?xi32> {qnt.name = "ids"}) -> tensor<?x40xf32> {
  %x = call @body(%ids) : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
  %r = nn.select_rows %x : tensor<?x?x16xf32>
  %w = ml_program.global_load_const @table : tensor<40x16xf32>
  %y = nn.linear %r, %w : tensor<?x16xf32>, tensor<40x16xf32>
  return %y : tensor<?x40xf32>
}
// R1-LABEL: func @first
// R1:         %[[S:.*]] = tensor.extract_slice
// R1:         %[[C:.*]] = tensor.collapse_shape %[[S]]
// R1:         %[[TR:.*]] = qnt.rotate
// R1:         nn.linear %[[C]], %[[TR]]
func.func @first(%ids: tensor<2x?xi32> {qnt.name = "ids"}) -> tensor<2x40xf32> {
  %c = tensor.cast %ids : tensor<2x?xi32> to tensor<?x?xi32>
  %x = call @body(%c) : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
  %s = tensor.extract_slice %x[0, 0, 0] [2, 1, 16] [1, 1, 1] : tensor<?x?x16xf32> to tensor<2x1x16xf32>
  %f = tensor.collapse_shape %s [[0, 1], [2]] : tensor<2x1x16xf32> into tensor<2x16xf32>
  %w = ml_program.global_load_const @table : tensor<40x16xf32>
  %y = nn.linear %f, %w : tensor<2x16xf32>, tensor<40x16xf32>
  return %y : tensor<2x40xf32>
}
