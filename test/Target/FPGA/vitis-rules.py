# REQUIRES: python
# RUN: %python %s
"""The linter of C++ for Vitis (Inputs/vitis.py), which every design that is compiled goes
through, says what is wrong with small sources."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from vitis import Linter, lint_script  # noqa: E402

HEADER = "#include <ap_int.h>\n#include <hls_stream.h>\n"
GOOD = """#include "top.h"

static void do_sum(hls::stream<ap_uint<16>> &in0,
    hls::stream<ap_uint<9>> &out0) {
#pragma HLS INLINE off
  ap_uint<9> v0[2] = {0, 0};
#pragma HLS ARRAY_PARTITION variable=v0 complete
  static const ap_int<4> v1[2][2] = {{1, 2},
{3, -4}};
#pragma HLS BIND_STORAGE variable=v1 type=rom_1p impl=lutram
  ap_uint<9> v6[4];
#pragma HLS BIND_STORAGE variable=v6 type=ram_2p impl=bram
  for (int i0 = 0; i0 < 4; ++i0)
    for (int i1 = 0; i1 < 2; ++i1) {
#pragma HLS PIPELINE II=1
      ap_uint<16> v2_word;
      if (i1 == 0)
        v2_word = in0.read();
      ap_uint<8> v2[2];
#pragma HLS ARRAY_PARTITION variable=v2 complete
      for (int l = 0; l < 2; ++l)
        v2[l] = v2_word.range(l * 8 + 7, l * 8);
      ap_uint<9> v3 = v2[0] * v1[i1][0];
#pragma HLS BIND_OP variable=v3 op=mul impl=dsp
      if (i1 == 1)
        out0.write(v3);
    }
}

static void do_copy(hls::stream<ap_uint<9>> &in0,
    hls::stream<ap_uint<9>> &out0) {
#pragma HLS INLINE off
  for (int i0 = 0; i0 < 4; ++i0) {
#pragma HLS PIPELINE II=1
    out0.write(in0.read());
  }
}

void top(hls::stream<ap_uint<16>> &x_stream,
    hls::stream<ap_uint<9>> &y_stream) {
#pragma HLS INTERFACE axis port=x_stream
#pragma HLS INTERFACE axis port=y_stream
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW
  hls::stream<ap_uint<9>> sum_out0("sum_out0");
#pragma HLS STREAM variable=sum_out0 depth=2
#pragma HLS BIND_STORAGE variable=sum_out0 type=fifo impl=lutram
  do_sum(x_stream, sum_out0);
  do_copy(sum_out0, y_stream);
}
"""
CALLS = "  do_sum(x_stream, sum_out0);\n  do_copy(sum_out0, y_stream);\n"
DEPTH = "#pragma HLS STREAM variable=sum_out0 depth=2\n"
BAD = [
    ("BIND_STORAGE variable=v6 type=ram_2p", "RESOURCE variable=v6 core=RAM_2P",
     "has the old pragma RESOURCE, expected BIND_STORAGE or BIND_OP"),
    ("ARRAY_PARTITION variable=v2 complete", "DATA_PACK variable=v2",
     "has the old pragma DATA_PACK, expected AGGREGATE"),
    ("#pragma HLS INLINE off", "#pragma HLS INLIN off", "has a pragma INLIN that is not known"),
    ("ARRAY_PARTITION variable=v2 ", "ARRAY_PARTITION variable=in0 ",
     "has ARRAY_PARTITION of the argument in0"),
    ("ARRAY_PARTITION variable=v2 ", "ARRAY_PARTITION variable=v9 ",
     "has ARRAY_PARTITION of v9, which is no variable"),
    ("#pragma HLS INTERFACE axis port=x_stream",
     "#pragma HLS ARRAY_PARTITION variable=x_stream complete",
     "has ARRAY_PARTITION of the argument x_stream"),
    ("type=rom_1p impl=lutram", "type=rom_1p impl=uram", "has rom_1p in uram"),
    ("type=ram_2p impl=bram", "type=ram_1wnr impl=srl", "has ram_1wnr in srl"),
    ("#pragma HLS BIND_STORAGE variable=v6 type=ram_2p impl=bram\n",
     "#pragma HLS BIND_STORAGE variable=v6 type=ram_2p impl=bram\n"
     "#pragma HLS DEPENDENCE variable=v6 type=inter direction=RAW dependent=true\n",
     "has a dependence variable=v6 type=inter direction=RAW dependent=true"),
    ("op=mul impl=dsp", "op=mul impl=lut", "has mul in lut"),
    ("ap_uint<9> v3", "ap_uint<4097> v3", "has an integer of 4097 bits, expected at most 4096"),
    ("ap_uint<9> v3", "ap_uint<1025> v3",
     "has an integer of 1025 bits, but AP_INT_MAX_W is 1024"),
    ("      ap_uint<16> v2_word;\n", "      ap_uint<16> v2_word;\n#pragma HLS PIPELINE II=1\n",
     "has PIPELINE elsewhere than first in a loop"),
    ("#pragma HLS PIPELINE II=1", "#pragma HLS PIPELINE", "has PIPELINE without II"),
    ("i0 < 4; ++i0) {", "!in0.empty();) {",
     "has a loop without a constant number of iterations"),
    ("    out0.write(in0.read());", "    while (!in0.empty())\n      out0.write(in0.read());",
     "has a loop without a bound"),
    ("    out0.write(in0.read());", "    out0.write(*new ap_uint<9>(in0.read()));", "allocates"),
    ("    out0.write(in0.read());", "    out0.write(std::min(1, in0.read()));",
     "has what is of the standard library"),
    ("    out0.write(in0.read());", "    do_copy(in0, out0);", "do_copy calls do_copy"),
    ("#pragma HLS INLINE off\n  for", "  for", "do_copy may be inlined"),
    ("v0[2] = {0, 0}", "v0[2] = {0}", "gives v0 [1] values of [2]"),
    ("{3, -4}}", "{3}}", "gives v1 [2, None] values of [2, 2]"),
    ("{3, -4}}", "{3, -4}, {5, 6}}", "gives v1 [3, 2] values of [2, 2]"),
    ("l < 2; ++l)\n        v2[l]", "l < 1; ++l)\n        v2[l]",
     "uses v2 before all of it is assigned"),
    ("ap_uint<9> v3 = v2[0]", "ap_uint<9> v3;\n      out0.write(v3);\n      v3 = v2[0]",
     "uses v3 before all of it is assigned"),
    ("#pragma HLS DATAFLOW\n", "", "top has no DATAFLOW"),
    ("#pragma HLS INTERFACE axis port=y_stream\n", "", "top has no INTERFACE of y_stream"),
    ("#pragma HLS INTERFACE ap_ctrl_none port=return\n", "", "top has no INTERFACE of return"),
    (DEPTH, "", "gives the stream sum_out0 no depth"),
    (CALLS, "  int n = 1;\n" + CALLS, "has what is neither stream nor call in the dataflow"),
    (CALLS, "".join(reversed(CALLS.splitlines(True))), "reads sum_out0 before it is written"),
    (CALLS, CALLS + "  do_copy(sum_out0, y_stream);\n", "reads sum_out0 twice"),
    (CALLS, CALLS.splitlines(True)[0], "never has sum_out0 read"),
    (CALLS, CALLS.replace("do_sum(x", "do_sum(x_stream, sum_out0);\n  do_sum(x"),
     "writes sum_out0 twice"),
]
# What reads a memory.
MEMORY = (GOOD.replace("static void do_copy", """static void do_fetch(const ap_uint<64> *memory,
    hls::stream<ap_uint<16>> &out0) {
#pragma HLS INLINE off
  for (int i0 = 0; i0 < 8; ++i0) {
#pragma HLS PIPELINE II=1
    ap_uint<64> word = memory[i0];
    ap_uint<16> v0 = word.range(15, 0);
    out0.write(v0);
  }
}

static void do_copy""")
          .replace("void top(hls::stream<ap_uint<16>> &x_stream",
                   "void top(const ap_uint<64> *weights")
          .replace("#pragma HLS INTERFACE axis port=x_stream\n", """\
#pragma HLS INTERFACE m_axi port=weights bundle=weights offset=slave depth=8 \
max_read_burst_length=64
#pragma HLS INTERFACE s_axilite port=weights
""").replace("ap_ctrl_none port=return", "s_axilite port=return")
          .replace(CALLS, """\
  hls::stream<ap_uint<16>> x_stream("x_stream");
#pragma HLS STREAM variable=x_stream depth=2
  do_fetch(weights, x_stream);
""" + CALLS))
BAD_MEMORIES = [
    ("m_axi port", "axis port", "top has no m_axi of weights"),
    ("#pragma HLS INTERFACE s_axilite port=weights\n", "", "top has no s_axilite of weights"),
    ("s_axilite port=return", "ap_ctrl_none port=return",
     "top has registers, but none that starts it"),
    (" offset=slave", "", "top has no offset and depth of weights"),
    (" depth=8", "", "top has no offset and depth of weights"),
    ("length=64", "length=512", "has bursts of 512 words of weights"),
    ("memory[i0]", "memory[7 - i0]", "do_fetch does not read weights in order"),
    ("  do_fetch(weights, x_stream);\n", "  do_fetch(weights, x_stream);\n" * 2,
     "reads weights twice"),
    ("const ap_uint<64> *weights,", "const ap_uint<64> *weights,\n    const ap_uint<64> *more,",
     "top has no m_axi of more"),
]
SCRIPT = """open_project -reset vitis
set_top top
add_files top.cpp
open_solution -reset solution
set_part xc7z020clg400-1
create_clock -period 10.000
csynth_design
exit
"""
BAD_SCRIPTS = [
    ("set_top top\n", "", "has no set_top"),
    ("set_top top", "set_top other", "2: has other as top, expected top"),
    ("set_part xc7z020clg400-1", "set_part ", "5: has set_part "),
    ("create_clock -period 10.000\n", "", "has no create_clock"),
    ("csynth_design", "csynth", "7: has csynth"),
    ("open_solution -reset solution\nset_part xc7z020clg400-1",
     "set_part xc7z020clg400-1\nopen_solution -reset solution", "has commands in the order"),
]


def replace(text, old, new):
    assert old in text, old
    return text.replace(old, new, 1)


assert Linter(HEADER, GOOD, "top").complaints == []
wide = replace(GOOD, "ap_uint<9> v3", "ap_uint<1025> v3")
assert Linter("#define AP_INT_MAX_W 2048\n" + HEADER, wide, "top").complaints == []
for old, new, complaint in BAD:
    found = Linter(HEADER, replace(GOOD, old, new), "top").complaints
    assert any(text.split(": ", 1)[1] == complaint for text in found), (new, complaint, found)
assert Linter(HEADER, MEMORY, "top").complaints == []
shared = replace(MEMORY, "*weights,", "*weights,\n    const ap_uint<64> *more,")
shared = replace(shared, "#pragma HLS INTERFACE s_axilite port=return", """\
#pragma HLS INTERFACE m_axi port=more bundle=weights offset=slave depth=8
#pragma HLS INTERFACE s_axilite port=return""")
bad = [(replace(MEMORY, old, new), complaint) for old, new, complaint in BAD_MEMORIES]
for source, complaint in bad + [(shared, "has more in the bundle of another")]:
    found = Linter(HEADER, source, "top").complaints
    assert any(text.split(": ", 1)[1] == complaint for text in found), (complaint, found)
assert Linter(HEADER, GOOD, "none").complaints == ["1: has no function none"]
assert lint_script(SCRIPT, "top") == []
for old, new, complaint in BAD_SCRIPTS:
    found = lint_script(replace(SCRIPT, old, new), "top")
    assert any(text.startswith(complaint) for text in found), (new, complaint, found)
